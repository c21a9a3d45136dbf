"""The commands `outbox status` and `outbox retry`."""

import json
from typing import Any
from uuid import UUID, uuid4

from click.testing import Result

from models.db.session import ALL_TENANTS
from models.outbox.admin import count_by_state
from models.outbox.message import OutboxKind, OutboxMessage
from tests.support.app import App, commands_of
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, only_alert, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


def retry(app: App, *words: str) -> Result:
    return app.flask.test_cli_runner().invoke(args=["outbox", "retry", *words])


def parse_output(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.exception or result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def make_dead_letter(app: App, task: OutboxKind) -> OutboxMessage:
    """Let a row of this kind fail five times, so that it is dead-lettered, and return it."""
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        for _ in range(5):
            app.clock.move(seconds=30)
            for claimed in worker._claims.claim((task,), limit=9):
                worker._claims.record_failure(claimed, ZeroDivisionError())
    (row,) = (row for row in rows(app, OutboxMessage) if row.dead_lettered_at)
    assert row.kind is task
    return row


def decided(app: App) -> None:
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        worker._decide()


def test_a_ring_that_was_dead_lettered_rings_after_all(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    log_concern(app, shop)
    decided(app)
    row = make_dead_letter(app, OutboxKind.DELIVER_RING)
    assert only_alert(app).summary == "no phone reached: walk over"

    assert parse_output(retry(app, "--all")) == {"retried": [str(row.id)], "let_go": []}

    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert channel.seen() == [("ring", "phone")]
    assert (notifications(app)[0].state, notifications(app)[0].failure) == ("accepted", None)
    (again,) = (each for each in rows(app, OutboxMessage) if each.id == row.id)
    assert (again.dead_lettered_at, again.failures) == (None, 0)


def test_a_call_that_found_nobody_out_is_made_again(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    log_concern(app, shop)
    row = make_dead_letter(app, OutboxKind.FIND_RECIPIENTS)

    assert parse_output(retry(app, str(row.id))) == {"retried": [str(row.id)], "let_go": []}

    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert channel.seen() == [("ring", "phone")]


def test_an_alert_that_is_over_rings_nobody_and_need_not_be_looked_at_again(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    concern = log_concern(app, shop)
    decided(app)
    row = make_dead_letter(app, OutboxKind.DELIVER_RING)
    move(app, shop, concern, "take")

    assert parse_output(retry(app, "--all")) == {"retried": [], "let_go": [str(row.id)]}

    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert channel.messages == []
    with app.back_office.reading(ALL_TENANTS) as session:
        assert count_by_state(session, at=app.clock())["dead_lettered"] == 0


def test_a_ring_whose_time_has_run_out_is_let_go(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    log_concern(app, shop)
    decided(app)
    row = make_dead_letter(app, OutboxKind.DELIVER_RING)
    app.clock.move(minutes=10)

    assert parse_output(retry(app, "--all")) == {"retried": [], "let_go": [str(row.id)]}


def test_a_withdrawal_that_was_dead_lettered_is_retried_while_the_alert_does_not_ring(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone")
    concern = log_concern(app, shop, "key")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        move(app, shop, concern, "take", "floor")
        withdrawals = make_dead_letter(app, OutboxKind.FIND_WITHDRAWALS)
        assert parse_output(retry(app, str(withdrawals.id)))["retried"] == [str(withdrawals.id)]
        worker._decide()
        withdraw = make_dead_letter(app, OutboxKind.DELIVER_WITHDRAWAL)
        assert parse_output(retry(app, str(withdraw.id)))["retried"] == [str(withdraw.id)]
        work_until_idle(worker)
    assert channel.seen() == [("ring", "phone"), ("withdraw", "phone")]


def test_without_dead_letters_there_is_nothing_to_do(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    assert parse_output(retry(app, "--all")) == {"retried": [], "let_go": []}
    assert len(pending_messages(app)) == 1


def test_an_id_that_is_not_of_such_a_row_is_refused_in_one_line_and_nothing_happens(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    row = make_dead_letter(app, OutboxKind.FIND_RECIPIENTS)
    unknown: UUID = uuid4()

    refused = retry(app, str(row.id), str(unknown))

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: No row {unknown} is a dead letter.\n"
    assert rows(app, OutboxMessage)[0].dead_lettered_at


def test_which_rows_has_to_be_said(app: App) -> None:
    for words in ((), ("--all", str(uuid4())), ("not-an-id",)):
        assert retry(app, *words).exit_code == 2


def test_the_outbox_is_counted(app: App, shop: Shop):
    command = commands_of(app)
    give_phone(app.back_office, shop, "manager", "a phone")
    before = parse_output(command("outbox", "status"))
    app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 1})

    after = parse_output(command("outbox", "status"))

    assert set(before.values()) == {0}
    assert after == {"due": 1, "later": 0, "leased": 0, "done": 0, "dead_lettered": 0}
