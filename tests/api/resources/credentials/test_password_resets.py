"""Forgotten passwords: always the same answer, and a code by mail to whoever has an address."""

import re
from typing import Any

import pytest

from models.alerts.notification import NotificationKind, NotificationState
from models.staff.credentials import invitation as invitation_module
from models.staff.credentials.invitation import Invitation
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import Shop
from tests.support.factories.people import hire_person, make_code, redeem, sign_in
from tests.support.rows import notifications, rows
from tests.support.store_scenario import StoreScenario
from tests.support.worker import work_until_idle

NEW = "a new and long one"
MAILBOX = "floor@acme.example"


def ask(app: App, login: str, organization: str = "acme") -> Any:
    body = {"organization": organization, "login": login}
    return app.request("POST", "/v1/password-resets", json=body)


@pytest.fixture
def mailbox(scenario: StoreScenario) -> StoreScenario:
    scenario.set_preferences("floor", email=MAILBOX)
    scenario.set_preferences("colleague", email="gone@acme.example", left_at=scenario.app.clock())
    return scenario


def codes_sent(scenario: StoreScenario) -> list[str]:
    """The codes in the mails, as their readers find them."""
    paths = [message.path or "" for _, message in scenario.messages]
    return [path.removeprefix("/i/") for path in paths if path.startswith("/i/")]


def test_the_answer_and_the_statements_are_the_same_for_everybody(mailbox: StoreScenario) -> None:
    seen = set()
    for login in ("floor", "manager", "colleague", "nobody"):  # with mail, without, left, unknown
        with mailbox.app.counting() as statements:
            answer = ask(mailbox.app, login)
        seen.add((answer.status_code, answer.data, tuple(statements)))
    assert len(seen) == 1
    assert next(iter(seen))[:2] == (202, b"")
    assert ask(mailbox.app, "floor", "nowhere").status_code == 202


def test_a_code_comes_by_mail_and_phones_are_told(mailbox: StoreScenario) -> None:
    for login in ("floor", "manager", "colleague", "nobody"):
        ask(mailbox.app, login)
    work_until_idle(mailbox.worker)
    assert mailbox.addresses_by_second(NotificationKind.CODE_BY_MAIL) == {0: {MAILBOX}}
    assert mailbox.addresses_by_second(NotificationKind.CODE_MADE) == {0: {"floor"}}  # the phone
    (code,) = codes_sent(mailbox)
    answer = mailbox.app.request("POST", "/v1/password-resets/redeem", json={"code": code, "password": NEW})
    assert (answer.json["organization"], answer.json["login"]) == ("acme", "floor")
    assert sign_in(mailbox.app, mailbox.shop, "floor", NEW).status_code == 201


def test_the_code_stands_in_the_mail_only(mailbox: StoreScenario) -> None:
    ask(mailbox.app, "floor")
    work_until_idle(mailbox.worker)
    (code,) = codes_sent(mailbox)
    for _, message in mailbox.messages:
        assert code not in repr(message)
        assert code not in f"{message.title} {message.body} {message.text}"
    assert code not in repr([row.__dict__ for model in (Invitation, Staff) for row in rows(mailbox.app, model)])
    (mail,) = [message for _, message in mailbox.messages if message.path]
    assert mail.title == "Your sign-in at Acme"
    assert re.search("You sign in as floor at acme", mail.text or "")


def test_a_mail_that_is_sent_again_has_another_code(mailbox: StoreScenario) -> None:
    mailbox.channel.answers[MAILBOX] = DeliveryResult.later("busy", unsure=True)
    ask(mailbox.app, "floor")
    work_until_idle(mailbox.worker)
    mailbox.channel.answers.clear()
    mailbox.let_pass(minutes=1)
    first, second = codes_sent(mailbox)
    assert len(rows(mailbox.app, Invitation)) == 1
    assert_problem(redeem(mailbox.app, first, password=NEW), 410, "code-not-valid")
    assert redeem(mailbox.app, second, password=NEW).status_code == 200


def test_a_mail_that_anybody_asks_for_leaves_the_code_of_the_manager_valid(mailbox: StoreScenario) -> None:
    by_manager = make_code(mailbox.app, mailbox.shop, "floor").json["code"]
    ask(mailbox.app, "floor")
    work_until_idle(mailbox.worker)
    assert redeem(mailbox.app, by_manager, password=NEW).status_code == 200
    (by_mail,) = codes_sent(mailbox)
    assert_problem(redeem(mailbox.app, by_mail, password=NEW), 410, "code-not-valid")


def test_whoever_leaves_before_the_mail_is_sent_gets_none(mailbox: StoreScenario) -> None:
    mailbox.channel.answers[MAILBOX] = DeliveryResult.later("busy")
    ask(mailbox.app, "floor")
    work_until_idle(mailbox.worker)
    before = len(codes_sent(mailbox))
    mailbox.set_preferences("floor", left_at=mailbox.app.clock())
    mailbox.let_pass(minutes=1)
    assert len(codes_sent(mailbox)) == before
    (mail,) = [row for row in notifications(mailbox.app) if row.kind is NotificationKind.CODE_BY_MAIL]
    assert (mail.state, mail.failure) == (NotificationState.SUPPRESSED, "left")


def test_a_person_whom_a_key_hired_gets_the_code_by_mail(mailbox: StoreScenario) -> None:
    hire_person(mailbox.app, mailbox.shop, "key", email="ana@acme.example")
    work_until_idle(mailbox.worker)
    (code,) = codes_sent(mailbox)
    assert redeem(mailbox.app, code, password=NEW).json["login"] == "ana"


def test_a_login_is_asked_for_five_times_an_hour(app: App, shop: Shop) -> None:
    for login in ("floor", "nobody"):
        assert [ask(app, login).status_code for _ in range(6)] == [*[202] * 5, 429]


def test_mails_that_strangers_ask_for_keep_nobody_from_making_a_code(
    mailbox: StoreScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitation_module, "MAX_CODES_PER_DAY", 2)
    for _ in range(2):
        ask(mailbox.app, "floor")
    work_until_idle(mailbox.worker)
    assert len(rows(mailbox.app, Invitation)) == 2
    assert make_code(mailbox.app, mailbox.shop, "floor").status_code == 201
