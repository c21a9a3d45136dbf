"""Caches of a process: an answer lasts a minute of the caller's time, and each organization has its own."""

from datetime import timedelta
from itertools import count

import pytest

from models.db import cache
from models.db.cache import CACHE_TTL, LruCache, TtlCache
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop

A_MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("later", "answer"), [(timedelta(0), 0), (CACHE_TTL - A_MOMENT, 0), (CACHE_TTL, 1), (-A_MOMENT, 1)]
)
def test_an_answer_lasts_a_minute_and_is_not_used_for_an_earlier_instant(later: timedelta, answer: int) -> None:
    ttl_cache, answers = TtlCache(), count()
    assert ttl_cache.get_or_compute("what", at=NOON, compute=lambda: next(answers)) == 0
    assert ttl_cache.get_or_compute("what", at=NOON + later, compute=lambda: next(answers)) == answer
    assert ttl_cache.get_or_compute("else", at=NOON, compute=lambda: "another") == "another"


def test_the_oldest_answer_is_evicted_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_CACHED_ANSWERS", 3)
    ttl_cache, answers = TtlCache(), count()
    for key in (1, 2, 3, 4, 2, 3, 4):
        ttl_cache.get_or_compute(key, at=NOON, compute=lambda: next(answers))
    assert next(answers) == 4
    assert ttl_cache.get_or_compute(1, at=NOON, compute=lambda: "forgotten") == "forgotten"
    assert len(ttl_cache._answers) == 3


def test_a_failed_computation_is_not_cached() -> None:
    ttl_cache = TtlCache()
    with pytest.raises(ZeroDivisionError):
        ttl_cache.get_or_compute("what", at=NOON, compute=lambda: 1 // 0)
    assert ttl_cache.get_or_compute("what", at=NOON, compute=lambda: 1) == 1


def test_cached_answers_are_each_organizations_own(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    slugs = []
    for owner in (shop, other, shop, other):
        with app.database.reading(owner.organization_id) as session:
            slugs.append(session.cached("what", lambda owner=owner: owner.slug, at=NOON))  # type: ignore[misc]
    assert slugs == ["acme", "other", "acme", "other"]
    assert app.back_office.answer_cache is not app.database.answer_cache


def test_a_full_cache_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_CACHED_BYTES", 9)
    lru_cache = LruCache()
    for key in ("one", "another", "a third"):
        lru_cache.put(key, key, size=3)
    assert lru_cache.get("one") == "one"
    lru_cache.put("a fourth", "it", size=2)
    assert [lru_cache.get(key) is None for key in ("one", "another", "a third", "a fourth")] == [0, 1, 0, 0]


def test_an_answer_that_exceeds_the_cache_alone_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_CACHED_BYTES", 9)
    lru_cache = LruCache()
    lru_cache.put("little", "it", size=9)
    lru_cache.put("much", "it", size=10)
    assert lru_cache.get("much") is None
    assert lru_cache.get("little") == "it"
