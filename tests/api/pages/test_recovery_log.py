"""The recovery log as a page: in order, in the store's time and the reader's language, with what they may see."""

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.pages.charts import Chart, Column
from api.pages.recovery_log import STYLE, condense_timeline
from api.web.tables.xlsx_format import XLSX
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.daily_log import (
    DAY,
    NEXT_DAY,
    add_amendment,
    log_concern_id,
    log_path,
    resolve_concern,
    sign_off,
    write_notes,
)
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again


def ask(app: App, shop: Shop, by: str = "manager", day: Any = DAY, **headers: str) -> TestResponse:
    return app.request("GET", log_path(shop, day), (shop, by), headers={"Accept": "text/html", **headers})


def page(app: App, shop: Shop, by: str = "manager", day: Any = DAY, language: str = "en") -> str:
    answer = ask(app, shop, by, day, **{"Accept-Language": language})
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), answer.text
    return answer.text


def plain(html: str) -> str:
    """What a reader reads of it."""
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", text)


def in_order(text: str, *parts: str) -> None:
    places = [text.find(part) for part in parts]
    assert -1 not in places, dict(zip(parts, places, strict=True))
    assert places == sorted(places), dict(zip(parts, places, strict=True))


def test_the_page_lists_the_day_in_order_of_what_matters(app: App, shop: Shop) -> None:
    log_concern_id(
        app, shop, kind="praise", mood=5, praised_id=str(shop.staff["colleague"]), their_words="So friendly."
    )
    over = log_concern_id(
        app,
        shop,
        mood=1,
        category="food",
        cause="cold",
        place="table-12",
        their_words="The soup was cold.",
        recovery_actions=[{"remedy": "voucher"}, {"remedy": "remake"}],
    )
    app.clock.move(minutes=5)
    resolve_concern(app, shop, over)
    log_concern_id(app, shop, place="table-1", category="waiting-time")
    write_notes(app, shop, {"went-well": "The new rota.", "tomorrow": "Fix the lamp."})
    app.clock.move(days=1)
    sign_off(app, shop)
    log_concern_id(app, shop, occurred_at=(NOON + timedelta(hours=1)).isoformat())
    add_amendment(app, shop)
    text = plain(page(app, shop))
    in_order(
        text, "Needs you now", "Figures", "Concerns", "Praise", "Came in late", "Notes", "Sign-off", "Amendment by"
    )
    assert "Recovery log: First, Tuesday, March 3, 2026" in text
    in_order(text, "Not resolved: No. 2 · 12:05 · table 1 · Waiting time · mood 2 · open", "Figures")
    assert "Food · Cold · table 12" in text
    assert "1 → 4" in text
    assert "“The soup was cold.”" in text
    assert "recovered · Voucher €10.00 · Made again €4.50" in text
    assert "12:00 told Floor of acme · 12:00 action \u00d72 · 12:05 resolved Manager of acme" in text
    assert "12:00 · Colleague of acme : “So friendly.”" in text
    assert "Told when the customer had gone: No. 3" in text
    assert "Told, or went on, after the sign-off: No. 3" in text
    assert "Concerns 3 signed: 2" in text
    in_order(text, "What went well The new rota.", "Signed by Manager of acme, 4 Mar 12:05.")
    assert "Amendment by Manager of acme, 4 Mar 12:05 It was forgotten. The oven was out for an hour." in text


def test_taps_for_many_at_once_stand_under_the_figures(app: App, shop: Shop) -> None:
    for count in (19, 40):
        body = {"store_id": str(shop.store_id), "count": count}
        assert app.request("POST", "/v1/checks", (shop, "floor"), json=body).status_code == 201
    assert "Asked of many at once, and counted: 12:00 (40)" in plain(page(app, shop))


