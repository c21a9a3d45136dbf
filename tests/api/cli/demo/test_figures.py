"""Every figure of the demo's report and daily log, beside a recount of the raw rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from api.cli.demo.seed import seed
from models.db.session import ALL_TENANTS
from models.organizations.organization import Organization
from models.organizations.store import Store
from tests.support.app import App
from tests.support.assertions import counted_part, matches_recount
from tests.support.clock import NOON
from tests.support.oracle.raw_rows import read_raw_rows
from tests.support.oracle.recovery_recount import recount, recount_day

YESTERDAY = NOON.date() - timedelta(days=1)
FIRST = NOON.date() - timedelta(days=60)
GROUPINGS = ((), ("region", "month"), ("store", "week"), ("category", "cause"), ("channel",), ("day",))


def test_the_demo_shows_what_its_rows_say(app: App):
    seed(app.back_office, at=NOON)
    with app.back_office.reading(ALL_TENANTS) as session:
        organization_id = Organization.by_slug(session, "demo").id
    with app.back_office.reading(organization_id) as session:
        stores = {store.slug: store.id for store in session.scalars(select(Store))}
        raw = read_raw_rows(session, list(stores.values()))

    hq, days = sign_in(app, "hq"), {"from": FIRST.isoformat(), "to": YESTERDAY.isoformat()}
    for group_by in GROUPINGS:
        shown = ask(app, hq, "/v1/reports/recovery", **days, group_by=",".join(group_by))
        recounted = recount(raw, from_date=FIRST, to_date=YESTERDAY, group_by=group_by)
        assert matches_recount(counted_part(shown), recounted), group_by
    assert recounted["totals"]["concerns"] > 500

    for store_id in stores.values():
        for days_ago in (1, 2, 17, 60):
            day = NOON.date() - timedelta(days=days_ago)
            log = ask(app, hq, f"/v1/stores/{store_id}/recovery-logs/{day}")
            assert log["figures"] == recount_day(raw, store_id, day), (store_id, day)


def sign_in(app: App, login: str) -> str:
    body = {"organization": "demo", "login": login, "password": f"demo-{login}-2468"}
    token: str = app.request("POST", "/v1/sessions", json=body).json["token"]
    return token


def ask(app: App, token: str, path: str, **query: str) -> Any:
    answer = app.request("GET", path, headers={"Authorization": f"Bearer {token}"}, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json
