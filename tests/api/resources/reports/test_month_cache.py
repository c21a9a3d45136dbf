"""The month cache: a report that is repeated costs only the months that changed, and is never stale."""

from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from models.operations.merge_words import refile_slice
from models.organizations.organization import Region
from models.organizations.store import Store
from models.policy_defaults import MERGE_SETTLES_AFTER
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.store_groups import make_store_groups
from tests.support.factories.vocabulary import merge
from tests.support.oracle.recounted_organization import RecountedOrganization
from tests.support.reports import refresh_rollups

YEAR = {"from": "2026-01-01", "to": "2026-12-31"}
OF_MONTHS = ("FROM rollup_month", "FROM rollup_cause")


@pytest.fixture
def organization(app: App) -> RecountedOrganization:
    """An organization of which every sum is kept."""
    organization = RecountedOrganization(app)
    organization.live(Random(11), 20)
    organization.refresh_all()
    return organization


def ask(organization: RecountedOrganization, group_by: str, **filters: Any) -> tuple[dict[str, Any], int]:
    """The report, and how many statements read months that are kept."""
    query = {**YEAR, "group_by": group_by, **filters}
    with organization.app.counting() as statements:
        answer = organization.app.request("GET", "/v1/reports/recovery", (organization.shop, "hq"), query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json, sum(any(table in statement for table in OF_MONTHS) for statement in statements)


def concerns(organization: RecountedOrganization, group_by: str = "month", **filters: Any) -> int:
    count: int = ask(organization, group_by, **filters)[0]["totals"]["concerns"]
    return count


@pytest.mark.parametrize("group_by", ["month", "region,month", "category", "group"])
def test_what_was_added_up_is_not_read_again(organization: RecountedOrganization, group_by: str) -> None:
    first, read = ask(organization, group_by)
    assert read == (2 if group_by == "group" else 1)  # where groups overlap the whole is counted as well
    again, read = ask(organization, group_by)
    assert read == 0
    assert (again["rows"], again["totals"]) == (first["rows"], first["totals"])


def test_a_list_of_stores_is_too_long_to_be_cached(organization: RecountedOrganization) -> None:
    assert [ask(organization, "store")[1] for _ in range(2)] == [1, 1]


def test_the_rollups_of_a_recomputed_month_are_read_again(organization: RecountedOrganization) -> None:
    before = concerns(organization)
    log_concern(organization.app, organization.shop, mood=1)
    assert refresh_rollups(organization.app.back_office)
    again, read = ask(organization, "month")
    assert again["totals"]["concerns"] == before + 1
    assert read == 1
    assert ask(organization, "month")[1] == 0


def test_a_store_that_changes_its_region_keeps_its_cached_months(organization: RecountedOrganization) -> None:
    ask(organization, "region")
    with organization.app.back_office.writing(organization.shop.organization_id) as session:
        (region,) = session.scalars(select(Region.id).where(Region.id != organization.shop.region_id).limit(1))
        for store in session.scalars(select(Store)):
            store.region_id = region
    (only,) = ask(organization, "region")[0]["rows"]
    assert only["group"]["region"]["id"] == str(region)


def test_a_store_that_joins_a_group_is_counted_there_at_once(organization: RecountedOrganization) -> None:
    before = [row["group"]["group"] for row in ask(organization, "group")[0]["rows"]]
    make_store_groups(organization.app.back_office, organization.shop, {"newcomers": organization.stores})
    after, _ = ask(organization, "group")
    assert len(after["rows"]) == len(before) + 1


def test_each_sees_the_totals_of_the_stores_within_reach(organization: RecountedOrganization) -> None:
    everywhere = concerns(organization)
    here = concerns(organization, store_id=str(organization.shop.store_id))
    there = concerns(organization, store_id=str(organization.shop.other_store_id))
    assert 0 < here < everywhere
    assert 0 < there < everywhere
    assert concerns(organization) == everywhere


def test_a_merge_is_seen_at_once_by_each_of_the_slugs(organization: RecountedOrganization) -> None:
    """Also where a cached month is not recomputed afterwards, because nothing of the merged category is in it."""
    app, shop = organization.app, organization.shop
    slugs = ("food", "waiting-time", "allergy")
    before = {slug: concerns(organization, category=slug) for slug in slugs}
    assert all(before.values())
    assert merge(app, shop, "categories", "food", "waiting-time").status_code == 200
    together = before["food"] + before["waiting-time"]
    for _ in range(2):
        after = {slug: concerns(organization, category=slug) for slug in slugs}
        assert after == {"food": together, "waiting-time": together, "allergy": before["allergy"]}
        assert len(ask(organization, "category")[0]["rows"]) == 3  # with the concerns that have none
        app.clock.move(seconds=int(MERGE_SETTLES_AFTER.total_seconds()))
        with app.back_office.writing(shop.organization_id) as session:
            while refile_slice(session, at=app.clock()):
                session.flush()
        organization.refresh_all()


def test_a_slug_that_means_another_category_is_not_answered_from_the_cache(app: App) -> None:
    """No month is recomputed: nothing was ever filed under the merged category."""
    organization = RecountedOrganization(app)
    log_concern(app, organization.shop, category="food")
    organization.refresh_all()
    assert concerns(organization, category="waiting-time") == 0
    assert merge(app, organization.shop, "categories", "waiting-time", "food").status_code == 200
    app.clock.move(seconds=int(MERGE_SETTLES_AFTER.total_seconds()))
    with app.back_office.writing(organization.shop.organization_id) as session:
        refile_slice(session, at=app.clock())
    assert concerns(organization, category="waiting-time") == concerns(organization, category="food") == 1


def test_one_category_and_all_of_them_are_cached_apart(organization: RecountedOrganization) -> None:
    everything = concerns(organization, "category")
    of_one = concerns(organization, "category", category="food")
    assert 0 < of_one < everything
    assert (concerns(organization, "category"), concerns(organization, "category", category="food")) == (
        everything,
        of_one,
    )
