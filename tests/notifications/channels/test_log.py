"""The log channel, which prints messages."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.staff.device import AddressKind
from notifications.channels.base import Channel, DeliveryOutcome, Message, MessageKind
from notifications.channels.log import LogChannel

MakeMessage = Callable[..., Message]


def test_a_ring_is_one_clear_line(make_message: MakeMessage) -> None:
    stream = io.StringIO()
    ring = make_message(address="kitchen", address_kind=AddressKind.LOG)
    result = LogChannel(stream).deliver(ring)
    assert result.outcome is DeliveryOutcome.SENT
    assert stream.getvalue() == (
        "PUSH  to log:kitchen  Unhappy customer, table 12 | waiting time   "
        f"[alert {ring.alert_id} notification {ring.notification_id}]\n"
    )


def test_a_real_phone_is_not_said_to_be_reached_by_a_line_in_a_terminal(make_message: MakeMessage) -> None:
    result = LogChannel(io.StringIO()).deliver(make_message(address_kind=AddressKind.FCM_TOKEN))
    assert (result.outcome, result.reason, result.alarm) == (DeliveryOutcome.REFUSED, "no-credentials", True)


@pytest.mark.parametrize(
    ("kind", "verb"), [("ring", "PUSH"), ("inform", "TELL"), ("update", "EDIT"), ("withdraw", "UNDO")]
)
def test_what_rings_what_informs_and_what_is_withdrawn_look_different(
    make_message: MakeMessage, kind: str, verb: str
) -> None:
    stream = io.StringIO()
    LogChannel(stream).deliver(make_message(kind=MessageKind(kind)))
    assert stream.getvalue().startswith(f"{verb}  to ")


def test_of_a_mailbox_nothing_is_written_out(make_message: MakeMessage) -> None:
    stream = io.StringIO()
    result = LogChannel(stream).deliver(make_message(channel="email", address="bo@example.com"))
    assert "to email:…  " in stream.getvalue()
    assert (result.outcome, result.alarm) == (DeliveryOutcome.REFUSED, True)


def test_without_a_stream_it_prints_to_standard_output(
    make_message: MakeMessage, capsys: pytest.CaptureFixture[str]
) -> None:
    log: Channel = LogChannel()
    log.deliver(make_message(address_kind=AddressKind.LOG))
    log.close()
    assert capsys.readouterr().out.startswith("PUSH  to log:phone-1  ")


def test_a_real_push_address_is_not_written_out(make_message: MakeMessage) -> None:
    stream = io.StringIO()
    LogChannel(stream).deliver(make_message(address="dGhpcyBpcyBhIHJlYWwgdG9rZW4"))
    assert "to fcm_token:dGhpcy…  " in stream.getvalue()
    assert "BpcyBhIHJlYWwgdG9rZW4" not in stream.getvalue()


def test_a_line_break_in_a_place_does_not_start_a_second_line(make_message: MakeMessage) -> None:
    stream = io.StringIO()
    LogChannel(stream).deliver(make_message(title="table 12\nPUSH  to log:boss\r", body="a\x1b[31m\u2028b"))
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_a_line_is_written_by_one_thread_at_a_time(make_message: MakeMessage) -> None:
    alone: list[bool] = []

    class Watched(io.StringIO):
        def write(self, text: str, /) -> int:
            alone.append(log._lock.locked())
            return super().write(text)

    log = LogChannel(Watched())
    log.deliver(make_message())
    assert alone == [True]


def test_messages_from_many_threads_stay_whole_lines(make_message: MakeMessage) -> None:
    stream = io.StringIO()
    log = LogChannel(stream)
    messages = [make_message(address=f"log-{n}", address_kind=AddressKind.LOG) for n in range(200)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log.deliver, messages))
    lines = stream.getvalue().splitlines()
    assert {line.split()[2] for line in lines} == {f"log:log-{n}" for n in range(200)}
    assert len(lines) == 200
