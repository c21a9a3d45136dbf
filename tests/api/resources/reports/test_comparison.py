"""Comparisons in the recovery report: a store with all stores, a period with the one before; and its maximum size."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.concerns.enums import Outcome
from models.organizations.store import Store
from models.reports.rollups import read as reading
from models.reports.rollups import scope
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import add_concern
from tests.support.factories.organizations import Shop
from tests.support.reports import recovery_report, refresh_rollups
from tests.support.tables import read_csv, read_page


def test_a_store_that_differs_by_more_than_chance_is_flagged(app: App, shop: Shop) -> None:
    for number in range(60):
        add_concern(app, shop, outcome=Outcome.RECOVERED)
        add_concern(app, shop, store="second", outcome=Outcome.RECOVERED if number % 3 == 0 else Outcome.LOST)
    day = {"covers": None, "transactions": 1000, "sales": None}
    for store_id in (shop.store_id, shop.other_store_id):
        put = f"/v1/stores/{store_id}/days/2026-03-03"
        assert app.request("PUT", put, (shop, "admin"), json=day).status_code == 200
    first, second = recovery_report(app, shop, group_by="store").json["rows"]
    for row, value in ((first, 1.0), (second, 0.3333)):
        rate = row["control"]["recovery_rate"]
        assert (rate["value"], rate["target"], rate["outside"]) == (value, 0.6667, "99.8")
        assert rate["limits"]["99.8"]["low"] < rate["limits"]["95"]["low"] < rate["target"]
        assert row["control"]["taken_share"] is None  # all alike
        control = row["control"]["concerns_per_1000"]
        assert (control["value"], control["target"], control["outside"]) == (60, 60, None)
    assert all(row["control"] is None for row in recovery_report(app, shop, group_by="store,day").json["rows"])
    lines = read_csv(recovery_report(app, shop, accept="text/csv", group_by="store").text)
    assert [line["control_recovery_rate_outside"] for line in lines] == ["99.8", "99.8", ""]
    assert "control" not in recovery_report(app, shop, accept="text/csv", group_by="store,day").text


def test_control_limits_and_an_ask_rate_above_one_are_said_in_one_sentence(app: App, shop: Shop) -> None:
    for number in range(100):
        add_concern(app, shop, mood=2 if number < 60 else 3)
        add_concern(app, shop, store="second", mood=2 if number < 20 else 3)
    day = {"covers": None, "transactions": 90, "sales": None}
    put = f"/v1/stores/{shop.store_id}/days/2026-03-03"
    assert app.request("PUT", put, (shop, "admin"), json=day).status_code == 200
    query = {"from": "2026-03-01", "to": "2026-03-31", "group_by": "store"}
    expected = {
        "en": ("More unhappy guests than chance explains: 60 % against 40 %", "More checks and concerns than"),
        "pt-BR": ("Mais clientes descontentes do que o acaso explica: 60 % contra 40 %", "Mais verificações e"),
        "es": ("Más clientes descontentos de lo que explica el azar: 60 % frente a 40 %", "Más comprobaciones y"),
    }
    for language, (sentence, note) in expected.items():
        headers = {"Accept-Language": language}
        answer = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query, headers=headers).json
        first, second = answer["rows"]
        assert first["control"]["unhappy_share"]["sentence"] == sentence
        assert first["ask_rate"]["value"] == 1.1111
        assert first["ask_rate_note"].startswith(note)
    assert (answer["totals"]["ask_rate_note"], second["ask_rate_note"]) == (first["ask_rate_note"], None)
    assert first["control"]["concerns_per_1000"]["sentence"] is None  # chance may explain it
    counted = {  # a sentence speaks of people: the legend says in the same language that they are concerns
        "en": ("concerns, the share of unhappy guests", "counts concerns"),
        "pt": ("queixas, a parte de clientes descontentes", "Conta queixas"),
        "es": ("quejas, la parte de clientes descontentos", "Cuenta quejas"),
    }
    for language, (share, what) in counted.items():
        headers = {"Accept": "text/html", "Accept-Language": language}
        page = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query, headers=headers)
        _, legend = read_page(page.text)
        assert share in legend["unhappy_share_value"]
        assert what in legend["control_unhappy_share_sentence"]


def test_a_store_is_beside_those_that_count_receipts_and_on_the_days_it_does(app: App, shop: Shop) -> None:
    for number in range(40):
        add_concern(app, shop, store="second")  # which never says how many came
        add_concern(app, shop, occurred_at=NOON - timedelta(days=number % 4))
    day = {"covers": None, "transactions": 100, "sales": None}
    put = f"/v1/stores/{shop.store_id}/days/2026-03-03"
    assert app.request("PUT", put, (shop, "admin"), json=day).status_code == 200
    for _ in range(2):
        answer = recovery_report(app, shop, group_by="store").json
        first, second = answer["rows"]
        control = first["control"]["concerns_per_1000"]
        assert (control["value"], control["target"]) == (100, 100)
        assert second["control"]["concerns_per_1000"] is None
        assert answer["totals"]["ask_rate"] == {"value": 0.1, "numerator": 10, "denominator": 100}
        refresh_rollups(app.back_office)


def test_the_period_before_stands_beside_it(app: App, shop: Shop) -> None:
    add_concern(app, shop)
    add_concern(app, shop, mood=4, occurred_at=NOON - timedelta(days=4))
    answer = recovery_report(app, shop, group_by="store", compare_to="previous").json
    assert (answer["totals"]["concerns"], answer["totals"]["unhappy"]) == (1, 1)
    before = answer["compared"]
    assert (before["from"], before["to"], before["group_by"]) == ("2026-02-01", "2026-02-28", ["store"])
    assert (before["totals"]["concerns"], before["totals"]["unhappy"]) == (1, 0)
    assert [row["group"]["store"]["slug"] for row in before["rows"]] == ["first"]
    a_year_ago = recovery_report(app, shop, compare_to="last_year").json["compared"]
    assert (a_year_ago["from"], a_year_ago["to"]) == ("2025-03-01", "2025-03-31")
    assert a_year_ago["totals"]["concerns"] == 0
    assert recovery_report(app, shop).json["compared"] is None
    assert recovery_report(app, shop, compare_to="tomorrow").status_code == 422


def test_more_rows_than_an_answer_carries_are_refused(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (reading, scope):
        monkeypatch.setattr(module, "MAX_GROUPS", 2)
    for days_ago in range(3):
        add_concern(app, shop, occurred_at=NOON - timedelta(days=days_ago), cost=100)
    first = {"from": "2026-02-01"}
    for group_by in ("day", "day,channel"):
        assert recovery_report(app, shop, **first, group_by=group_by).status_code == 422
    assert len(recovery_report(app, shop, **first, group_by="month").json["rows"]) == 1
    refresh_rollups(app.back_office)
    refresh_rollups(app.back_office)
    assert recovery_report(app, shop, **first, group_by="day").status_code == 422
    assert recovery_report(app, shop, **first, group_by="store").json["totals"]["concerns"] == 3


def test_no_row_is_left_out_where_there_are_several_currencies(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (reading, scope):
        monkeypatch.setattr(module, "MAX_GROUPS", 2)
    with app.back_office.writing(shop.organization_id) as session:
        Store.by_slug(session, "second").currency = "GBP"
    for days_ago in range(2):
        for store in ("first", "second"):
            add_concern(app, shop, store=store, occurred_at=NOON - timedelta(days=days_ago))
    refresh_rollups(app.back_office)
    assert recovery_report(app, shop, group_by="day").status_code == 422  # two days, each in two currencies
    assert recovery_report(app, shop, group_by="month").json["totals"]["concerns"] == 4


@only_on_postgresql
def test_what_takes_too_long_is_refused_and_not_to_be_asked_again(app: App, shop: Shop) -> None:
    @sa.event.listens_for(app.database.engine, "begin")
    def shorten_timeout(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL statement_timeout = '200ms'")

    owner = sa.create_engine(app.url)
    with owner.begin() as in_the_way:
        in_the_way.execute(sa.text("LOCK TABLE rollup_month"))
        answer = recovery_report(app, shop)
    sa.event.remove(app.database.engine, "begin", shorten_timeout)
    owner.dispose()
    assert "fewer days" in assert_problem(answer, 422, "invalid")["detail"]
    assert "Retry-After" not in answer.headers
    assert recovery_report(app, shop).status_code == 200
