"""Praise reaches the person it is for and rings nobody; related concerns are linked."""

from typing import Any

from models.alerts.notification import NotificationKind
from tests.support.app import App
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario

PRAISE = NotificationKind.PRAISE


def praise(scenario: StoreScenario, whom: str, by: str = "floor", **said: Any) -> dict[str, Any]:
    return scenario.log(by, mood=5, kind="praise", praised_id=str(scenario.shop.staff[whom]), **said)


def test_praise_reaches_the_person_it_is_for_and_rings_nobody(scenario: StoreScenario) -> None:
    concern = praise(scenario, "colleague")
    assert concern["praised"] == {"id": str(scenario.shop.staff["colleague"]), "name": "Colleague of acme"}
    assert (scenario.addresses_by_second(PRAISE), scenario.addresses_by_second()) == ({0: {"colleague"}}, {})
    assert concern["alert"] is None


def test_who_wrote_it_down_themselves_knows_it_already(scenario: StoreScenario) -> None:
    praise(scenario, "floor")
    assert scenario.addresses_by_second(PRAISE) == {}


def test_whom_it_is_for_may_be_named_later_and_once(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=5, kind="praise")
    concern = edit(scenario.app, scenario.shop, concern, praised_id=str(scenario.shop.staff["colleague"]))
    edit(scenario.app, scenario.shop, concern, their_words="She is wonderful")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(PRAISE) == {0: {"colleague"}}


def test_a_concern_about_somebody_is_no_praise_for_them(scenario: StoreScenario) -> None:
    scenario.log(mood=2, praised_id=str(scenario.shop.staff["colleague"]))
    assert scenario.addresses_by_second(PRAISE) == {}


def test_who_does_not_want_to_hear_of_praise_does_not(scenario: StoreScenario) -> None:
    scenario.set_preferences("colleague", muted=["praise"])
    praise(scenario, "colleague")
    assert scenario.addresses_by_second(PRAISE) == {}


def test_concerns_of_one_story_are_linked(app: App, shop: Shop) -> None:
    first = log_concern(app, shop)
    second = log_concern(app, shop, linked_id=first["id"])
    assert second["linked_id"] == first["id"]
    assert app.request("GET", f"/v1/concerns/{first['id']}", (shop, "floor")).json["linked_id"] is None
    assert edit(app, shop, second, linked_id=None)["linked_id"] is None
    timeline = app.request("GET", f"/v1/concerns/{second['id']}/events", (shop, "floor")).json["items"]
    assert timeline[-1]["details"] == {"linked": {"before": first["id"], "after": None}}
