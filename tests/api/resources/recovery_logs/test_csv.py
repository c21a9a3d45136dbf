"""The recovery log as a table: one line for each concern, safe to open, and no more than the reader may see."""

import re

from werkzeug.test import TestResponse

from api.web.tables.xlsx_format import XLSX
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.daily_log import log_concern_id, log_path, resolve_concern, sign_off
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.tables import flat, read_csv, read_xlsx, same

FORMULA = '=HYPERLINK("http://example.org","look")'


def table(app: App, shop: Shop, by: str = "manager") -> list[dict[str, str]]:
    answer = app.request("GET", log_path(shop), (shop, by), headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.mimetype) == (200, "text/csv"), answer.text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="recovery-log-first-2026-03-03.csv"'
    return [line for line in read_csv(answer.text) if line["line"] not in ("day", "signed")]


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
        "cost": "14.50",
        "cost_currency": "EUR",
        "late": "false",
        "after_sign_off": "false",
    }
    assert {name: first[name] for name in expected} == expected
    steps = first["timeline"].split(" | ")
    assert (steps[0], steps[-1]) == ("12:00 logged Floor of acme", "12:05 resolved Manager of acme")
    assert (second["late"], second["after_sign_off"], second["cost"]) == ("true", "true", "")


def test_what_was_taken_back_costs_nothing(app: App, shop: Shop) -> None:
    concern = log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}])
    actions = app.request("GET", f"/v1/concerns/{concern}/recovery-actions", (shop, "manager")).json["items"]
    reverse = f"/v1/recovery-actions/{actions[0]['id']}/reverse"
    assert app.request("POST", reverse, (shop, "manager"), json={"note": "A slip."}).status_code < 300
    (line,) = table(app, shop)
    assert (line["cost"], line["remedies"]) == ("0.00", "")


def test_what_is_only_asked_for_costs_nothing_yet(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 500, 2500)
    log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}, {"remedy": "remake"}])
    (line,) = table(app, shop)
    assert (line["cost"], line["remedies"]) == ("4.50", "remake")


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


def test_the_log_has_the_same_figures_in_json_csv_xlsx_and_html_and_each_is_explained(app: App, shop: Shop) -> None:
    for remedies in ([{"remedy": "voucher"}], [{"remedy": "remake"}], []):
        concern_id = log_concern_id(app, shop, mood=1, recovery_actions=remedies)
        app.clock.move(minutes=7)
        resolve_concern(app, shop, concern_id)
    log_concern_id(app, shop, kind="praise", mood=5)
    app.clock.move(days=1)
    sign_off(app, shop)
    late = log_concern_id(app, shop, occurred_at=NOON.isoformat())

    def get(form: str) -> TestResponse:
        answer = app.request("GET", log_path(shop), (shop, "manager"), headers={"Accept": form})
        assert (answer.status_code, answer.mimetype) == (200, form)
        return answer

    document = get("application/json").json
    now, signed = document["figures"], document["page"]["signed_figures"]
    assert (now["concerns"], signed["concerns"], now["cost"]) == (4, 3, [{"amount": 1450, "currency": "EUR"}])
    sheets = read_xlsx(get(XLSX).data)
    assert list(sheets) == ["Concerns", "Figures", "Legend"]
    for lines in (read_csv(get("text/csv").text), [*sheets["Concerns"], *sheets["Figures"]]):
        assert [line["line"] for line in lines] == [*["concern"] * 4, "praise", "day", "signed"]
        assert {(line["store"], line["business_date"]) for line in lines} == {("First", "2026-03-03")}
        for line, figures in ((lines[-2], now), (lines[-1], signed)):
            for name, value in flat(figures, "EUR"):
                assert same(line[f"figures_{name}"], value), name
        (of_late,) = (line for line in lines if line.get("late") == "true")
        assert of_late["occurred_at"] == "2026-03-03T12:00:00Z"
        assert of_late.get("id", late) == late
    page = get("text/html").text
    shown = dict(re.findall(r'<data data-column="figures_(\w+)"[^>]*value="([^"]*)"', page))
    explained = dict(flat(now, "EUR"))
    assert set(shown) == {name for name in explained if not name.endswith("_currency")}
    assert all(same(value, explained[name]) for name, value in shown.items())
    legend = {line["column"]: line["meaning"] for line in sheets["Legend"]}
    for sheet in ("Concerns", "Figures"):
        assert all(len(legend[column]) > 10 for column in sheets[sheet][0])
