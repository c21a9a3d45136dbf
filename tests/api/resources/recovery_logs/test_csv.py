"""The recovery log as CSV: one line for each concern, safe to open, and no more than the reader may see."""

from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.daily_log import log_concern_id, log_path, resolve_concern, sign_off
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.tables import read_csv

FORMULA = '=HYPERLINK("http://example.org","look")'


def table(app: App, shop: Shop, by: str = "manager") -> list[dict[str, str]]:
    answer = app.request("GET", log_path(shop), (shop, by), headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.mimetype) == (200, "text/csv"), answer.text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="recovery-log-first-2026-03-03.csv"'
    return read_csv(answer.text)


def test_each_concern_is_a_line_what_is_open_comes_first_and_praise_last(app: App, shop: Shop) -> None:
    praise = log_concern_id(app, shop, kind="praise", mood=5)
    concern_id = log_concern_id(
        app,
        shop,
        mood=1,
        category="food",
        cause="cold",
        place="table-12",
        items=[{"name": "Soup"}, {"name": "Bread"}],
        recovery_actions=[{"remedy": "voucher"}, {"remedy": "remake"}, {"remedy": "apology"}],
    )
    app.clock.move(minutes=5)
    resolve_concern(app, shop, concern_id)
    app.clock.move(days=1)
    sign_off(app, shop)
    late = log_concern_id(app, shop, occurred_at=NOON.isoformat())
    second, first, third = table(app, shop)
    assert [second["id"], first["id"], third["id"]] == [late, concern_id, praise]
    expected = {
        "kind": "concern",
        "status": "resolved",
        "received_at": "2026-03-03T12:00:00Z",
        "resolved_at": "2026-03-03T12:05:00Z",
        "mood": "1",
        "mood_after": "4",
        "outcome": "recovered",
        "category": "food",
        "cause": "cold",
        "place": "table-12",
        "items": "Soup, Bread",
        "reported_by": "Floor of acme",
        "taken_by": "Manager of acme",
        "remedies": "voucher, remake, apology",
        "cost_EUR": "1450",
        "late": "false",
        "after_sign_off": "false",
    }
    assert {name: first[name] for name in expected} == expected
    steps = first["timeline"].split(" | ")
    assert (steps[0], steps[-1]) == ("12:00 logged Floor of acme", "12:05 resolved Manager of acme")
    assert (second["late"], second["after_sign_off"], second["cost_EUR"]) == ("true", "true", "")


def test_what_was_taken_back_costs_nothing(app: App, shop: Shop) -> None:
    concern = log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}])
    actions = app.request("GET", f"/v1/concerns/{concern}/recovery-actions", (shop, "manager")).json["items"]
    reverse = f"/v1/recovery-actions/{actions[0]['id']}/reverse"
    assert app.request("POST", reverse, (shop, "manager"), json={"note": "A slip."}).status_code < 300
    (line,) = table(app, shop)
    assert (line["cost_EUR"], line["remedies"]) == ("0", "")


def test_what_is_only_asked_for_costs_nothing_yet(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 500, 2500)
    log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}, {"remedy": "remake"}])
    (line,) = table(app, shop)
    assert (line["cost_EUR"], line["remedies"]) == ("450", "remake")


def test_the_timeline_is_in_the_stores_own_time(app: App, shop: Shop) -> None:
    app.clock.move(days=27)  # it is summer in Lisbon
    day = app.clock().date()
    log_concern_id(app, shop)
    answer = app.request("GET", log_path(shop, day), (shop, "manager"), headers={"Accept": "text/csv"})
    assert "13:00 logged" in answer.text


def test_no_cell_is_a_formula(app: App, shop: Shop) -> None:
    for start in ("=", "+", "-", "@", "\t", "\r"):
        log_concern_id(app, shop, their_words=start + FORMULA, items=[{"name": f"{start}1 soup"}])
    for line in table(app, shop):
        for cell in line.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
        assert line["their_words"].startswith("'")


def test_a_table_shows_no_more_than_the_log(app: App, shop: Shop) -> None:
    log_concern_id(app, shop, their_words="planted words", items=[{"name": "Planted soup"}])
    hidden = log_concern_id(app, shop, "colleague", sensitive=True)
    assert [line["id"] for line in table(app, shop)][1] == hidden
    assert len(table(app, shop, "floor")) == 1
    (line,) = table(app, shop, "hq")
    assert "planted" not in str(line).lower()
    assert "acme" not in str(line)
    assert line["timeline"] == "12:00 logged"


def test_another_form_is_refused(app: App, shop: Shop) -> None:
    answer = app.request("GET", log_path(shop), (shop, "manager"), headers={"Accept": "image/png"})
    assert_problem(answer, 406, "not-acceptable")
