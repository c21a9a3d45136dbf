"""Praise reaches the person it is for and rings nobody; related concerns are linked."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.alerts.notification import NotificationKind
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario, store_scenario

PRAISE = NotificationKind.PRAISE


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def praise(evening: StoreScenario, whom: str, by: str = "floor", **said: Any) -> dict[str, Any]:
    return evening.log(by, mood=5, kind="praise", praised_id=str(evening.shop.staff[whom]), **said)


def test_praise_reaches_the_person_it_is_for_and_rings_nobody(evening: StoreScenario) -> None:
    told = praise(evening, "colleague")
    assert told["praised"] == {"id": str(evening.shop.staff["colleague"]), "name": "Colleague of acme"}
    assert (evening.told(PRAISE), evening.told()) == ({0: {"colleague"}}, {})
    assert told["alert"] is None


def test_who_wrote_it_down_themselves_knows_it_already(evening: StoreScenario) -> None:
    praise(evening, "floor")
    assert evening.told(PRAISE) == {}


def test_whom_it_is_for_may_be_named_later_and_once(evening: StoreScenario) -> None:
    told = evening.log(mood=5, kind="praise")
    told = edit(evening.world, evening.shop, told, praised_id=str(evening.shop.staff["colleague"]))
    edit(evening.world, evening.shop, told, their_words="She is wonderful")
    evening.let_pass(seconds=1)
    assert evening.told(PRAISE) == {0: {"colleague"}}


def test_a_concern_about_somebody_is_no_praise_for_them(evening: StoreScenario) -> None:
    evening.log(mood=2, praised_id=str(evening.shop.staff["colleague"]))
    assert evening.told(PRAISE) == {}


def test_who_does_not_want_to_hear_of_praise_does_not(evening: StoreScenario) -> None:
    evening.settle_for("colleague", muted=["praise"])
    praise(evening, "colleague")
    assert evening.told(PRAISE) == {}


def test_concerns_of_one_story_are_linked(world: App, shop: Shop) -> None:
    first = log_concern(world, shop)
    second = log_concern(world, shop, linked_id=first["id"])
    assert second["linked_id"] == first["id"]
    assert edit(world, shop, second, linked_id=None)["linked_id"] is None
    timeline = world.request("GET", f"/v1/concerns/{second['id']}/events", (shop, "floor")).json["items"]
    assert timeline[-1]["details"] == {"linked": {"before": first["id"], "after": None}}


@pytest.mark.parametrize("named", ["praised_id", "linked_id"])
def test_nobody_out_of_reach_is_named(world: App, shop: Shop, named: str) -> None:
    body = {"mood": 5, named: str(shop.organization_id)}
    assert (
        assert_problem(world.request("POST", "/v1/concerns", (shop, "floor"), json=body), 404, "not-found")["pointer"]
        == f"/{named}"
    )
