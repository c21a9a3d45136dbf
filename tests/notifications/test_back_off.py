"""The pauses between attempts."""

from datetime import timedelta

from notifications.delivery import LONGEST_PAUSE, back_off


def test_pauses_double_up_to_half_a_minute_and_never_come_in_step() -> None:
    for tries, most in enumerate((1, 2, 4, 8, 16, 30, 30)):
        pauses = {back_off(tries) for _ in range(50)}
        assert len(pauses) > 40
        assert all(timedelta(seconds=most / 2) <= pause <= timedelta(seconds=most) for pause in pauses)
    assert back_off(10_000) <= LONGEST_PAUSE
