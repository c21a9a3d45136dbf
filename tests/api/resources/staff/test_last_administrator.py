"""The last administrator: somebody who can sign in always administers the organization."""

from typing import Any

from sqlalchemy import select

from models.access import Role
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import Shop
from tests.support.factories.people import change_person, hire_person
from tests.support.factories.staff import hire
from tests.support.threads import at_once


def demote(app: App, shop: Shop, login: str, by: str = "admin") -> Any:
    return change_person(app, shop, login, by, role="head_office", store_ids=[])


def administrators(app: App, shop: Shop) -> list[str]:
    with app.back_office.reading(shop.organization_id) as session:
        return sorted(session.scalars(select(Staff.login).where(Staff.role == Role.ADMIN)))


def test_an_administrator_is_demoted_while_there_is_another(app: App, shop: Shop) -> None:
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    assert demote(app, shop, "second").status_code == 200
    assert administrators(app, shop) == ["admin"]


def test_of_two_who_demote_each_other_at_once_one_stays(app: App, shop: Shop) -> None:
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    answers = at_once([lambda: demote(app, shop, "admin", "second"), lambda: demote(app, shop, "second", "admin")])
    # Who comes second is refused as the last one, or is no administrator any more when they are looked up.
    assert sorted(answer.status_code for answer in answers) in ([200, 403], [200, 409])
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, 409, "last-administrator")
    assert len(administrators(app, shop)) == 1


def test_an_administrator_who_cannot_sign_in_does_not_count(app: App, shop: Shop) -> None:
    hire_person(app, shop, "admin", login="invited", role="admin", store_ids=[])
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    assert demote(app, shop, "admin", "second").status_code == 200
    hire(app.back_office, shop, "third", role=Role.ADMIN, at=app.clock())
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["third"])).left_at = app.clock()
    shop.tokens["invited"] = shop.tokens["second"]
    assert_problem(demote(app, shop, "second", "second"), 403, "forbidden")
    assert administrators(app, shop) == ["invited", "second", "third"]
