"""When a token was last used, as far as it is recorded."""

from dataclasses import dataclass
from datetime import datetime

from models.policy_defaults import LAST_SEEN_RESOLUTION, SHIFT_IDLE


@dataclass(frozen=True)
class LastUse:
    """The last recorded use of a token.

    `tapped_at` is set on a shared phone: when the person last did something. `shift_ends_at` is set for a person who
    checked in, and may be past.
    """

    seen_at: datetime | None
    tapped_at: datetime | None = None
    shift_ends_at: datetime | None = None

    def is_old(self, at: datetime, *, is_tap: bool) -> bool:
        """Return whether to record a use at this time. It is recorded once a minute at most.

        Taps count for themselves: what an app asks for by itself every minute must not keep them from being recorded. A
        tap within a minute of the last recorded one is not, so that a phone may lock up to a minute early, never late.
        """
        recorded = [self.seen_at, self.tapped_at] if is_tap and self.tapped_at is not None else [self.seen_at]
        return any(moment is None or at - moment > LAST_SEEN_RESOLUTION for moment in recorded)

    def extends_shift(self, at: datetime) -> bool:
        """Return whether the shift of a person who did something now would end within SHIFT_IDLE."""
        return self.shift_ends_at is not None and at < self.shift_ends_at < at + SHIFT_IDLE
