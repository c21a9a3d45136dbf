"""Lists as CSV, XLSX and pages: what their JSON says to the same reader, explained, a page at a time."""

import json
import re
from decimal import Decimal
from typing import Any

from sqlalchemy import update

from api.schemas.recovery_log_lines import concern_line
from api.web.tables.xlsx_format import XLSX
from config import ROOT
from models.recovery.action import RecoveryAction
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import give_in_two_currencies, log_concern
from tests.support.factories.full_organization import make_full_organization
from tests.support.factories.organizations import Shop
from tests.support.tables import CSV, HTML, LISTS, Line, read_csv, read_page, read_xlsx, same

JSON = "application/json"
TABLES = (CSV, XLSX, HTML)
DOCUMENT = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def cells(item: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The cells of an item of the JSON, whose money is in one currency of two decimals."""
    line: dict[str, Any] = {}
    for member, value in item.items():
        name = f"{path}{member}"
        money = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        if isinstance(money, dict) and money.keys() == {"amount", "currency"}:
            line |= {name: Decimal(money["amount"]) / 100, f"{name}_currency": money["currency"]}
        elif isinstance(value, dict):
            line |= cells(value, f"{name}_")
        elif isinstance(value, list):
            line[name] = ", ".join(map(str, value)) or None
        else:
            line[name] = value
    return line


def assert_holds(lines: list[Line], expected: list[dict[str, Any]], columns: set[str]) -> None:
    """Each line has what is expected in the columns of its form."""
    assert len(lines) == len(expected)
    for line, wanted in zip(lines, expected, strict=True):
        read = {name: value for name, value in wanted.items() if name in columns}
        wrong = {name: (line.get(name), value) for name, value in read.items() if not same(line.get(name, ""), value)}
        assert not wrong


@only_on_sqlite
def test_every_list_has_the_same_values_in_json_csv_xlsx_and_html_for_every_reader_and_each_is_explained(
    app: App,
) -> None:
    shop = make_full_organization(app, "acme").shop
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(RecoveryAction).values(cost_amount=1250, cost_currency="EUR"))
    stores = {str(shop.store_id): "First", str(shop.other_store_id): "Second"}
    of_manager, of_head_office = [*LISTS], ["/v1/concerns", "/v1/recovery-actions"]
    for path, reader in [*((path, "manager") for path in of_manager), *((path, "hq") for path in of_head_office)]:
        title = LISTS[path]
        read = {
            form: app.request("GET", path, (shop, reader), headers={"Accept": form}) for form in (JSON, CSV, XLSX, HTML)
        }
        assert {(a.status_code, a.mimetype) for a in read.values()} == {(200, form) for form in read}
        assert {read[form].headers["Cache-Control"] for form in (CSV, XLSX, HTML)} == {"no-store"}
        items = read[JSON].json["items"]
        assert items, path
        of_stores = [{"store_name": stores[item["store_id"]]} if item.get("store_id") else {} for item in items]
        items = [concern_line(item) if title == "Concerns" else item for item in items]
        for item in items:
            item.pop("customer_name", None)  # tables name no customer
            if title != "Concerns":
                item.pop("place_name", None)  # they stand without the concern
        expected = [cells(item) | store for item, store in zip(items, of_stores, strict=True)]
        csv_lines = read_csv(read[CSV].text)
        machines = {name for name in csv_lines[0] if name == "id" or name.endswith(("_id", "version", "slug"))}
        machines |= {name for name in csv_lines[0] if f"{name}_name" in csv_lines[0]} | {"remedies"}
        left_out = {name for line in expected for name in line if line[name] is not None} - set(csv_lines[0])
        assert not left_out, path
        assert_holds(csv_lines, expected, set(csv_lines[0]))
        assert {line["store_name"] for line in csv_lines if "store_name" in line} <= {*stores.values()}
        sheets = read_xlsx(read[XLSX].data)
        assert list(sheets) == [title, "Legend"]
        shown = set(csv_lines[0]) - machines
        assert set(sheets[title][0]) == shown
        assert_holds(sheets[title], expected, shown)
        lines, legend = read_page(read[HTML].text)
        assert_holds(lines, expected, shown)
        assert set(legend) == shown
        assert all(len(meaning) > 10 for meaning in legend.values()), legend
        file_name = rf'attachment; filename="{title.lower().replace(" ", "-")}-[0-9-]{{10}}\.'
        assert re.match(file_name + "csv", read[CSV].headers["Content-Disposition"])
        assert re.match(file_name + "xlsx", read[XLSX].headers["Content-Disposition"])
        assert not [id_ for id_ in stores if id_ in read[HTML].text], path
        assert {"column": "listed", "meaning": str(len(items))} in sheets["Legend"]


@only_on_sqlite
def test_a_list_of_several_currencies_has_the_decimals_of_each_and_a_line_for_each_in_every_form(
    app: App, shop: Shop
) -> None:
    give_in_two_currencies(app, shop)
    for path, shown_once in (("/v1/concerns", "mood"), ("/v1/recovery-actions", None)):
        read = {form: app.request("GET", path, (shop, "manager"), headers={"Accept": form}) for form in (JSON, *TABLES)}
        amounts = re.findall(r'"amount":(\d+),"currency":"(\w+)"', read[JSON].text.replace(" ", ""))
        assert sorted(set(amounts)) == [("1250", "EUR"), ("1250", "JPY")]
        sheet, _legend = read_xlsx(read[XLSX].data).values()
        for lines in (read_csv(read[CSV].text), sheet, read_page(read[HTML].text)[0]):
            of_each = {line["cost_currency"]: line for line in lines if line["cost"]}
            assert {currency: float(line["cost"]) for currency, line in of_each.items()} == {"EUR": 12.5, "JPY": 1250}
            assert {line["store_name"] for line in lines} == {"First"}
            if shown_once:  # so that a sum over the lines counts it once
                assert [line[shown_once] for line in lines].count("") == 1
        printed = dict(re.findall(r'<td class="money"><data value="([\d.]+)">([\d.,]+)</data>', read[HTML].text))
        assert printed == {"12.50": "12.50", "1250": "1,250"}


@only_on_sqlite
def test_a_list_as_a_table_leads_to_its_next_page_and_json_stays_what_is_given_without_preference(
    app: App, shop: Shop
) -> None:
    for _ in range(5):
        log_concern(app, shop, mood=2)
    path = f"/v1/concerns?limit=2&store_id={shop.store_id}&kind=concern"
    whole = app.request("GET", path.replace("limit=2", "limit=200"), (shop, "manager")).json["items"]
    ids: list[str] = []
    following: str | None = path
    while following:
        page = app.request("GET", following, (shop, "manager"), headers={"Accept": CSV})
        ids += [line["id"] for line in read_csv(page.text)]
        link = re.fullmatch(r'<(.+)>; rel="next"', page.headers.get("Link", ""))
        following = link[1] if link else None
    assert ids == [concern["id"] for concern in whole]
    page = app.request("GET", path, (shop, "manager"), headers={"Accept": BROWSER})
    assert page.mimetype == HTML
    for words in ("<dt>more</dt><dd>on the next page</dd>", "store: First, kind: concern"):
        assert words in page.text
    assert app.request("GET", path, (shop, "manager"), headers={"Accept": "*/*"}).mimetype == JSON
    assert app.request("GET", path, (shop, "manager"), headers={"Accept": "image/png"}).status_code == 406
    elsewhere = path.replace(str(shop.store_id), str(shop.other_store_id))
    assert "Second" not in app.request("GET", elsewhere, (shop, "manager"), headers={"Accept": HTML}).text


def test_the_document_names_the_forms_of_each_list() -> None:
    for path in LISTS:
        content = DOCUMENT["paths"][path.partition("?")[0]]["get"]["responses"]["200"]["content"]
        assert set(content) == {JSON, CSV, XLSX, HTML}
