"""Caches of a process: values expire after a minute, belong to one organization, and are bounded in size."""

from datetime import timedelta
from itertools import count

import pytest

from models.db import cache as memory
from models.db.cache import CACHE_TTL, LruCache, TtlCache
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop

A_MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("later", "answer"), [(timedelta(0), 0), (CACHE_TTL - A_MOMENT, 0), (CACHE_TTL, 1), (-A_MOMENT, 1)]
)
def test_an_answer_is_good_for_a_minute_and_never_before_it_was_found(later: timedelta, answer: int) -> None:
    kept, answers = TtlCache(), count()
    assert kept.get_or_compute("what", at=NOON, ask=lambda: next(answers)) == 0
    assert kept.get_or_compute("what", at=NOON + later, ask=lambda: next(answers)) == answer
    assert kept.get_or_compute("else", at=NOON, ask=lambda: "another") == "another"


def test_the_oldest_answer_is_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_CACHED_ANSWERS", 3)
    kept, answers = TtlCache(), count()
    for asked in (1, 2, 3, 4, 2, 3, 4):
        kept.get_or_compute(asked, at=NOON, ask=lambda: next(answers))
    assert next(answers) == 4
    assert kept.get_or_compute(1, at=NOON, ask=lambda: "forgotten") == "forgotten"
    assert len(kept._answers) == 3


def test_an_answer_that_was_not_found_is_asked_for_again() -> None:
    kept = TtlCache()
    with pytest.raises(ZeroDivisionError):
        kept.get_or_compute("what", at=NOON, ask=lambda: 1 // 0)
    assert kept.get_or_compute("what", at=NOON, ask=lambda: 1) == 1


def test_what_is_cached_is_each_organizations_own(world: App, shop: Shop) -> None:
    other = make_shop(world.back_office, "other")
    found = []
    for one in (shop, other, shop, other):
        with world.database.reading(one.organization_id) as session:
            found.append(session.cached("what", lambda one=one: one.slug, at=NOON))  # type: ignore[misc]
    assert found == ["acme", "other", "acme", "other"]
    assert world.back_office.memory is not world.database.memory


def test_a_full_cache_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_CACHED_BYTES", 9)
    shelf = LruCache()
    for asked in ("one", "another", "a third"):
        shelf.put(asked, asked, size=3)
    assert shelf.get("one") == "one"
    shelf.put("a fourth", "it", size=2)
    assert [shelf.get(asked) is None for asked in ("one", "another", "a third", "a fourth")] == [0, 1, 0, 0]


def test_what_would_fill_a_cache_alone_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_CACHED_BYTES", 9)
    shelf = LruCache()
    shelf.put("little", "it", size=9)
    shelf.put("much", "it", size=10)
    assert shelf.get("much") is None
    assert shelf.get("little") == "it"
