"""Who hears of what does not ring: a late concern, one's own, how it ended; and who asked to be left alone."""

from collections.abc import Iterator
from datetime import time, timedelta

import pytest

from models.notification import NotificationKind
from tests.evening import Evening, evening_in
from tests.telling import log_concern, move, the_alert
from tests.world import World

K = NotificationKind


@pytest.fixture
def evening(world: World) -> Iterator[Evening]:
    with evening_in(world) as evening:
        evening.give_phones()
        yield evening


def test_a_late_concern_informs_the_lead_and_rings_nobody(evening: Evening) -> None:
    log_late(evening)
    evening.let_pass(minutes=30)
    assert (evening.told(K.LATE), evening.told(K.RING)) == ({0: {"lead"}}, {})
    assert the_alert(evening.world).state == "late"


def test_where_nobody_leads_the_managers_hear_of_it(evening: Evening) -> None:
    evening.check_out("lead")
    log_late(evening)
    assert evening.told(K.LATE) == {0: {"manager"}}


def test_a_lead_who_logged_it_is_not_told_what_they_know(evening: Evening) -> None:
    log_late(evening, login="lead")
    assert evening.told(K.LATE) == {0: {"manager"}}


def test_ones_own_informs_the_lead_and_rings_nobody(evening: Evening) -> None:
    evening.log(mood=1, handling="mine")
    evening.let_pass(minutes=30)
    assert (evening.told(K.OWN), evening.told(K.RING)) == ({0: {"lead"}}, {})


def test_praise_and_a_content_customer_are_news_to_nobody(evening: Evening) -> None:
    evening.log(mood=5, kind="praise")
    evening.log(mood=4, handling="mine")
    assert evening.letters == []


def test_who_logged_or_helped_is_told_how_it_ended_but_not_by_themselves(evening: Evening) -> None:
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "take", "colleague")
    evening.act(concern, "lead")
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    evening.let_pass(seconds=1)
    assert evening.told(K.OUTCOME) == {0: {"floor", "lead"}}


def test_who_asked_not_to_hear_of_a_kind_does_not_and_is_still_rung(evening: Evening) -> None:
    evening.settle_for("lead", muted=["late", "own", "outcome"])
    log_late(evening)
    evening.log(mood=2, handling="mine")
    concern = evening.log(mood=2)
    evening.act(concern, "lead")
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    evening.let_pass(seconds=1)
    assert {kind: people for kind in K if (people := evening.told(kind).get(0))} == {
        K.RING: {"colleague", "lead"},
        K.OUTCOME: {"floor"},
    }


def test_quiet_hours_keep_news_from_who_is_at_home_and_not_from_who_is_on_shift(evening: Evening) -> None:
    for login in ("floor", "colleague"):
        evening.settle_for(login, quiet_from=time(11), quiet_until=time(13))
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "take", "colleague")
    evening.check_out("floor")
    move(evening.world, evening.shop, concern, "resolve", "lead")
    evening.let_pass(seconds=1)
    assert evening.told(K.OUTCOME) == {0: {"colleague"}}


def test_unanswered_in_quiet_hours_is_a_mail_and_no_push(evening: Evening) -> None:
    evening.settle_for("manager", email="manager@example.com", quiet_from=time(11), quiet_until=time(13))
    evening.log(mood=2)
    evening.let_pass(minutes=20)
    assert evening.told(K.UNANSWERED) == {1200: {"manager@example.com", "regional"}}


def test_a_pause_keeps_news_away_too(evening: Evening) -> None:
    evening.pause("lead", until=evening.began_at + timedelta(minutes=5))
    log_late(evening)
    assert evening.told(K.LATE) == {}


def test_a_sensitive_one_is_news_only_to_those_who_may_read_it(evening: Evening) -> None:
    concern = evening.log(mood=2, sensitive=True)
    assert evening.told() == {0: {"manager"}}
    move(evening.world, evening.shop, concern, "take", "manager")
    move(evening.world, evening.shop, concern, "resolve", "manager")
    evening.let_pass(seconds=1)
    assert evening.told(K.OUTCOME) == {}


def log_late(evening: Evening, login: str = "floor") -> None:
    occurred_at = (evening.world.clock() - timedelta(minutes=16)).isoformat()
    log_concern(evening.world, evening.shop, login, mood=2, occurred_at=occurred_at)
    evening.let_pass(seconds=0)
