"""Individuals are in no report, export or page for head office: over the whole document, and in every form."""

import json
from collections.abc import Iterator
from typing import Any

from api.web.tables.xlsx_format import XLSX
from config import ROOT
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.daily_log import log_path
from tests.support.factories.full_organization import make_full_organization
from tests.support.openapi_document import resolved
from tests.support.reports import MARCH
from tests.support.tables import CSV, HTML, LISTS, read_xlsx

DOCUMENT = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
ABOUT_PEOPLE = ("/v1/reports/", "/v1/exports/")
# Members that say who a person is, or that something is one person's.
NAMES_OF_PEOPLE = {"staff", "login", "person", "people", "employee", "employee_number", "owner", "praised", "customer"}
FORMS = ("application/json", CSV, XLSX, HTML)


def members(schema: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all members within a schema, and of the schemas that it refers to."""
    if isinstance(schema, list):
        for part in schema:
            yield from members(part, seen)
    elif isinstance(schema, dict):
        reference = schema.get("$ref", "")
        if reference and reference not in seen:
            name = reference.rpartition("/")[2]
            yield f"schema {name}"
            yield from members(DOCUMENT["components"]["schemas"].get(name), seen | {reference})
        for name, part in schema.get("properties", {}).items():
            yield name
            yield from members(part, seen)
        for key, part in schema.items():
            if key not in ("properties", "example", "description"):
                yield from members(part, seen)


def is_of_a_person(name: str) -> bool:
    if name == "group_by":
        return False
    return name in NAMES_OF_PEOPLE or name.endswith(("_by", "staff_id")) or "Person" in name or "Staff" in name


def test_no_report_or_export_has_a_member_for_a_person() -> None:
    read = 0
    for path, operations in DOCUMENT["paths"].items():
        if not path.startswith(ABOUT_PEOPLE):
            continue
        for response in operations["get"]["responses"].values():
            for content in response.get("content", {}).values():
                names = set(members(content.get("schema")))
                read += len(names) > 10
                assert not {name for name in names if is_of_a_person(name)}, path
        grouped = [parameter for parameter in operations["get"]["parameters"] if parameter.get("name") == "group_by"]
        for parameter in grouped:
            assert not NAMES_OF_PEOPLE & set(resolved(parameter["schema"]["items"])["enum"]), path
    assert read >= 8


def test_head_office_reads_nothing_that_tells_who_somebody_is_in_any_form_and_a_key_in_no_table_of_a_list(
    app: App,
) -> None:
    shop = make_full_organization(app, "acme").shop
    with app.back_office.writing(shop.organization_id) as session:
        people = session.query(Staff).all()
        for number, person in enumerate(people):  # the words of a login stand in pages too, such as 'manager'
            person.login, person.employee_number = f"who.{number}.is", f"NUMBER-{number}-OF"
            person.email = f"mail-{number}@example.com"
        planted = {getattr(person, name) for person in people for name in ("name", "login", "employee_number", "email")}
        planted |= {str(person.id) for person in people}
    planted.add("Customer of acme")
    addresses = [path for path in DOCUMENT["paths"] if path.startswith("/v1/reports/")]
    lists = [path for path in LISTS if path != "/v1/items"]  # which head office may not read
    addresses += [log_path(shop), "/v1/exports/changes?limit=200"]
    read = 0
    forms = dict.fromkeys(addresses, FORMS) | dict.fromkeys(lists, (CSV,))  # whose other forms have the same cells
    for address in forms:
        for form in forms[address]:
            query = MARCH if address.startswith("/v1/reports/") else {}
            answer = app.request("GET", address, (shop, "hq"), query_string=query or None, headers={"Accept": form})
            if answer.status_code == 406:
                continue
            assert answer.status_code == 200, (address, form)
            text = str(read_xlsx(answer.data)) if form == XLSX else answer.text
            assert not [name for name in planted if name in text], (address, form)
            read += 1
    assert read == 4 * (len(addresses) - 1) + 1 + len(lists)
    for address in LISTS:
        table = app.request("GET", address, (shop, "key"), headers={"Accept": CSV})
        assert table.status_code == 200, address
        assert not [name for name in planted if name in table.text], address
