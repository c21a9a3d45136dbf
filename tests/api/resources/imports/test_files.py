"""Files as spreadsheets save them, and the refusals that concern the whole file."""

import csv
import io

import pytest
import sqlalchemy as sa

from api.web.rate_limits import IMPORT_LIMIT
from models.customers.customer import Customer
from models.db.change_feed import Change
from models.db.idempotency import IdempotencyKey
from models.policy_defaults import MAX_IMPORT_BYTES, MAX_IMPORT_LINES
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.imports import counts, faults, import_csv, verdicts
from tests.support.factories.organizations import Shop

KINDS = ("stores", "places", "customers")
HEADER = "source,reference,name\n"
ANA = HEADER + "crm,1,Ana\n"


def names(app: App, shop: Shop) -> list[str | None]:
    with app.back_office.reading(shop.organization_id) as session:
        return list(session.scalars(sa.select(Customer.name).order_by(Customer.name)))


def count(app: App, shop: Shop, table: type) -> int:
    with app.back_office.reading(shop.organization_id) as session:
        return session.scalars(sa.select(sa.func.count()).select_from(table)).one()


@pytest.mark.parametrize(
    "file",
    [
        "source,reference,name\ncrm,1,João\n".encode(),
        "source,reference,name\r\ncrm,1,João\r\n".encode("utf-8-sig"),
        "source;reference;name\r\ncrm;1;João\r\n".encode("utf-8-sig"),
        "source,reference,name\rcrm,1,João".encode(),
        ' "SOURCE", Reference ,name,,\n\n crm ,"1", João ,,\n,,,,\n\n'.encode(),
        'name;reference;source\n"João";1;crm\n'.encode(),
    ],
    ids=["plain", "with BOM", "semicolons", "old line ends", "blanks", "another order"],
)
def test_a_file_is_read_as_spreadsheets_save_it(app: App, shop: Shop, file: bytes) -> None:
    assert counts(import_csv(app, shop, "customers", file)) == {"created": 1}
    assert names(app, shop) == ["João"]


def test_lines_are_counted_as_in_an_editor(app: App, shop: Shop) -> None:
    file = HEADER + 'crm,1,"Ana\nSousa"\n\ncrm,2,\n"crm",3,"Rui, ""the\r\nthird"""\ncrm,4,Eva\n'
    answer = import_csv(app, shop, "customers", file, dry_run=True)
    assert [item["line"] for item in answer.json["items"]] == [2, 5, 6, 8]
    assert faults(answer) == [("5", "missing-value")]


def test_formulas_are_kept_as_they_were_typed(app: App, shop: Shop) -> None:
    import_csv(app, shop, "customers", HEADER + 'crm,1,"=HYPERLINK(""x"")"\ncrm,2,@SUM(A1)\n')
    assert names(app, shop) == ['=HYPERLINK("x")', "@SUM(A1)"]


def test_malformed_lines_are_named_and_the_others_are_still_read(app: App, shop: Shop) -> None:
    file = HEADER + 'crm,1\ncrm,2,Rui,Sousa\n"crm"x,3,Eva\ncrm,4,\x00\n"open,5,Ida\ncrm,6,Ira\n'
    answer = import_csv(app, shop, "customers", file)
    assert_problem(answer, 422, "invalid")
    assert faults(answer) == [
        ("2", "malformed-line"),
        ("3", "malformed-line"),
        ("4", "malformed-line"),
        ("5/name", "invalid-character"),
        ("6", "malformed-line"),
    ]
    assert "5" in answer.json["detail"]