def test_what_waits_for_somebody_is_named_with_its_money(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 500, 2500)
    concern_id = log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}])
    body = {"kind": "call", "what": "Call about the lamp", "due_at": (NOON + timedelta(hours=2)).isoformat()}
    app.request("POST", f"/v1/concerns/{concern_id}/follow-ups", (shop, "floor"), json=body)
    text = plain(page(app, shop))
    assert "May this be given? No. 1 · Voucher €10.00 · Floor of acme" in text
    assert "Promised to the customer: No. 1 · call: Call about the lamp · by 14:00 · open · Floor of acme" in text


def test_the_next_day_begins_with_what_was_left(app: App, shop: Shop) -> None:
    log_concern_id(app, shop, place="table-12", category="food")
    write_notes(app, shop, {"tomorrow": "Fix the lamp."})
    app.clock.move(days=1)
    sign_off(app, shop)
    text = plain(page(app, shop, day=NEXT_DAY))
    in_order(text, "Needs you now Nothing.", "Carried over from before Fix the lamp.", "3 Mar 12:00 · table 12 · Food")


def test_words_are_text_and_never_markup(app: App, shop: Shop) -> None:
    evil = "<script>alert('it')</script><img src=x onerror=alert(1)>"
    log_concern_id(app, shop, their_words=evil, wanted=evil, our_reading=evil, stake=evil, items=[{"name": evil}])
    log_concern_id(app, shop, kind="praise", mood=5, their_words=evil)
    write_notes(app, shop, {"went-well": evil})
    html = page(app, shop)
    assert html.count("&lt;script&gt;") == 7
    assert re.findall(r"<(?:script|img|link rel=\"stylesheet\"|iframe)|\son\w+=\"", html) == []


def test_the_page_asks_for_nothing_and_runs_nothing(app: App, shop: Shop) -> None:
    answer = ask(app, shop)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'sha256-" in policy
    assert "script" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.findall(r"(?:src|href|action)=\"([^\"]*)\"", answer.text) == ["data:,"]
    assert f"<style>{STYLE.sheet}</style>" in answer.text


def test_head_office_reads_no_words_no_names_and_no_notes(app: App, shop: Shop) -> None:
    log_concern_id(app, shop, their_words="planted words", wanted="planted wish", items=[{"name": "Planted soup"}])
    log_concern_id(
        app, shop, kind="praise", mood=5, praised_id=str(shop.staff["colleague"]), their_words="planted praise"
    )
    write_notes(app, shop, {"went-well": "planted note", "tomorrow": "planted plan"})
    app.clock.move(days=1)
    sign_off(app, shop)
    add_amendment(app, shop, text="planted amendment")
    assert "planted words" in page(app, shop)
    sign_in_again(app, shop, "hq")
    html = page(app, shop, "hq")
    assert "planted" not in html.lower()
    assert "of acme" not in html
    assert "Signed 4 Mar 12:00." in plain(html)
    assert "12:00 told" in plain(html)
    assert "planted plan" not in page(app, shop, "hq", NEXT_DAY)


def test_the_floor_sees_no_sensitive_concern_and_no_notes(app: App, shop: Shop) -> None:
    log_concern_id(app, shop, "colleague", sensitive=True, their_words="planted illness")
    write_notes(app, shop, {"went-well": "planted note"})
    assert "planted illness" in page(app, shop)
    assert "planted" not in page(app, shop, "floor")


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("pt-BR", ["terça-feira, 3 de março de 2026", "Precisa de si agora", "€\xa010,00"]),
        ("es", ["martes, 3 de marzo de 2026", "Le necesita ahora", "10,00\xa0€"]),
        ("fi", ["Tuesday, March 3, 2026", "Needs you now", "€10.00"]),
    ],
)
def test_the_page_is_in_the_readers_language(app: App, shop: Shop, language: str, texts: list[str]) -> None:
    log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}])
    html = page(app, shop, language=language)
    assert [text for text in texts if text not in html] == []


