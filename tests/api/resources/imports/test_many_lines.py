"""A large file with 37 faults of different kinds: each is named, nothing is written; without them all is, once."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from models.access import GRANTS, Actor, Role
from models.customers.customer import Customer
from models.customers.external_id import ExternalId
from models.db.change_feed import Change
from models.operations.imports.csv_table import CsvTable
from models.operations.imports.customers import CustomerImport
from models.operations.imports.engine import run_import
from tests.support.app import App
from tests.support.databases import only_on_postgresql, only_on_sqlite
from tests.support.factories.customers import make_customer
from tests.support.factories.imports import counts, csv_text, faults, import_csv
from tests.support.factories.organizations import Shop
from tests.support.profiles import by_profile, longer

COLUMNS = ("source", "reference", "name", "phone", "email", "loyalty_number", "preferred_name", "languages", "tags")
COLUMNS += ("store",)
# So many statements the import of twenty thousand lines may send; about five for five hundred lines.
MAX_STATEMENTS_PER_500_LINES = 6
TO_WRITE = 20  # whatever the number of lines

Row = dict[str, str]


def rows_of(count: int) -> list[Row]:
    return [
        {
            "source": "crm",
            "reference": str(number),
            "name": f"Customer {number}",
            "phone": f"9120{number:05}",
            "email": f"c{number}@example.com",
            "loyalty_number": f"L-{number}",
            "languages": "pt; en",
            "tags": "regular",
            "store": "first",
        }
        for number in range(count)
    ]


# What is changed in a line, and the fault it has then. Lines 2 and 3 stay as they are.
FAULTS: list[tuple[Row, str, str]] = [
    ({"source": ""}, "source", "missing-value"),
    ({"source": "CRM 2"}, "source", "invalid"),
    ({"source": "c" * 61}, "source", "too-long"),
    ({"reference": ""}, "reference", "missing-value"),
    ({"reference": "1" * 101}, "reference", "too-long"),
    ({"reference": "0"}, "reference", "duplicate-line"),
    ({"reference": "1\x00"}, "reference", "invalid-character"),
    ({"name": "n" * 201}, "name", "too-long"),
    ({"name": "\x00"}, "name", "invalid-character"),
    (dict.fromkeys(("name", "phone", "email", "loyalty_number"), ""), "", "missing-value"),
    ({"phone": "the red one"}, "phone", "invalid"),
    ({"phone": "12"}, "phone", "invalid"),
    ({"phone": "+999 12345678"}, "phone", "invalid"),
    ({"phone": "912" + " " * 40 + "345678"}, "phone", "too-long"),
    ({"phone": "912 345 678"}, "phone", "in-use"),
    ({"phone": "912000000"}, "phone", "duplicate-line"),
    ({"store": "", "phone": "912345670"}, "phone", "invalid"),  # nothing says of which country it is
    ({"email": "at.example.com"}, "email", "invalid"),
    ({"email": "two@at@example.com"}, "email", "invalid"),
    ({"email": "c 1@example.com"}, "email", "invalid"),
    ({"email": "c1@example"}, "email", "invalid"),
    ({"email": "taken@example.com"}, "email", "in-use"),
    ({"email": "C0@EXAMPLE.COM"}, "email", "duplicate-line"),
    ({"loyalty_number": "L" * 61}, "loyalty_number", "too-long"),
    ({"loyalty_number": "taken"}, "loyalty_number", "in-use"),
    ({"loyalty_number": "L-1"}, "loyalty_number", "duplicate-line"),
    ({"preferred_name": "n" * 201}, "preferred_name", "too-long"),
    ({"languages": "Portuguese, English"}, "languages", "invalid"),
    ({"languages": "p"}, "languages", "invalid"),
    ({"languages": "; ;"}, "languages", "invalid"),
    ({"languages": ";".join(f"pt-{number}" for number in range(11))}, "languages", "too-long"),
    ({"tags": "t" * 41}, "tags", "too-long"),
    ({"tags": ";".join(map(str, range(21)))}, "tags", "too-long"),
    ({"store": "First Store"}, "store", "invalid"),
    ({"store": "s" * 61}, "store", "too-long"),
]
# What breaks the line itself, and has the fault `malformed-line`.
CUT_OFF, QUOTED = "crm,998,Cut off", '"crm"x,999,Quoted' + "," * 7


def with_faults(rows: list[Row]) -> tuple[str, list[tuple[str, str]]]:
    """Return the file with a fault in every so many lines, and where they are."""
    expected = []
    apart = (len(rows) - 10) // (len(FAULTS) + 2)
    rows = [dict(row) for row in rows]
    for index, (change, column, code) in enumerate(FAULTS):
        number = 2 + index * apart
        rows[number] |= change
        expected.append((f"{number + 2}/{column}".rstrip("/"), code))
    lines = csv_text(COLUMNS, rows).splitlines(keepends=True)
    for index, text in enumerate((CUT_OFF, QUOTED), start=len(FAULTS)):
        number = 2 + index * apart
        lines[number + 1] = text + "\r\n"
        expected.append((str(number + 2), "malformed-line"))
    return "".join(lines), expected


def sizes(app: App, shop: Shop) -> Iterator[int]:
    with app.back_office.reading(shop.organization_id) as session:
        for table in (Customer, ExternalId, Change):
            yield session.scalars(sa.select(sa.func.count()).select_from(table)).one()


@longer
@only_on_sqlite  # the next one is as large, on PostgreSQL
def test_37_faults_in_a_large_file_are_named_and_without_them_all_lines_count_once(app: App, shop: Shop) -> None:
    size: int = by_profile(quick=400, deep=20_000)
    for contact in ({"phone": "912 345 678"}, {"email": "taken@example.com"}, {"loyalty_number": "taken"}):
        customer_id = make_customer(app, shop, "Taken", agrees=None, **contact)
        reference: Any = {"references": [{"source": "crm", "reference": f"of {customer_id}"}]}
        path, headers = f"/v1/customers/{customer_id}", {"If-Match": "*"}
        assert app.request("PATCH", path, (shop, "floor"), json=reference, headers=headers).status_code == 200
    before = list(sizes(app, shop))
    rows = rows_of(size)
    broken, expected = with_faults(rows)
    assert len(expected) == 37
    refused = import_csv(app, shop, "customers", broken)
    assert faults(refused) == expected
    assert list(sizes(app, shop)) == before
    tried = import_csv(app, shop, "customers", broken, dry_run=True)
    assert (faults(tried), tried.json["refused"]) == (expected, 37)
    assert list(sizes(app, shop)) == before

    sound = csv_text(COLUMNS, rows)
    assert counts(import_csv(app, shop, "customers", sound, dry_run=True)) == {"created": size}
    with app.counting() as statements:
        made = import_csv(app, shop, "customers", sound)
    assert counts(made) == {"created": size}
    assert len(statements) <= TO_WRITE + MAX_STATEMENTS_PER_500_LINES * (size // 500 + 1)
    after = [number + size for number in before]
    assert list(sizes(app, shop)) == after
    assert counts(import_csv(app, shop, "customers", sound)) == {"unchanged": size}
    assert list(sizes(app, shop)) == after


@longer
@only_on_postgresql
def test_a_large_file_after_a_small_one_does_not_read_all_rows_for_each_line(app: App, shop: Shop) -> None:
    """The tables were never analysed, and the connection has planned its checks for a few rows."""
    size: int = by_profile(quick=1_000, deep=20_000)
    rows = rows_of(size)
    import_csv(app, shop, "customers", csv_text(COLUMNS, rows[:100]))
    table = CsvTable.read(csv_text(COLUMNS, rows).encode(), max_rows=size)
    admin = Actor(shop.organization_id, GRANTS[Role.ADMIN], None, staff_id=shop.staff["admin"])
    with app.database.writing(shop.organization_id) as session:
        run_import(CustomerImport, session, table, dry_run=False, by=admin, at=app.clock())
        stmt = "SELECT relname, seq_scan + idx_scan, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
        read = {table: (scans, rows) for table, scans, rows in session.execute(sa.text(stmt))}
    assert read["customer_external_id"][0] < size / 10, "some look-ups for all lines, and none for each"
    assert read["customer"][1] < 2_000 * size  # three checks of a foreign key per line: its id there, two words
