"""`outbox retry`: another chance for what was set aside, where that is still of use."""

import json
from typing import Any
from uuid import UUID, uuid4

from click.testing import Result

from models.db.session import ALL_TENANTS
from models.outbox.admin import count_by_state
from models.outbox.message import OutboxKind, OutboxMessage
from tests.support.app import World
from tests.support.factories import Shop, give_phone
from tests.support.worker import (
    Notebook,
    log_concern,
    move,
    notifications,
    over,
    queued,
    rows,
    the_alert,
    work,
    worker_of,
)


def retry(world: World, *words: str) -> Result:
    return world.app.test_cli_runner().invoke(args=["outbox", "retry", *words])


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.exception or result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def set_aside(world: World, task: OutboxKind) -> OutboxMessage:
    """What a worker does with a row of this kind after the fifth failure."""
    with worker_of(world, over(Notebook())) as worker:
        for _ in range(5):
            world.clock.move(seconds=30)
            for claimed in worker._claims.claim((task,), limit=9):
                worker._claims.record_failure(claimed, ZeroDivisionError())
    (row,) = (row for row in rows(world, OutboxMessage) if row.dead_lettered_at)
    assert row.kind is task
    return row


def decided(world: World) -> None:
    with worker_of(world, over(Notebook())) as worker:
        worker._decide()


def test_a_ring_that_was_set_aside_rings_after_all(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    log_concern(world, shop)
    decided(world)
    row = set_aside(world, OutboxKind.DELIVER_RING)
    assert the_alert(world).summary == "no phone reached: walk over"

    assert told(retry(world, "--all")) == {"retried": [str(row.id)], "let_go": []}

    book = Notebook()
    with worker_of(world, over(book)) as worker:
        work(worker)
    assert book.seen() == [("ring", "phone")]
    assert (notifications(world)[0].state, notifications(world)[0].failure) == ("accepted", None)
    (again,) = (each for each in rows(world, OutboxMessage) if each.id == row.id)
    assert (again.dead_lettered_at, again.failures) == (None, 0)


def test_a_call_that_found_nobody_out_is_made_again(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    log_concern(world, shop)
    row = set_aside(world, OutboxKind.FIND_RECIPIENTS)

    assert told(retry(world, str(row.id))) == {"retried": [str(row.id)], "let_go": []}

    book = Notebook()
    with worker_of(world, over(book)) as worker:
        work(worker)
    assert book.seen() == [("ring", "phone")]


def test_an_alert_that_is_over_rings_nobody_and_need_not_be_looked_at_again(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    concern = log_concern(world, shop)
    decided(world)
    row = set_aside(world, OutboxKind.DELIVER_RING)
    move(world, shop, concern, "take")

    assert told(retry(world, "--all")) == {"retried": [], "let_go": [str(row.id)]}

    book = Notebook()
    with worker_of(world, over(book)) as worker:
        work(worker)
    assert book.messages == []
    with world.back_office.reading(ALL_TENANTS) as session:
        assert count_by_state(session, at=world.clock())["dead_lettered"] == 0


def test_a_ring_whose_time_has_run_out_is_let_go(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    log_concern(world, shop)
    decided(world)
    row = set_aside(world, OutboxKind.DELIVER_RING)
    world.clock.move(minutes=10)

    assert told(retry(world, "--all")) == {"retried": [], "let_go": [str(row.id)]}


def test_a_removal_that_was_set_aside_is_tried_again_while_the_alert_does_not_call(world: World, shop: Shop) -> None:
    give_phone(world.back_office, shop, "manager", "phone")
    concern = log_concern(world, shop, "key")
    book = Notebook()
    with worker_of(world, over(book)) as worker:
        work(worker)
        move(world, shop, concern, "take", "floor")
        recall = set_aside(world, OutboxKind.FIND_WITHDRAWALS)
        assert told(retry(world, str(recall.id)))["retried"] == [str(recall.id)]
        worker._decide()
        withdraw = set_aside(world, OutboxKind.DELIVER_WITHDRAWAL)
        assert told(retry(world, str(withdraw.id)))["retried"] == [str(withdraw.id)]
        work(worker)
    assert book.seen() == [("ring", "phone"), ("withdraw", "phone")]


def test_nothing_set_aside_is_nothing_to_do(world: World, shop: Shop) -> None:
    log_concern(world, shop)
    assert told(retry(world, "--all")) == {"retried": [], "let_go": []}
    assert len(queued(world)) == 1


def test_an_id_that_is_not_of_such_a_row_is_refused_in_one_line_and_nothing_happens(world: World, shop: Shop) -> None:
    log_concern(world, shop)
    row = set_aside(world, OutboxKind.FIND_RECIPIENTS)
    unknown: UUID = uuid4()

    refused = retry(world, str(row.id), str(unknown))

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: No row {unknown} was set aside.\n"
    assert rows(world, OutboxMessage)[0].dead_lettered_at


def test_which_rows_has_to_be_said(world: World) -> None:
    for words in ((), ("--all", str(uuid4())), ("not-an-id",)):
        assert retry(world, *words).exit_code == 2
