"""Import of staff: who a line is, what it changes, and what it may not."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from models.access import KeyScope, Role
from models.alerts.notification import NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.credentials.api_key import ApiKey
from models.staff.staff import Staff, StaffStore
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.imports import csv_text, faults, import_csv, verdicts
from tests.support.factories.organizations import Shop, password_hash
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again

ANA = {"employee_number": "1", "login": "ana", "name": "Ana Alves", "role": "floor", "stores": "first"}
COLUMNS = ("employee_number", "login", "name", "role", "stores", "regions", "email", "left")


def send(app: App, shop: Shop, *lines: dict[str, str], by: str = "key", dry_run: bool = False) -> Any:
    return import_csv(app, shop, "staff", csv_text(COLUMNS, lines), by, dry_run=dry_run)


def person(app: App, login: str) -> Staff:
    (found,) = (staff for staff in rows(app, Staff) if staff.login == login)
    return found


def stores_of(app: App, staff: Staff) -> set[Any]:
    return {link.store_id for link in rows(app, StaffStore) if link.staff_id == staff.id}


def test_a_file_hires_people_and_the_same_file_again_changes_nothing(app: App, shop: Shop) -> None:
    bo = {**ANA, "employee_number": "2", "login": "bo", "name": "Bo", "role": "manager", "stores": "first; second"}
    answer = send(app, shop, ANA, bo)
    assert verdicts(answer) == ["created", "created"]
    assert [item["reference"] for item in answer.json["items"]] == ["1", "2"]
    ana, manager = person(app, "ana"), person(app, "bo")
    assert (ana.name, ana.role, ana.employee_number, ana.password_hash) == ("Ana Alves", Role.FLOOR, "1", None)
    assert stores_of(app, ana) == {shop.store_id}
    assert (manager.role, stores_of(app, manager)) == (Role.MANAGER, {shop.store_id, shop.other_store_id})
    assert verdicts(send(app, shop, bo, ANA)) == ["unchanged", "unchanged"]


def test_a_dry_run_keeps_nothing(app: App, shop: Shop) -> None:
    assert verdicts(send(app, shop, ANA, dry_run=True)) == ["created"]
    assert all(staff.login != "ana" for staff in rows(app, Staff))


def test_a_line_is_the_person_with_its_number_whatever_their_login(app: App, shop: Shop) -> None:
    send(app, shop, ANA)
    changed = {"employee_number": "1", "login": "ana.alves", "name": "Ana A. Alves", "stores": "second"}
    assert verdicts(send(app, shop, changed)) == ["updated"]
    ana = person(app, "ana.alves")
    assert (ana.name, ana.version, stores_of(app, ana)) == ("Ana A. Alves", 2, {shop.other_store_id})


def test_a_line_with_a_login_alone_is_that_person_who_gets_the_number(app: App, shop: Shop) -> None:
    assert verdicts(send(app, shop, {"login": "floor", "name": "Flo"})) == ["updated"]
    assert verdicts(send(app, shop, {"employee_number": "77", "login": "floor"})) == ["updated"]
    floor = person(app, "floor")
    assert (floor.name, floor.employee_number, floor.id) == ("Flo", "77", shop.staff["floor"])


def test_a_blank_cell_leaves_what_is_there(app: App, shop: Shop) -> None:
    send(app, shop, {**ANA, "email": "ana@example.com"})
    assert verdicts(send(app, shop, {"employee_number": "1"})) == ["unchanged"]
    assert person(app, "ana").email == "ana@example.com"


def test_a_line_that_is_nobody_or_two_people_is_refused(app: App, shop: Shop) -> None:
    send(app, shop, ANA)
    bad = [
        {"name": "Nobody"},
        {"employee_number": "9", "name": "New"},
        {"employee_number": "8", "login": "ana"},
        {**ANA, "employee_number": "7", "login": "same"},
        {**ANA, "employee_number": "6", "login": "same"},
        {"employee_number": "1", "name": "One"},
        {"login": "ana", "name": "Two"},
        {"login": "Not A Login", "name": "X"},
    ]
    assert faults(send(app, shop, *bad)) == [
        ("2", "missing-value"),
        ("3/login", "missing-value"),
        ("3/role", "missing-value"),
        ("4/login", "in-use"),
        ("6/login", "duplicate-line"),
        ("8/login", "duplicate-line"),
        ("9/login", "invalid"),
    ]


def test_what_does_not_go_together_is_refused_in_its_column(app: App, shop: Shop) -> None:
    bad = [
        {**ANA, "stores": ""},
        {**ANA, "employee_number": "2", "login": "b", "stores": "first nowhere"},
        {**ANA, "employee_number": "3", "login": "c", "regions": "here"},
        {**ANA, "employee_number": "4", "login": "d", "role": "chef"},
        {**ANA, "employee_number": "5", "login": "e", "email": "ä@example.com"},
        {**ANA, "employee_number": "6", "login": "f", "left": "maybe"},
    ]
    assert faults(send(app, shop, *bad, by="admin")) == [
        ("2/stores", "invalid"),
        ("3/stores", "unknown"),
        ("4/regions", "invalid"),
        ("5/role", "unknown"),
        ("6/email", "invalid"),
        ("7/left", "invalid"),
    ]


def test_a_regional_manager_becomes_something_else_without_regions(app: App, shop: Shop) -> None:
    line = {"login": "regional", "role": "manager", "stores": "first"}
    assert verdicts(send(app, shop, line, by="admin")) == ["updated"]
    regional = person(app, "regional")
    assert (regional.role, stores_of(app, regional)) == (Role.MANAGER, {shop.store_id})


# ------------------------------------------------------------------------------------------------- invited, gone, back


def mails(app: App) -> set[Any]:
    """Return who is to get a code by mail."""
    return {row.staff_id for row in rows(app, OutboxMessage) if row.notification_kind is NotificationKind.CODE_BY_MAIL}


def test_new_people_with_an_address_get_their_code_by_mail_and_nobody_reads_one(app: App, shop: Shop) -> None:
    bo = {**ANA, "employee_number": "2", "login": "bo", "email": "bo@example.com"}
    for by in ("key", "manager"):
        assert "invitation" not in send(app, shop, ANA, bo, by=by).text
    assert mails(app) == {person(app, "bo").id}


def test_what_somebody_had_taken_where_they_work_no_more_rings_again(app: App, shop: Shop) -> None:
    move(app, shop, log_concern(app, shop, "colleague"), "take", "floor")
    with app.counting() as statements:
        assert verdicts(send(app, shop, {"login": "floor", "stores": "second"})) == ["updated"]
    (concern,) = rows(app, Concern)
    assert (concern.status, concern.taken_by_id) == (Status.OPEN, None)
    locked = [table for text in statements if "FOR NO KEY UPDATE" in text for table in re.findall(r"FROM (\w+)", text)]
    if app.database.engine.dialect.name == "postgresql":
        assert locked.index("concern") < locked.index("staff")


def test_whoever_left_is_out_on_the_next_request_and_what_they_had_taken_rings_again(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "colleague", mood=1)
    move(app, shop, concern, "take", "floor")
    assert verdicts(send(app, shop, {"login": "floor", "left": "yes"}, dry_run=True)) == ["updated"]
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200
    assert verdicts(send(app, shop, {"login": "floor", "left": "yes", "name": "Flo"})) == ["updated"]
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 401
    floor = person(app, "floor")
    assert (floor.left_at, floor.name, floor.password_hash) == (app.clock(), "Flo", None)
    assert app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "manager")).json["status"] == "open"
    assert OutboxKind.FIND_RECIPIENTS in {row.kind for row in rows(app, OutboxMessage) if row.done_at is None}
    assert verdicts(send(app, shop, {"login": "floor", "left": "yes"})) == ["unchanged"]
    assert faults(send(app, shop, {"login": "floor", "name": "Back?"})) == [("2/left", "invalid")]


def test_whoever_comes_back_gets_a_code_and_is_changed_by_the_same_line(app: App, shop: Shop) -> None:
    send(app, shop, {"login": "floor", "left": "yes", "email": "flo@example.com"})
    assert verdicts(send(app, shop, {"login": "floor", "left": "no", "stores": "second"})) == ["updated"]
    floor = person(app, "floor")
    assert (floor.left_at, stores_of(app, floor), mails(app)) == (None, {shop.other_store_id}, {floor.id})
    assert verdicts(send(app, shop, {"login": "floor", "left": "no"})) == ["unchanged"]


def test_a_leaver_whom_nobody_knows_is_not_hired(app: App, shop: Shop) -> None:
    assert verdicts(send(app, shop, {**ANA, "left": "yes"})) == ["unchanged"]
    assert all(staff.login != "ana" for staff in rows(app, Staff))


def test_the_last_administrator_neither_leaves_nor_is_demoted_by_a_file(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        admin = Staff(login="second", name="Second", role=Role.ADMIN, password_hash=password_hash())
        session.add(admin)
    both = [{"login": "second", "role": "head_office"}, {"login": "admin", "left": "yes"}]
    assert faults(send(app, shop, *both, by="admin")) == [("3/left", "invalid")]
    assert verdicts(send(app, shop, both[0], by="admin")) == ["updated"]
    assert faults(send(app, shop, both[1], by="admin")) == [("2/left", "invalid")]


# --------------------------------------------------------------------------------------------------------------- rights


def test_a_manager_imports_floor_staff_of_their_own_store_and_nobody_else(app: App, shop: Shop) -> None:
    assert verdicts(send(app, shop, ANA, {"login": "floor", "name": "Flo"}, by="manager")) == ["created", "updated"]
    bad = [
        {**ANA, "employee_number": "2", "login": "b", "stores": "second"},
        {**ANA, "employee_number": "3", "login": "c", "role": "manager"},
        {"login": "elsewhere", "name": "Changed"},
        {"login": "admin", "name": "Changed"},
        {"login": "manager", "name": "Changed"},
        {"login": "floor", "role": "manager"},
        {"login": "colleague", "stores": "first second"},
    ]
    assert faults(send(app, shop, *bad, by="manager")) == [
        ("2/stores", "unknown"),
        ("3/role", "forbidden"),
        ("4/login", "in-use"),
        ("5/login", "in-use"),
        ("6", "forbidden"),
        ("7/role", "forbidden"),
        ("8/stores", "unknown"),
    ]
    assert person(app, "elsewhere").name == "Elsewhere of acme"


def test_a_key_touches_floor_staff_and_managers_only(app: App, shop: Shop) -> None:
    bad = [{"login": "admin", "name": "X"}, {"login": "regional", "name": "X"}, {"login": "floor", "role": "admin"}]
    assert faults(send(app, shop, *bad)) == [("2", "forbidden"), ("3", "forbidden"), ("4/role", "forbidden")]


def test_a_key_of_one_store_sees_nobody_of_another(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        scopes = {KeyScope.STAFF_WRITE}
        stores = {"organization_id": shop.organization_id, "store_ids": [shop.store_id]}
        key = ApiKey.create(session, name="till", scopes=scopes, at=app.clock(), **stores)
        shop.tokens["key-here"] = str(key.secret)
    assert faults(send(app, shop, {"login": "elsewhere", "name": "X"}, by="key-here")) == [("2/login", "in-use")]
    assert verdicts(send(app, shop, {"login": "floor", "name": "X"}, by="key-here")) == ["updated"]


def test_nobody_changes_their_own_role_and_somebody_administers(app: App, shop: Shop) -> None:
    assert faults(send(app, shop, {"login": "admin", "role": "head_office"}, by="admin")) == [("2/role", "forbidden")]
    more = [{**ANA, "employee_number": n, "login": f"admin-{n}", "role": "admin", "stores": ""} for n in ("1", "2")]
    assert verdicts(send(app, shop, *more, by="admin")) == ["created", "created"]
    away = {"login": "admin-1", "role": "head_office"}
    assert verdicts(send(app, shop, away, by="admin")) == ["updated"]


def test_people_import_only_after_a_recent_sign_in(app: App, shop: Shop) -> None:
    app.clock.move(minutes=10, seconds=1)
    assert_problem(send(app, shop, ANA, by="manager"), 403, "sign-in-again")
    assert send(app, shop, ANA).status_code == 200
    sign_in_again(app, shop, "manager")
    assert send(app, shop, ANA, by="manager").status_code == 200


@pytest.mark.parametrize("login", ["floor", "hq", "reports-key"])
def test_others_do_not_import(app: App, shop: Shop, login: str) -> None:
    assert_problem(send(app, shop, ANA, by=login), 403, "forbidden")


def test_it_takes_as_many_statements_for_many_people_as_for_some(app: App, shop: Shop) -> None:
    def count(numbers: range, name: str) -> int:
        lines = [{**ANA, "employee_number": str(n), "login": f"p{n}", "name": name} for n in numbers]
        with app.counting() as statements:
            assert send(app, shop, *lines).status_code == 200
        return len(statements)

    send(app, shop, ANA)
    assert count(range(100, 110), "New") == count(range(110, 190), "New")
    assert count(range(100, 110), "Changed") == count(range(110, 190), "Changed")
    with app.database.reading(shop.organization_id) as session:
        assert set(session.scalars(select(Staff.name).where(Staff.login.like("p%")))) == {"Changed"}
