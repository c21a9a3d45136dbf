"""Domain errors: refusals that the API turns into problem documents and the command line into messages."""

from typing import Any


class DomainError(Exception):
    """Base class of refusals: a rule of the domain does not allow what was asked.

    `detail` tells the caller what to change. `code` is the stable name of the refusal. `pointer` is the JSON pointer of
    the offending value, if there is one. `members` are facts that the answer carries beside the text.
    """

    code = "refused"

    def __init__(self, detail: str, *, code: str | None = None, pointer: str | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.pointer = pointer
        self.members = members


class InvalidState(DomainError):
    """The object is not in a state that allows this."""

    code = "not-now"


class TooMany(InvalidState):
    """There are as many as there may be. `most` is how many, `of` what."""

    code = "too-many"


class Forbidden(DomainError):
    """This actor may not do this, whatever the state of the object."""

    code = "forbidden"


class NotFound(DomainError):
    """There is no such object, or this actor may not see it."""

    code = "not-found"


class Conflict(DomainError):
    """Somebody else was first, or the name is in use."""

    code = "conflict"


class VersionConflict(DomainError):
    """The caller looked at an older version of the object."""

    code = "stale-version"


class Expired(DomainError):
    """The cursor that the caller continues from is not valid any more; they have to start over."""

    code = "cursor-expired"


class Invalid(DomainError):
    """A value breaks a rule that its schema cannot check."""

    code = "invalid"


class TooLarge(DomainError):
    """More than can be handled at once."""

    code = "body-too-large"
