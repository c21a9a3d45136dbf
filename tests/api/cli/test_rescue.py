"""Rescue at the terminal: a code for an administrator who cannot sign in, told to all of them."""

import json
from typing import Any

import pytest

from models.access import Role
from models.alerts.notification import NotificationKind
from models.outbox.message import OutboxMessage
from models.staff.credentials import invitation
from models.staff.credentials.second_factor import SecondFactor
from models.staff.staff import Staff
from tests.support.app import App, commands_of
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code, redeem, sign_in
from tests.support.factories.staff import hire
from tests.support.rows import rows

NEW = "a new and long one"


def rescue(app: App, *words: str) -> Any:
    return commands_of(app)("organization", "rescue", "--organization", "acme", *words)


def made(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout[result.stdout.index("{\n") :])  # after the line of the log
    return answer


def leave(app: App, shop: Shop, login: str) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff[login])).left_at = app.clock()


def test_the_only_administrator_gets_a_code(app: App, shop: Shop) -> None:
    result = rescue(app)
    answer = made(result)
    assert (answer["staff"]["login"], answer["created"], answer["second_factor_removed"]) == ("admin", False, False)
    assert answer["link"].endswith(f"/i/{answer['code']}")
    assert redeem(app, answer["code"], password=NEW).status_code == 200
    assert sign_in(app, shop, "admin", NEW).status_code == 201


def test_it_is_loud(app: App, shop: Shop) -> None:
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    result = rescue(app, "--login", "admin")
    code = made(result)["code"]
    assert "WARNING: whoever has the code below can administer 'acme'" in result.stderr
    (line,) = (line for line in result.output.splitlines() if "administrator rescued" in line)
    assert str(shop.staff["admin"]) in line
    assert code not in line
    assert code not in result.stderr
    recipients = [
        row.staff_id for row in rows(app, OutboxMessage) if row.notification_kind is NotificationKind.CODE_MADE
    ]
    assert set(recipients) == {shop.staff["admin"], shop.staff["second"]}


def test_no_number_of_codes_keeps_anybody_from_being_rescued(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitation, "MAX_CODES_PER_DAY", 1)
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    assert make_code(app, shop, "admin", "second").status_code == 201
    assert made(rescue(app, "--login", "admin"))["code"]


def test_of_several_administrators_one_is_named(app: App, shop: Shop) -> None:
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    refused = rescue(app)
    assert (refused.exit_code, "--login for whom: admin, second" in refused.stderr) == (1, True)
    assert made(rescue(app, "--login", "second"))["staff"]["login"] == "second"
    refused = rescue(app, "--login", "manager")
    assert (refused.exit_code, "is not the login of an administrator" in refused.stderr) == (1, True)


def test_where_no_administrator_works_a_new_one_is_made(app: App, shop: Shop) -> None:
    leave(app, shop, "admin")
    refused = rescue(app)
    assert (refused.exit_code, "give a --login and a --name" in refused.stderr) == (1, True)
    answer = made(rescue(app, "--login", "boss", "--name", "The boss"))
    assert answer["created"] is True
    assert redeem(app, answer["code"], password=NEW).status_code == 200
    assert sign_in(app, shop, "boss", NEW).json["staff"]["role"] == "admin"


def test_a_lost_second_factor_is_removed(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        staff = session.get_one(Staff, (shop.organization_id, shop.staff["admin"]))
        SecondFactor.begin(session, staff=staff, key=bytes(32), at=app.clock())
        staff.second_factor_at = app.clock()
    result = rescue(app)
    assert made(result)["second_factor_removed"] is True
    assert "The second factor of 'admin' was removed." in result.stderr
    assert rows(app, SecondFactor) == []
    assert redeem(app, made(result)["code"], password=NEW).status_code == 200
    assert sign_in(app, shop, "admin", NEW).status_code == 201


@pytest.mark.parametrize("slug", ["nobody", ""])
def test_an_organization_that_does_not_exist_is_one_line(app: App, slug: str) -> None:
    result = commands_of(app)("organization", "rescue", "--organization", slug)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