def test_a_wrong_header_is_named_and_the_lines_are_still_read(app: App, shop: Shop) -> None:
    file = "reference,name,e-mail/work,name,tags,\n1,Ana,,Ana,;,\n2,Rui,,Rui,,\n"
    answer = import_csv(app, shop, "customers", file, dry_run=True)
    assert faults(answer) == [
        ("1/name", "repeated-column"),
        ("1/e-mail/work", "unknown-column"),
        ("1/source", "missing-column"),
        ("2/tags", "invalid"),
    ]
    assert verdicts(answer) == ["refused", "refused", "refused"]
    assert (answer.json["lines"], answer.json["refused"]) == (2, 3)
    assert ("1/e-mail~1work", "unknown-column") in faults(import_csv(app, shop, "customers", file))


def test_one_fault_keeps_every_line_out(app: App, shop: Shop) -> None:
    answer = import_csv(app, shop, "customers", ANA + "crm,2,\n")
    assert_problem(answer, 422, "invalid")
    assert answer.json["errors"] == [
        {
            "in": "body",
            "pointer": "/lines/3",
            "code": "missing-value",
            "detail": "Give a name, a phone number, an e-mail address or a loyalty number.",
        }
    ]
    assert names(app, shop) == []


def test_a_dry_run_says_what_the_import_does_and_keeps_nothing(app: App, shop: Shop) -> None:
    changes = count(app, shop, Change)
    answer = import_csv(app, shop, "customers", ANA, dry_run=True, headers={"Idempotency-Key": "k"})
    assert answer.json["dry_run"] is True
    assert (names(app, shop), count(app, shop, Change), count(app, shop, IdempotencyKey)) == ([], changes, 0)
    made = import_csv(app, shop, "customers", ANA, headers={"Idempotency-Key": "k"})
    assert {**made.json, "dry_run": True} == answer.json
    assert (names(app, shop), count(app, shop, Change)) == (["Ana"], changes + 1)


def test_a_dry_run_of_a_change_keeps_nothing(app: App, shop: Shop) -> None:
    import_csv(app, shop, "customers", ANA)
    changes = count(app, shop, Change)
    for file in (ANA.replace("Ana", "Eva"), ANA.replace("Ana", "Eva") + "crm,2,\n"):
        assert "updated" in verdicts(import_csv(app, shop, "customers", file, dry_run=True))
        assert (names(app, shop), count(app, shop, Change)) == (["Ana"], changes)


