"""The demo data: its content, and that its history could have happened."""

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from api.cli.demo.companies import DEMO_COMPANY, OTHER_COMPANY, Hashes, hash_passwords
from api.cli.demo.seed import _seed_company, already_there, seed
from models.concerns.concern import MOVES, Concern
from models.concerns.enums import Kind, Status
from models.concerns.event import ConcernEvent
from models.concerns.previous import find_past
from models.daily_log.daily_log import TOMORROW_HEADING, DailyLog
from models.db.change_feed import Change
from models.db.session import ALL_TENANTS, ScopedSession
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.organizations.store_group import StoreGroup
from models.outbox.message import OutboxKind, OutboxMessage
from models.recovery.order import Order
from models.reports.change_export import KINDS
from tests.support.app import App
from tests.support.clock import NOON

SIGN_INS = {
    "demo": ("floor", "floor-market", "manager", "regional", "hq", "admin"),
    "other": ("outsider", "other-manager", "other-admin"),
}


def load_concerns(session: ScopedSession) -> list[Concern]:
    return list(
        session.scalars(
            select(Concern).options(
                *(selectinload(getattr(Concern, name)) for name in ("actions", "alert", "customer"))
            )
        )
    )


def organization_of(app: App, slug: str) -> UUID:
    with app.back_office.reading(ALL_TENANTS) as session:
        return Organization.by_slug(session, slug).id


# More than five seconds: it seeds two weeks of the demo.
def test_the_demo_is_what_the_contract_says(app: App, subtests):
    assert already_there(app.back_office, any_organization=True) is None
    with ThreadPoolExecutor() as pool:
        hashes = hash_passwords(pool)
        _seed_company(app.back_office, replace(DEMO_COMPANY, days=14), hashes, at=NOON)
        _seed_company(app.back_office, OTHER_COMPANY, hashes, at=NOON)
    assert already_there(app.back_office) == "The organization 'demo' exists already."

    with app.back_office.reading(organization_of(app, "demo")) as session:
        concerns = load_concerns(session)
        store_slugs = {store.id: store.slug for store in session.scalars(select(Store))}
        with subtests.test("whole business days of each store, ending yesterday"):
            for store in session.scalars(select(Store)):
                dates = [concern.business_date for concern in concerns if concern.store_id == store.id]
                assert (NOON.date() - min(dates), NOON.date() - max(dates)) == (timedelta(14), timedelta(1))
        with subtests.test("nothing rings, and the worker has only promises of the coming days to remind of"):
            messages = session.scalars(select(OutboxMessage)).all()
            assert {message.kind for message in messages} == {OutboxKind.REMIND_OWNER, OutboxKind.BREAK_FOLLOW_UP}
            assert all(message.due_at > NOON for message in messages)
            assert not [concern for concern in concerns if concern.alert and concern.alert.next_step_at]
        with subtests.test("whoever follows what changes hears of all of it"):
            changed = {tuple(row) for row in session.execute(select(Change.kind, Change.object_id))}
            there = [(kind, id_) for kind, model in KINDS.items() for id_ in session.scalars(select(model.id))]
            assert set(there) - changed == set()
            assert len(there) > len(concerns)
        with subtests.test("there is some of everything that no figure counts"):
            assert {concern.kind for concern in concerns} == {"concern", "request", "praise"}
            assert {concern.outcome for concern in concerns} == {"recovered", "lost", "unknown", None}
            actions = [action for concern in concerns for action in concern.actions]
            assert {action.settlement for action in actions} >= {"none", "settled"}
            assert {concern.customer.may_contact for concern in concerns if concern.customer} == {True, False}
            currencies = {(store_slugs[action.store_id], action.cost.currency) for action in actions if action.cost}
            assert currencies == {("harbour", "EUR"), ("market", "EUR"), ("uptown", "USD")}
            assert any(concern.praised_id for concern in concerns)
            logs = session.scalars(select(DailyLog)).all()
            assert all(log.signed_at and log.notes[TOMORROW_HEADING] for log in logs)
            assert 0 < len(logs) < 14 * 3
            assert session.scalars(select(Order.id).join(Concern, Concern.order_key == Order.reference_key)).all()
        with subtests.test("a store is in two groups, and one in none"):
            groups = session.scalars(select(StoreGroup).options(selectinload(StoreGroup.members))).all()
            grouped = Counter(store_id for group in groups for store_id in group.store_ids)
            assert len(groups) == 2
            assert sorted(grouped[id_] for id_ in session.scalars(select(Store.id))) == [0, 1, 2]
        with subtests.test("every concern stands where its steps have led"):
            replay(session, concerns)
        with subtests.test("a concern knows the one before it of the same customer"):
            assert any(concern.previous_id for concern in concerns)
            for concern in concerns:
                past = find_past(session, concern.customer, store=concern.store, before=concern.received_at)
                assert concern.previous_id == (past.previous and past.previous.concern_id)
                assert concern.last_here_on == past.last_here_on

    with subtests.test("everybody can sign in, and who is on shift logs with a mood alone"):
        sign_everybody_in(app)


