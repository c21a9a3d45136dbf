"""Refusals in the words of the domain; the API and the command line decide how to say them."""

from typing import Any


class DomainError(Exception):
    """A rule said no.

    `detail` tells the caller what to change. `code` is the stable name of the refusal, `pointer` the JSON pointer of
    the offending value where there is one, and `members` are facts the answer carries beside the text.
    """

    code = "refused"

    def __init__(self, detail: str, *, code: str | None = None, pointer: str | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.pointer = pointer
        self.members = members


class InvalidState(DomainError):
    """The thing is not in a state that allows this."""

    code = "not-now"


class Forbidden(DomainError):
    """This person may not do this, whatever the state."""

    code = "forbidden"


class NotFound(DomainError):
    """There is no such thing within this person's reach."""

    code = "not-found"


class Conflict(DomainError):
    """Somebody else was first, or the same name is in use."""

    code = "conflict"


class VersionConflict(DomainError):
    """The caller looked at an older version of the object."""

    code = "stale-version"


class Expired(DomainError):
    """What the caller goes on from is over; they have to start over."""

    code = "cursor-expired"


class Invalid(DomainError):
    """A value breaks a rule that needs more than its shape to check."""

    code = "invalid"
