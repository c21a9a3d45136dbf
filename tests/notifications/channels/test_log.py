"""The channel that prints."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifications.channels.base import AddressKind, Channel, DeliveryOutcome, Letter, LetterKind
from notifications.channels.log import Log

MakeLetter = Callable[..., Letter]


def test_a_ring_is_one_clear_line(letter: MakeLetter) -> None:
    stream = io.StringIO()
    ring = letter(address="kitchen", address_kind=AddressKind.LOG)
    verdict = Log(stream).deliver(ring)
    assert verdict.outcome is DeliveryOutcome.SENT
    assert stream.getvalue() == (
        "PUSH  to log:kitchen  Unhappy customer, table 12 | waiting time   "
        f"[alert {ring.alert_id} notification {ring.notification_id}]\n"
    )


def test_a_real_phone_is_not_said_to_be_reached_by_a_line_in_a_terminal(letter: MakeLetter) -> None:
    verdict = Log(io.StringIO()).deliver(letter(address_kind=AddressKind.FCM_TOKEN))
    assert (verdict.outcome, verdict.reason, verdict.alarm) == (DeliveryOutcome.REFUSED, "no-credentials", True)


@pytest.mark.parametrize(("kind", "verb"), [("ring", "PUSH"), ("inform", "TELL"), ("withdraw", "UNDO")])
def test_what_rings_what_informs_and_what_is_withdrawn_look_different(letter: MakeLetter, kind: str, verb: str) -> None:
    stream = io.StringIO()
    Log(stream).deliver(letter(kind=LetterKind(kind)))
    assert stream.getvalue().startswith(f"{verb}  to ")


def test_of_a_mailbox_nothing_is_written_out(letter: MakeLetter) -> None:
    stream = io.StringIO()
    verdict = Log(stream).deliver(letter(address="bo@example.com", address_kind=AddressKind.EMAIL))
    assert "to email:…  " in stream.getvalue()
    assert (verdict.outcome, verdict.alarm) == (DeliveryOutcome.REFUSED, True)


def test_without_a_stream_it_prints_to_standard_output(letter: MakeLetter, capsys: pytest.CaptureFixture[str]) -> None:
    log: Channel = Log()
    log.deliver(letter(address_kind=AddressKind.LOG))
    log.close()
    assert capsys.readouterr().out.startswith("PUSH  to log:phone-1  ")


def test_a_real_push_address_is_not_written_out(letter: MakeLetter) -> None:
    stream = io.StringIO()
    Log(stream).deliver(letter(address="dGhpcyBpcyBhIHJlYWwgdG9rZW4"))
    assert "to fcm_token:dGhpcy…  " in stream.getvalue()
    assert "BpcyBhIHJlYWwgdG9rZW4" not in stream.getvalue()


def test_a_line_break_in_a_place_does_not_start_a_second_line(letter: MakeLetter) -> None:
    stream = io.StringIO()
    Log(stream).deliver(letter(title="table 12\nPUSH  to log:boss\r", body="a\x1b[31m\u2028b"))
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_a_line_is_written_by_one_thread_at_a_time(letter: MakeLetter) -> None:
    alone: list[bool] = []

    class Watched(io.StringIO):
        def write(self, text: str, /) -> int:
            alone.append(log._printing.locked())
            return super().write(text)

    log = Log(Watched())
    log.deliver(letter())
    assert alone == [True]


def test_letters_from_many_threads_stay_whole_lines(letter: MakeLetter) -> None:
    stream = io.StringIO()
    log = Log(stream)
    letters = [letter(address=f"log-{n}", address_kind=AddressKind.LOG) for n in range(200)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log.deliver, letters))
    lines = stream.getvalue().splitlines()
    assert {line.split()[2] for line in lines} == {f"log:log-{n}" for n in range(200)}
    assert len(lines) == 200
