"""One-time codes: made by those who may, shown once, and told to the person."""

from uuid import uuid4

import pytest

from models.alerts.notification import Notification, NotificationKind
from models.outbox.message import OutboxMessage
from models.staff.credentials import invitation as invitation_module
from models.staff.credentials.invitation import Invitation
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.factories.people import bring_back, change_person, hire_person, let_go, make_code, redeem, sign_in
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again
from tests.support.store_scenario import StoreScenario

NEW = "a new and long one"


def told(app: App, kind: NotificationKind) -> list[object]:
    return [row.staff_id for row in rows(app, OutboxMessage) if row.notification_kind is kind]


def test_who_is_hired_gets_a_code_that_is_shown_once(app: App, shop: Shop) -> None:
    body = {"id": str(uuid4())}
    hired, again = hire_person(app, shop, **body), hire_person(app, shop, **body)
    invitation = hired.json["invitation"]
    assert invitation["code"].startswith(f"amd_i_{shop.organization_id.hex}_")
    assert len(invitation["code"].split("_", 3)[3]) >= 20  # 128 bits or more
    assert invitation["link"].endswith(f"/i/{invitation['code']}")
    assert invitation["expires_at"] == "2026-03-04T12:00:00Z"
    assert again.json == {**hired.json, "invitation": None}
    redeemed = redeem(app, invitation["code"], password=NEW).json
    assert redeemed == {"organization": "acme", "login": "ana", "device_proof": redeemed["device_proof"]}
    assert sign_in(app, shop, "ana", NEW).json["staff"]["name"] == "Ana Alves"
    assert invitation["code"] not in repr(rows(app, Invitation)[0].__dict__)


def test_a_key_sees_no_code_and_the_person_gets_a_mail_where_there_is_an_address(app: App, shop: Shop) -> None:
    without, with_mail = (
        hire_person(app, shop, "key", login=login, email=email)
        for login, email in (("bo", None), ("ana", "ana@acme.example"))
    )
    assert (without.json["invitation"], with_mail.json["invitation"]) == (None, None)
    assert [str(id_) for id_ in told(app, NotificationKind.CODE_BY_MAIL)] == [with_mail.json["id"]]
    assert told(app, NotificationKind.CODE_MADE) == []
    assert_problem(make_code(app, shop, "floor", "key"), 403, "forbidden")


def test_a_new_code_ends_the_former_ones_and_is_told(app: App, shop: Shop) -> None:
    first, second = (make_code(app, shop, "colleague").json for _ in range(2))
    assert told(app, NotificationKind.CODE_MADE) == [shop.staff["colleague"]] * 2
    assert_problem(redeem(app, first["code"], password=NEW), 410, "code-not-valid")
    assert redeem(app, second["code"], password=NEW).status_code == 200


def test_a_repeat_shows_no_code(app: App, shop: Shop) -> None:
    body = {"id": str(uuid4())}
    first, again = (make_code(app, shop, "colleague", **body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == {**first.json, "code": None, "link": None}
    assert redeem(app, first.json["code"], password=NEW).status_code == 200


@pytest.mark.parametrize(
    ("by", "person", "status"),
    [
        ("floor", "colleague", 403),
        ("hq", "colleague", 403),
        ("manager", "manager", 403),
        ("manager", "regional", 403),
        ("manager", "elsewhere", 404),
        ("manager", "admin", 404),
        ("regional", "colleague", 201),
        ("admin", "manager", 201),
        ("admin", "admin", 403),
    ],
)
def test_who_makes_a_code_for_whom(app: App, shop: Shop, by: str, person: str, status: int) -> None:
    answer = make_code(app, shop, person, by)
    assert answer.status_code == status, answer.text
    assert len(rows(app, Invitation)) == (status == 201)


def test_who_lets_somebody_above_floor_in_signed_in_lately(app: App, shop: Shop) -> None:
    assert let_go(app, shop, "regional", "admin").status_code == 200
    app.clock.move(minutes=10, seconds=1)
    for answer in (
        make_code(app, shop, "manager", "admin"),
        bring_back(app, shop, "regional", "admin"),
        change_person(app, shop, "hq", "admin", email="somebody@example.org"),
    ):
        assert_problem(answer, 403, "sign-in-again")
    assert make_code(app, shop, "floor", "admin").status_code == 201
    assert change_person(app, shop, "floor", "admin", email="floor@example.org").status_code == 200
    assert change_person(app, shop, "hq", "admin", email=None, name="Head").status_code == 200
    sign_in_again(app, shop)
    assert make_code(app, shop, "manager", "admin").status_code == 201
    assert bring_back(app, shop, "regional", "admin").status_code == 200


def test_codes_of_one_person_are_counted(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitation_module, "MAX_CODES_PER_DAY", 2)
    assert [make_code(app, shop, "floor").status_code for _ in range(2)] == [201, 201]
    assert_problem(make_code(app, shop, "floor"), 409, "too-many")
    app.clock.move(hours=24)
    assert make_code(app, shop, "floor", "regional").status_code == 201


def test_a_code_is_told_on_all_phones_and_by_mail(scenario: StoreScenario) -> None:
    scenario.set_preferences("colleague", email="c@acme.example")
    assert make_code(scenario.app, scenario.shop, "colleague").status_code == 201
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(NotificationKind.CODE_MADE) == {0: {"colleague", "c@acme.example"}}
    assert {row.staff_id for row in rows(scenario.app, Notification)} == {scenario.shop.staff["colleague"]}
    assert sign_in(scenario.app, scenario.shop, "colleague", PASSWORD).status_code == 201  # until it is redeemed
