"""Merged words in reports: at every slice of a merge each report equals a recount in which A counts as B."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.operations.merge_words import merge_categories, merge_causes, refile_slice
from models.organizations.vocabulary import Category, Cause
from models.policy_defaults import MERGE_SETTLES_AFTER
from models.reports.merged_words import NOTHING_MERGED, find_merged_words
from tests.support.app import App
from tests.support.assertions import counted_part, matches_recount
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.store_groups import make_store_groups
from tests.support.factories.vocabulary import create_word, merge
from tests.support.generators.histories import BEGIN, END, add_store_abroad, live
from tests.support.generators.history_events import live_on
from tests.support.oracle.raw_rows import RawRows
from tests.support.oracle.recovery_recount import recount
from tests.support.oracle.report_recount import read_report_rows, recount_report
from tests.support.profiles import by_profile, longer
from tests.support.reports import refresh_all_rollups, refresh_rollups

# More than five seconds: after each step all of this is compared with a recount.
FROM, TO = BEGIN.date() - timedelta(days=50), END.date() + timedelta(days=1)
RECOVERY: list[tuple[str, ...]] = [("category",), ("cause",), ("category", "cause"), ("category", "month")]
RECOVERY.append(("cause", "week"))
OTHERS: list[tuple[str, tuple[str, ...]]] = [("causes", ()), ("causes", ("month",)), ("items", ("category",))]
OTHERS += [("remedies", ("cause",)), ("alerts", ("category",))]
MORE_WORDS = {"room": ["noise", "draught"], "bill": ["wrong", "late"], "illness": ["cut"]}
SLICE = 9


class MergingOrganization:
    """An organization with a history, some of whose words are merged."""

    def __init__(self, app: App, shop: Shop, rng: Random) -> None:
        self.app, self.shop, self.rng = app, shop, rng
        for slug, causes in MORE_WORDS.items():
            named = [{"slug": cause, "name": cause.title()} for cause in causes]
            made = create_word(app, shop, "categories", slug, causes=named, urgent=slug == "illness")
            assert made.status_code == 201
        self.stores = [shop.store_id, shop.other_store_id, add_store_abroad(app.back_office, shop)]
        make_store_groups(app.back_office, shop, {"lanterns": self.stores[:2]})
        self.live(15)
        live_on(app.back_office, shop, rng)

    def live(self, concerns: int = 3) -> None:
        """Log concerns under any words: the merged ones too, as a request does that read them before the merge."""
        live(self.app.back_office, self.shop, self.rng, concerns=concerns)

    def merge_categories(self) -> None:
        """Merge one category into another one, unless an urgent one would become calm."""
        with self.app.database.writing(self.shop.organization_id) as session:
            stmt = select(Category).where(Category.merged_into_id.is_(None))
            left = session.scalars(stmt.order_by(Category.slug)).all()
            pairs = [(word, into) for word in left for into in left if word is not into and word.urgent <= into.urgent]
            if len(left) > 2:
                merged, into = self.rng.choice(pairs)
                merge_categories(session, merged, into.id, by=self.admin, at=self.app.clock())

    def merge_causes(self) -> None:
        """Merge one cause into another one, of whatever category."""
        with self.app.database.writing(self.shop.organization_id) as session:
            stmt = select(Cause).where(Cause.merged_into_id.is_(None))
            left = session.scalars(stmt.order_by(Cause.slug)).all()
            pairs = [
                (word, into)
                for word in left
                for into in left
                if word is not into and word.category.urgent <= into.category.urgent
            ]
            if len(left) > 2:
                merged, into = self.rng.choice(pairs)
                merge_causes(session, merged, into.id, by=self.admin, at=self.app.clock())

    def refile(self) -> bool:
        with self.app.back_office.writing(self.shop.organization_id) as session:
            return refile_slice(session, at=self.app.clock(), slice_size=SLICE)

    def refresh_some(self) -> None:
        refresh_rollups(self.app.back_office, at_once=self.rng.choice([1, 5, 64]))

    def refresh_all(self) -> None:
        for _ in refresh_all_rollups(self.app.back_office):
            pass

    @property
    def admin(self) -> Actor:
        return Actor(self.shop.organization_id, GRANTS[Role.ADMIN], None, staff_id=self.shop.staff["admin"])

    def differences(self) -> list[Any]:
        """What the answers say and a recount does not."""
        with self.app.database.reading(self.shop.organization_id) as session:
            rows = read_report_rows(session, self.stores)
        slugs = {row["id"]: row["slug"] for by in ("category", "cause") for row in rows.raw.named[by].values()}
        days = {"from_date": FROM, "to_date": TO}
        recovery, others = (self.rng.sample(reports, by_profile(quick=2, deep=5)) for reports in (RECOVERY, OTHERS))
        reports: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
            *(("recovery", {"group_by": by}, recount(rows.raw, **days, group_by=by)) for by in recovery),
            *((name, {"group_by": by}, recount_report(rows, name, **days, group_by=by)) for name, by in others),
        ]
        categories = sorted(
            rows.raw.named["category"].values(), key=lambda row: (row["merged_into_id"] is None, row["slug"])
        )
        for category in categories[: by_profile(quick=2, deep=9)]:
            present = slugs[category["merged_into_id"] or category["id"]]
            query = {"group_by": ("month",), "category": category["slug"]}
            reports.append(("recovery", query, recount(rows.raw, **days, group_by=("month",), category=present)))
        wrong: list[Any] = [(name, query) for name, query, counted in reports if not self._agrees(name, query, counted)]
        return wrong + self._wrong_concerns(rows.raw, slugs)

    def _agrees(self, name: str, query: dict[str, Any], counted: dict[str, Any]) -> bool:
        answer = self._get(f"/v1/reports/{name}", **query, **{"from": str(FROM), "to": str(TO)})
        return matches_recount(counted_part(answer), counted)

    def _wrong_concerns(self, raw: RawRows, slugs: dict[Any, str]) -> list[Any]:
        """Return the concerns that show other words than those of now, and the filters that do not find them."""
        shown = self._concerns()
        listed = [row for row in raw.concerns if row["status"] != "voided"]
        present = {str(row["id"]): (slugs.get(row["category_id"]), slugs.get(row["cause_id"])) for row in listed}
        wrong: list[Any] = [
            id_ for id_, words in present.items() if words != (shown[id_]["category"], shown[id_]["cause"])
        ]
        for category in self.rng.sample([*raw.named["category"].values()], by_profile(quick=2, deep=6)):
            of_now = slugs[category["merged_into_id"] or category["id"]]
            matching = set(self._concerns(category=category["slug"]))
            if matching != {id_ for id_, (slug, _) in present.items() if slug == of_now}:
                wrong.append(("category", category["slug"]))
        return wrong

    def _concerns(self, **query: Any) -> dict[str, Any]:
        return {concern["id"]: concern for concern in self._get("/v1/concerns", **query, limit=200)["items"]}

    def _get(self, path: str, *, group_by: tuple[str, ...] = (), **query: Any) -> dict[str, Any]:
        params = {**query, **({"group_by": ",".join(group_by)} if group_by else {})}
        answer = self.app.request("GET", path, (self.shop, "admin"), query_string=params)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json
        return result

    def filed_under_merged_words(self) -> int:
        """Return how many concerns are filed under a merged word."""
        merged = (
            Concern.category_id.in_(select(Category.id).where(Category.merged_into_id.is_not(None))),
            Concern.cause_id.in_(select(Cause.id).where(Cause.merged_into_id.is_not(None))),
        )
        with self.app.database.reading(self.shop.organization_id) as session:
            return len(session.scalars(select(Concern.id).where(sa.or_(*merged))).all())


STEPS: list[Callable[[MergingOrganization], object]] = [
    MergingOrganization.merge_categories,
    MergingOrganization.merge_causes,
    MergingOrganization.merge_causes,
    MergingOrganization.refile,
    MergingOrganization.refile,
    MergingOrganization.refile,
    MergingOrganization.refresh_some,
    MergingOrganization.refresh_all,
    MergingOrganization.live,
]


# A category, a cause of another category, and what they were merged into is merged once more.
MERGES = [("categories", "food", "bill"), ("causes", "noise", "wrong"), ("categories", "bill", "waiting-time")]


@pytest.mark.parametrize("rolled_up", [False, True])
def test_at_every_slice_of_a_merge_the_reports_are_a_recount(app: App, shop: Shop, *, rolled_up: bool) -> None:
    organization = MergingOrganization(app, shop, Random(7))
    for category, cause in (("food", "cold"), ("food", None), ("room", "noise"), ("bill", "wrong"), ("bill", None)):
        for outcome in ("recovered", "lost"):
            ended = {"handling": "mine", "outcome": outcome, "mood_after": 4}
            log_concern(app, shop, category=category, cause=cause, **ended)
    if rolled_up:
        organization.refresh_all()
    for kind, slug, into in MERGES:
        before = organization.filed_under_merged_words()
        assert merge(app, shop, kind, slug, into).status_code == 200
        assert organization.filed_under_merged_words() > before, "or this would show nothing"
        assert organization.differences() == []
    while organization.refile():
        assert organization.differences() == []
    assert organization.filed_under_merged_words() == 0
    app.clock.move(seconds=int(MERGE_SETTLES_AFTER.total_seconds()))
    while organization.refile():
        pass
    assert organization.differences() == []
    organization.refresh_all()
    assert organization.differences() == []
    with app.database.reading(shop.organization_id) as session:
        assert find_merged_words(session) == NOTHING_MERGED


# Seeds instead of examples of Hypothesis: to find the shortest history that fails would take an hour.
@longer
@pytest.mark.parametrize("seed", range(by_profile(quick=1, deep=3)))
def test_in_whatever_order_words_are_merged_refiled_and_rolled_up(app: App, shop: Shop, seed: int) -> None:
    rng = Random(seed)
    organization = MergingOrganization(app, shop, rng)
    steps = []
    for _ in range(10):
        steps.append(rng.choice(STEPS))
        steps[-1](organization)
        assert organization.differences() == [], steps
    app.clock.move(seconds=int(MERGE_SETTLES_AFTER.total_seconds()))
    while organization.refile():
        pass
    assert organization.filed_under_merged_words() == 0
    assert organization.differences() == []
