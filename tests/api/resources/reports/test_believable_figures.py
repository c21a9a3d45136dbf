"""Figures that one can believe: whose cost, whose customers, who came in time, and what was made up."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.concerns.enums import Outcome
from models.db.session import ALL_TENANTS
from models.organizations.store import Store
from tests.support.app import App
from tests.support.factories.concerns import add_concern, edit, log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.reports import recovery_report, refresh_all_rollups


def test_what_a_recovery_cost_is_divided_by_the_recoveries_of_stores_with_that_currency(app: App, shop: Shop) -> None:
    with app.back_office.writing(ALL_TENANTS) as session:
        session.get_one(Store, (shop.organization_id, shop.other_store_id)).currency = "USD"
    for _ in range(2):
        add_concern(app, shop, outcome=Outcome.RECOVERED, cost=1000)
    for _ in range(3):
        add_concern(app, shop, store="second", outcome=Outcome.RECOVERED)
    log = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03", (shop, "manager")).json
    assert log["figures"]["cost_per_recovered"] == [{"amount": 1000, "currency": "EUR"}]
    for _ in range(2):
        totals = recovery_report(app, shop).json["totals"]
        assert totals["recovered"] == 5
        assert totals["cost_per_recovered"] == [{"amount": 1000, "currency": "EUR"}]  # it was 400
        list(refresh_all_rollups(app.back_office))


def test_repeats_are_of_customers_whom_somebody_knows(app: App, shop: Shop) -> None:
    for _ in range(3):
        log_concern(app, shop, customer={"phone": "+351912345678"})
        app.clock.move(minutes=1)
    log_concern(app, shop)
    for name in ("recovery", "causes"):
        query = {"from": "2026-03-01", "to": "2026-03-31"}
        totals = app.request("GET", f"/v1/reports/{name}", (shop, "hq"), query_string=query).json["totals"]
        assert totals["repeat_within_30_days"] == {"value": None, "numerator": 2, "denominator": 3}, name


def test_who_came_is_told_apart_by_whether_the_call_had_gone_unanswered(app: App, shop: Shop) -> None:
    log_concern(app, shop, handling="mine")  # rings nobody
    late = log_concern(app, shop, occurred_at=(app.clock() - timedelta(hours=2)).isoformat())
    in_time, unanswered, first_in_time, _nobody_came = (log_concern(app, shop) for _ in range(4))
    for concern in (late, in_time, first_in_time):
        move(app, shop, concern, "take", "colleague")
    move(app, shop, first_in_time, "release")
    nobody_answers(app, at=app.clock.move(minutes=20))
    app.clock.move(minutes=1)
    for concern in (unanswered, first_in_time):
        move(app, shop, concern, "take", "colleague")
    move(app, shop, late, "resolve")
    report = {"from": "2026-03-01", "to": "2026-03-31"}
    alerts = app.request("GET", "/v1/reports/alerts", (shop, "hq"), query_string=report).json["totals"]
    for totals, taken in ((recovery_report(app, shop).json["totals"], 5), (alerts, 3)):
        assert (totals["taken"], totals["taken_in_time"], totals["taken_after_unanswered"]) == (taken, 2, 1)
    assert (alerts["alerts"], alerts["rang"], alerts["unanswered"]) == (5, 4, 3)


def nobody_answers(app: App, *, at: datetime) -> None:
    with app.back_office.writing(ALL_TENANTS) as session:
        for alert in session.scalars(select(Alert).where(Alert.state == AlertState.OPEN)):
            while alert.next_step_at is not None:
                alert.advance(at=at, has_receipt=False)


def test_a_store_that_makes_its_figures_look_good_stands_out(app: App, shop: Shop) -> None:
    quick = log_concern(app, shop, handling="mine", mood=2)
    slow = log_concern(app, shop, handling="mine", mood=2)
    for_help, content = log_concern(app, shop, mood=2), log_concern(app, shop, handling="mine", mood=4)
    app.clock.move(minutes=2)
    for concern in (quick, for_help, content):
        move(app, shop, concern, "resolve", "floor")
    app.clock.move(seconds=1)
    move(app, shop, slow, "resolve", "floor")
    up, a_little = log_concern(app, shop, mood=1), log_concern(app, shop, mood=1)
    edit(app, shop, up, mood=4)
    edit(app, shop, a_little, mood=2)
    void, praise = log_concern(app, shop, mood=2), log_concern(app, shop, mood=2)
    long_ago = (app.clock() - timedelta(hours=3)).isoformat()
    afterwards = {"handling": "mine", "outcome": "recovered", "mood_after": 4, "occurred_at": long_ago}
    assert log_concern(app, shop, mood=2, **afterwards)["status"] == "resolved"
    path = f"/v1/concerns/{void['id']}/void"
    assert app.request("POST", path, (shop, "manager"), json={"reason": "Twice."}).status_code == 200
    edit(app, shop, praise, "manager", kind="praise", mood=5)
    for _ in range(2):
        row = recovery_report(app, shop, group_by="store").json["rows"][0]
        logged = {"value": None, "denominator": 8}
        assert row["quick_own_share"] == {**logged, "numerator": 1}
        assert row["corrected_up_share"] == {**logged, "numerator": 1}
        assert row["taken_back_share"] == {**logged, "numerator": 2}
        assert row["unhappy_share"] == {"value": None, "numerator": 5, "denominator": 7}
        list(refresh_all_rollups(app.back_office))
    assert recovery_report(app, shop, group_by="category").json["totals"]["taken_back_share"] is None


def test_control_limits_say_which_stores_look_too_good(app: App, shop: Shop) -> None:
    for number in range(40):
        add_concern(app, shop, mood=2)
        add_concern(app, shop, store="second", mood=2 if number % 4 == 0 else 3)
    first, _ = recovery_report(app, shop, group_by="store").json["rows"]
    assert first["control"]["unhappy_share"]["outside"] == "99.8"
    assert first["control"]["quick_own_share"] is None  # there is none in any store
    assert first["control"].keys() >= {"corrected_up_share", "taken_back_share"}
