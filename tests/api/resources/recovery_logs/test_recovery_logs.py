"""The daily recovery log over HTTP: its content, and who sees which part."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from models.alerts.alert import Alert
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop

DAY = NOON.date()


def log(app: App, shop: Shop, by: str = "manager", *, day: date | str = DAY) -> dict[str, Any]:
    answer = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{day}", (shop, by))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


def tell(app: App, shop: Shop, by: str = "floor", **told: Any) -> str:
    """Log a concern; its id."""
    answer = app.request("POST", "/v1/concerns", (shop, by), json={"mood": 2, "store_id": str(shop.store_id), **told})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def test_a_day_without_concerns_has_an_empty_log(app: App, shop: Shop) -> None:
    shown = log(app, shop)
    assert shown["store"] == {
        "id": str(shop.store_id),
        "slug": "first",
        "name": "First",
        "time_zone": "Europe/Lisbon",
    }
    assert (shown["business_date"], shown["generated_at"]) == ("2026-03-03", "2026-03-03T12:00:00Z")
    assert (shown["opens_at"], shown["closes_at"]) == ("2026-03-03T04:00:00Z", "2026-03-04T04:00:00Z")
    lists = ["unanswered_alerts", "open_concerns", "follow_ups", "pending_approvals", "promised_not_paid", "to_review"]
    assert shown["needs_you_now"] == {name: [] for name in lists}
    assert shown["concerns"] == shown["praise"] == shown["late_entries"] == []
    assert shown["figures"]["concerns"] == shown["figures"]["praise"] == 0


def test_a_day_on_which_clocks_change_has_the_hours_it_has(app: App, shop: Shop) -> None:
    spring, autumn = log(app, shop, day="2026-03-28"), log(app, shop, day="2026-10-24")
    assert (spring["opens_at"], spring["closes_at"]) == ("2026-03-28T04:00:00Z", "2026-03-29T03:00:00Z")
    assert (autumn["opens_at"], autumn["closes_at"]) == ("2026-10-24T03:00:00Z", "2026-10-25T04:00:00Z")


def test_what_belongs_to_the_day_is_listed_with_actions_and_timeline(app: App, shop: Shop) -> None:
    concern_id = tell(
        app,
        shop,
        handling="mine",
        their_words="It is stone cold.",
        items=[{"name": "Soup"}, {"name": "Bread"}],
        recovery_actions=[{"remedy": "remake"}, {"remedy": "apology", "note": "Twice."}],
        outcome="recovered",
        mood_after=4,
    )
    app.clock.move(hours=15, minutes=59)  # 03:59 in the morning still belongs to the day before
    second = tell(app, shop, mood=1)
    app.clock.move(minutes=1)
    tomorrow = tell(app, shop)
    shown = log(app, shop)
    first = shown["concerns"][0]
    assert [concern["id"] for concern in shown["concerns"]] == [concern_id, second]
    assert [concern["id"] for concern in log(app, shop, day=DAY + timedelta(days=1))["concerns"]] == [tomorrow]
    concern = app.request("GET", f"/v1/concerns/{concern_id}", (shop, "manager")).json
    assert (concern.pop("as_typed"), concern.pop("customer_name")) == (None, None)  # which no log shows
    assert {name: first[name] for name in first if name != "timeline"} == concern
    for part, path in (("recovery_actions", "recovery-actions"), ("timeline", "events")):
        listed = app.request("GET", f"/v1/concerns/{concern_id}/{path}", (shop, "manager")).json["items"]
        listed = [{name: line[name] for name in line if name not in ("customer_name", "place_name")} for line in listed]
        assert sorted(first[part], key=lambda it: it["id"]) == sorted(listed, key=lambda it: it["id"])
    steps = ["logged", "taken", "action_recorded", "action_recorded", "resolved"]
    assert [event["step"] for event in first["timeline"]] == steps
    assert [action["remedy"] for action in first["recovery_actions"]] == ["remake", "apology"]


def test_what_needs_somebody_comes_first(app: App, shop: Shop) -> None:
    ids = {name: tell(app, shop) for name in ("ringing", "unanswered", "answered late", "resolved")}
    with app.back_office.writing(shop.organization_id) as session:
        for alert in session.scalars(select(Alert)):
            if str(alert.concern_id) in (ids["unanswered"], ids["answered late"]):
                alert.advance(at=NOON + timedelta(minutes=20), has_receipt=False)
    ended = {"outcome": "lost", "mood_after": None}
    for name, verb, body in (("answered late", "take", None), ("resolved", "resolve", ended)):
        path = f"/v1/concerns/{ids[name]}/{verb}"
        assert app.request("POST", path, (shop, "manager"), json=body).status_code == 200
    shown = log(app, shop)
    needs = {name: {concern["id"] for concern in them} for name, them in shown["needs_you_now"].items()}
    assert needs["unanswered_alerts"] == {ids["unanswered"]}
    assert needs["open_concerns"] == {ids["ringing"], ids["unanswered"], ids["answered late"]}
    assert (shown["figures"]["unanswered_alerts"], shown["figures"]["open"]) == (2, 3)


def test_praise_and_late_entries_are_kept_apart(app: App, shop: Shop) -> None:
    praise = tell(app, shop, kind="praise", mood=5)
    late = tell(app, shop, occurred_at=(NOON - timedelta(hours=2)).isoformat())
    shown = log(app, shop)
    assert [it["id"] for it in shown["praise"]] == [praise]
    assert [it["id"] for it in shown["concerns"]] == [late]
    assert shown["late_entries"] == [late]
    assert (shown["figures"]["concerns"], shown["figures"]["praise"], shown["figures"]["late"]) == (1, 1, 1)


def test_a_sensitive_concern_is_counted_for_all_and_shown_to_those_who_may_read_it(app: App, shop: Shop) -> None:
    concern_id = tell(app, shop, "colleague", sensitive=True)
    for login, reads in (("manager", True), ("regional", True), ("colleague", True), ("floor", False), ("hq", False)):
        shown = log(app, shop, login)
        listed = [concern_id] if reads else []
        assert [concern["id"] for concern in shown["concerns"]] == listed, login
        assert [concern["id"] for concern in shown["needs_you_now"]["open_concerns"]] == listed, login
        assert shown["figures"]["concerns"] == 1, login


def test_head_office_reads_figures_and_no_words_or_names(app: App, shop: Shop) -> None:
    tell(
        app,
        shop,
        their_words="planted words",
        our_reading="planted reading",
        stake="planted stake",
        wanted="planted wish",
        customer={"name": "Planted Person"},
        recovery_actions=[{"remedy": "voucher", "note": "planted note"}],
        handling="mine",
    )
    path = f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}"
    text = app.request("GET", path, (shop, "hq")).text
    assert "planted" not in text.lower()
    assert "Floor of acme" not in text
    shown = log(app, shop, "hq")
    assert shown["figures"]["cost"] == [{"amount": 1000, "currency": "EUR"}]
    assert shown["concerns"][0]["timeline"][0]["by"] is None
    assert "planted words" in app.request("GET", path, (shop, "manager")).text


def test_a_date_that_is_none_is_404(app: App, shop: Shop) -> None:
    for day in ("2026-02-30", "2026-3-3", "yesterday", "0001-01-01", "9999-12-31"):
        answer = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{day}", (shop, "manager"))
        assert (answer.status_code, answer.json["code"]) == (404, "not-found"), day


def test_the_log_of_a_store_out_of_reach_is_not_there(app: App, shop: Shop) -> None:
    stranger = make_shop(app.back_office, "stranger")
    for reader in ((stranger, "admin"), (shop, "elsewhere")):
        answer = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}", reader)
        assert answer.status_code == 404
    answer = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}", (shop, "reports-key"))
    assert answer.status_code == 403
    assert app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}").status_code == 401