def sign_everybody_in(app: App) -> None:
    for organization, logins in SIGN_INS.items():
        tokens = {login: sign_in(app, organization, login) for login in logins}
        for login in {"floor", "floor-market", "outsider"} & tokens.keys():
            headers = {"Authorization": f"Bearer {tokens[login]}"}
            answer = app.request("POST", "/v1/concerns", json={"mood": 2}, headers=headers)
            assert (answer.status_code, answer.json["alert"]["state"]) == (201, "open")


def replay(session: ScopedSession, concerns: list[Concern]) -> None:
    steps = defaultdict(list)
    for event in session.scalars(select(ConcernEvent).order_by(ConcernEvent.concern_id, ConcernEvent.number)):
        steps[event.concern_id].append(event)
    for concern in concerns:
        timeline = steps[concern.id]
        status = Status.RESOLVED if concern.kind is Kind.PRAISE and not concern.reclassified else Status.OPEN
        for event in timeline:
            if event.details.get("kind"):
                status = Status.RESOLVED
            elif event.step in MOVES:
                starts, target = MOVES[event.step]
                assert status in starts
                status = target
        assert status is concern.status
        assert [event.number for event in timeline] == list(range(1, concern.event_count + 1))
        assert [event.at for event in timeline] == sorted(event.at for event in timeline)
        assert timeline[-1].at < NOON
        assert (concern.resolved_at is None) == (status is not Status.RESOLVED)
        if concern.mood_after is not None:
            assert concern.outcome is not None
        assert all(action.acted_at >= concern.occurred_at for action in concern.actions)
        reversals = [action.cost for action in concern.actions if action.reverses_id]
        assert all(cost is None or cost.amount <= 0 for cost in reversals)


def sign_in(app: App, organization: str, login: str) -> str:
    body = {"organization": organization, "login": login, "password": f"demo-{login}-2468"}
    answer = app.request("POST", "/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    token: str = answer.json["token"]
    return token


def test_the_same_day_of_seeding_gives_the_same_figures(app: App):
    with ThreadPoolExecutor() as pool:
        hashes = hash_passwords(pool)
    drawn = [fingerprint(app, slug, hashes, hours) for slug, hours in (("once", 0), ("again", 6))]

    assert drawn[0] == drawn[1]
    assert len(drawn[0]) > 20


def fingerprint(app: App, slug: str, hashes: Hashes, hours: int) -> list[Any]:
    """Return what counts of three days, seeded so many hours after noon."""
    _seed_company(app.back_office, replace(DEMO_COMPANY, slug=slug, days=3), hashes, at=NOON + timedelta(hours=hours))
    with app.back_office.reading(organization_of(app, slug)) as session:
        return sorted(
            (
                str(concern.received_at),
                concern.mood,
                concern.mood_after,
                str(concern.resolved_at),
                str(concern.outcome),
                concern.alert.state if concern.alert else "",
                sorted((str(action.acted_at), action.cost.amount if action.cost else 0) for action in concern.actions),
            )
            for concern in load_concerns(session)
        )


def test_a_demo_that_fails_leaves_nothing_behind(app: App, monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("api.cli.demo.seed.write_history", fails)
    try:
        seed(app.back_office, at=NOON)
    except RuntimeError:
        assert already_there(app.back_office, any_organization=True) is None
    else:
        raise AssertionError("it should have failed")