def test_an_import_with_a_key_has_its_effect_once(app: App, shop: Shop) -> None:
    key = {"Idempotency-Key": "first-of-March"}
    assert counts(import_csv(app, shop, "customers", ANA, headers=key)) == {"created": 1}
    import_csv(app, shop, "customers", ANA.replace("Ana", "Eva"))
    again = import_csv(app, shop, "customers", ANA, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (counts(again), names(app, shop)) == ({"updated": 1}, ["Eva"])
    other = import_csv(app, shop, "customers", ANA + "crm,2,Rui\n", headers=key)
    assert_problem(other, 422, "idempotency-key-reused")


def test_a_key_that_is_none_is_refused_by_a_dry_run_too(app: App, shop: Shop) -> None:
    for dry_run in (False, True):
        answer = import_csv(app, shop, "customers", ANA, dry_run=dry_run, headers={"Idempotency-Key": "with spaces"})
        assert_problem(answer, 422, "invalid-idempotency-key")


def test_a_refused_import_does_not_use_up_its_key(app: App, shop: Shop) -> None:
    key = {"Idempotency-Key": "k"}
    assert import_csv(app, shop, "customers", HEADER + "crm,1,\n", headers=key).status_code == 422
    assert counts(import_csv(app, shop, "customers", ANA, headers=key)) == {"created": 1}


@pytest.mark.parametrize(
    ("file", "detail"),
    [
        (b"", "The first line has to name the columns; the template shows them."),
        (b"\xef\xbb\xbf\r\n \r\n", "The first line has to name the columns; the template shows them."),
        (b"crm,1,Ana\n", "The first line has to name the columns: "),
        (b'"source,reference', "The first line has to name the columns; the template shows them."),
        (HEADER.encode() + b"crm,1,Jo\xe3o\n", "The file is not UTF-8: line 2 has other bytes."),
        (HEADER.encode("utf-16"), "The file is not UTF-8: line 1 has other bytes."),
        (b"a," * 100 + HEADER.encode(), "The first line names 103 columns; at most 100 are read."),
    ],
    ids=["empty", "blank", "no header", "open quote", "Latin-1", "UTF-16", "too wide"],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole(app: App, shop: Shop, file: bytes, detail: str) -> None:
    for dry_run in (False, True):
        answer = import_csv(app, shop, "customers", file, dry_run=dry_run)
        assert_invalid_value(answer, "body", "")
        assert answer.json["detail"].startswith(detail)


def test_a_file_that_is_too_large_is_refused(app: App, shop: Shop) -> None:
    too_long = HEADER + "crm,1,Ana\n" * (MAX_IMPORT_LINES + 1)
    answer = import_csv(app, shop, "customers", too_long)
    assert "20000 lines" in assert_problem(answer, 413, "body-too-large")["detail"]
    answer = import_csv(app, shop, "customers", b"x" * (MAX_IMPORT_BYTES + 1))
    assert "8388608 bytes" in assert_problem(answer, 413, "body-too-large")["detail"]


def test_only_csv_is_taken(app: App, shop: Shop) -> None:
    for type_ in ("application/json", "text/plain", "multipart/form-data"):
        answer = app.request("POST", "/v1/imports/customers", (shop, "admin"), data=ANA, content_type=type_)
        assert "text/csv" in assert_problem(answer, 415, "unsupported-media-type")["detail"]
    charset = "text/csv; charset=utf-8; header=present"
    answer = app.request("POST", "/v1/imports/customers", (shop, "admin"), data=ANA, content_type=charset)
    assert answer.status_code == 200


def test_refusals_come_in_the_documented_order(app: App, shop: Shop) -> None:
    large = {"data": b"x" * (MAX_IMPORT_BYTES + 1), "content_type": "text/plain", "query_string": {"dry": "1"}}
    path = "/v1/imports/customers"
    assert_problem(app.request("POST", path, **large), 401, "unauthorized")
    assert_problem(app.request("POST", path, (shop, "floor"), **large), 403, "forbidden")
    assert_problem(app.request("POST", path, (shop, "admin"), **large), 413, "body-too-large")
    small = {**large, "data": b"x"}
    assert_problem(app.request("POST", path, (shop, "admin"), **small), 415, "unsupported-media-type")
    assert_invalid_value(
        app.request("POST", path, (shop, "admin"), **{**small, "content_type": "text/csv", "data": ANA}),
        "query",
        "/dry",
        "unknown-field",
    )
    assert_problem(app.request("POST", "/v1/imports/dogs", (shop, "admin"), data=ANA), 404, "not-found")


def test_a_person_may_import_so_many_times_an_hour(app: App, shop: Shop) -> None:
    for _ in range(IMPORT_LIMIT.amount):
        assert import_csv(app, shop, "customers", ANA, dry_run=True).status_code == 200
    assert_problem(import_csv(app, shop, "customers", ANA), 429, "too-many-requests")
    assert import_csv(app, shop, "customers", ANA, "key").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_is_a_file_that_can_be_filled_in(app: App, shop: Shop, kind: str) -> None:
    answer = app.request("GET", f"/v1/imports/{kind}/template", (shop, "admin"))
    assert answer.status_code == 200
    assert answer.mimetype == "text/csv"
    header, *examples = csv.reader(io.StringIO(answer.text, newline=""))
    assert len(examples) == 2
    assert all(any(row[number] for row in examples) for number in range(len(header)))
    tried = import_csv(app, shop, kind, answer.get_data(), dry_run=True)
    assert {code for _, code in faults(tried)} <= {"unknown"}  # the made-up store
    assert not any(place.startswith("1") for place, _ in faults(tried))
