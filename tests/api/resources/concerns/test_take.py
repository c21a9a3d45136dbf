"""Many go for one concern at the same moment: one of them wins, and the others learn who."""

from functools import partial
from random import Random

from models.access import Role
from models.staff.credentials.staff_session import StaffSession
from models.staff.staff import Staff, StaffStore
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, password_hash
from tests.support.rows import rows
from tests.support.threads import at_once

ROUNDS = 20
THREADS = 10


def hire_many(app: App, shop: Shop) -> list[str]:
    """Ten more people on the floor of the first store, each with a token; their logins."""
    logins = [f"runner-{number}" for number in range(THREADS)]
    with app.back_office.writing(shop.organization_id) as session:
        for login in logins:
            name = login.replace("-", " ").title()
            staff = Staff(login=login, name=name, role=Role.FLOOR, password_hash=password_hash())
            session.add(staff)
            session.flush()
            session.add(StaffStore(staff_id=staff.id, store_id=shop.store_id))
            _, token = StaffSession.open(session, staff=staff, at=NOON)
            shop.staff[login], shop.tokens[login] = staff.id, token.text
    return logins


def test_taking_at_once_has_one_winner_and_the_others_learn_who(app: App, shop: Shop) -> None:
    logins = hire_many(app, shop)
    names = {str(row.id): row.name for row in rows(app, Staff)}
    rng = Random(20)
    for round_ in range(ROUNDS):
        concern = log_concern(app, shop)
        path = f"/v1/concerns/{concern['id']}/take"
        takers = rng.sample(logins, rng.randint(2, THREADS))
        answers = at_once([partial(app.request, "POST", path, (shop, login)) for login in takers])
        won = [login for login, answer in zip(takers, answers, strict=True) if answer.status_code == 200]
        assert len(won) == 1, (round_, [answer.status_code for answer in answers])
        winner = {"id": str(shop.staff[won[0]]), "name": names[str(shop.staff[won[0]])]}
        for login, answer in zip(takers, answers, strict=True):
            if login == won[0]:
                assert answer.json["taken_by"] == winner
                assert answer.json["alert"]["state"] == "taken"
            else:
                refused = assert_problem(answer, 409, "already-taken")
                assert refused["taken_by"] == winner
                assert winner["name"] in refused["detail"]
        again = app.request("POST", path, (shop, won[0]))
        assert (again.status_code, again.json["taken_by"], again.json["alert"]["state"]) == (200, winner, "taken")
        assert again.json["version"] == concern["version"] + 1  # the repeated tap changed nothing


def test_ones_own_taps_at_once_all_succeed(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    path = f"/v1/concerns/{concern['id']}/take"
    answers = at_once([partial(app.request, "POST", path, (shop, "manager"))] * THREADS)
    assert {(answer.status_code, answer.json["version"]) for answer in answers} == {(200, concern["version"] + 1)}
    assert all(answer.json == answers[0].json for answer in answers)
    steps = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "floor")).json["items"]
    assert [step["step"] for step in steps] == ["logged", "taken"]


def test_what_is_done_and_taken_back_at_once_is_all_kept_in_order(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    actions = f"/v1/concerns/{concern['id']}/recovery-actions"
    by = (shop, "manager")
    done = at_once([partial(app.request, "POST", actions, by, json={"remedy": "voucher"})] * 6)
    assert {answer.status_code for answer in done} == {201}, [answer.text for answer in done]
    undo = [f"/v1/recovery-actions/{answer.json['id']}/reverse" for answer in done]
    undone = at_once([partial(app.request, "POST", path, by, json={}) for path in undo * 2])
    assert sorted(answer.status_code for answer in undone) == [200] * 6 + [409] * 6
    steps = app.request("GET", f"/v1/concerns/{concern['id']}/events", by).json["items"]
    assert [step["number"] for step in steps] == list(range(1, 14))
    entries = app.request("GET", actions, by).json["items"]
    assert sum(entry["cost"]["amount"] for entry in entries) == 0
    assert len(entries) == 12