def test_a_day_of_another_zone_is_shown_by_its_own_clock(app: App, shop: Shop) -> None:
    app.clock.move(days=27)  # it is summer in Lisbon
    log_concern_id(app, shop)
    assert "13:00 told" in plain(page(app, shop, day=app.clock().date()))


def test_the_charts_count_what_the_page_lists(app: App, shop: Shop) -> None:
    over = log_concern_id(app, shop, mood=1)
    app.clock.move(minutes=3)
    resolve_concern(app, shop, over)
    log_concern_id(app, shop, mood=1, occurred_at=(NOON - timedelta(hours=2)).isoformat())  # late: nobody waited for it
    charts = re.findall(r'role="img" aria-label="([^"]*)"', page(app, shop))
    assert charts == [
        "Mood, 1 to 5 (before / after). 1: 2 / 0, 4: 0 / 1",
        "Concerns by hour. 10: 1, 12: 1",
        "Minutes until somebody took it. 2-5: 1",
    ]


def test_a_day_when_a_clock_goes_forward_has_an_hour_less(app: App, shop: Shop) -> None:
    app.clock.move(days=25, hours=14)
    assert app.clock().date().isoformat() == "2026-03-29"
    log_concern_id(app, shop)
    day = "2026-03-28"  # from four to four: its night is the short one
    html = page(app, shop, day=day)
    assert len(re.findall(r'y="61">\d\d<', html)) == 8
    assert "Concerns by hour. 03: 1" in html


def test_bars_are_as_high_as_what_they_count() -> None:
    chart = Chart([Column("a", (4, 2)), Column("b", (0, 1))], labelled=2)
    assert [(bar.count, bar.series) for bar in chart.bars] == [(4, 0), (2, 1), (1, 1)]
    high, half, low = (bar.height for bar in chart.bars)
    assert (half, low) == (pytest.approx(high / 2, abs=0.1), pytest.approx(high / 4, abs=0.1))
    assert {bar.y + bar.height for bar in chart.bars} == {52.0}
    assert [label for _, label in chart.labels] == ["a"]
    assert (chart.empty, Chart([Column("a", (0,))]).empty) == (False, True)


def test_steps_that_repeat_are_one_and_a_name_stands_where_it_changes() -> None:
    def step(name: str, by: str | None) -> dict[str, Any]:
        return {"step": name, "at": NOON.isoformat(), "by": by and {"name": by}}

    steps = [
        step("logged", "Ana"),
        step("edited", "Ana"),
        step("edited", "Ana"),
        step("edited", "Rui"),
        step("x", None),
    ]
    shown = [(row["step"], row["times"], row["named"]) for row in condense_timeline(steps)]
    assert shown == [("logged", 1, "Ana"), ("edited", 2, None), ("edited", 1, "Rui"), ("x", 1, None)]
    assert list(condense_timeline([])) == []


def test_another_form_names_those_there_are(app: App, shop: Shop) -> None:
    answer = app.request("GET", log_path(shop), (shop, "manager"), headers={"Accept": "image/png"})
    assert_problem(answer, 406, "not-acceptable")
    assert answer.json["detail"] == f"This is given as application/json, text/csv, {XLSX}, text/html."


def test_what_is_older_than_yesterday_is_a_number_on_the_page(app: App, shop: Shop) -> None:
    left = log_concern_id(app, shop, their_words="The soup was cold.")
    promise = {"what": "We call.", "kind": "call", "due_at": (NOON + timedelta(hours=1)).isoformat()}
    assert app.request("POST", f"/v1/concerns/{left}/follow-ups", (shop, "floor"), json=promise).status_code == 201
    app.clock.move(days=2)
    shown = plain(page(app, shop, day=NEXT_DAY + timedelta(days=1)))
    in_order(
        shown,
        "Carried over from before",
        "Not resolved, of all earlier days: 1",
        "Promised and not kept, of all earlier days: 1",
        "Sign-off",
    )
    assert "soup" not in shown
    assert "of all earlier days" not in page(app, shop)
