"""Failures of the database: which of them pass by themselves, and what of them may be logged."""

import traceback
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Failure(Enum):
    """What a failed statement calls for."""

    LOCKED = auto()  # somebody else holds a row that it waited for
    CANCELED = auto()  # it took too long
    STORAGE_FULL = auto()
    UNAVAILABLE = auto()  # the database is away, busy or short of something: the same may well succeed soon
    DEADLOCK = auto()  # two transactions waited for each other, and this one was ended: it succeeds when it runs again
    DAMAGED = auto()  # the file of the database is broken, and stays so until somebody restores it
    PERMANENT = auto()  # the statement or the schema is wrong, and stays so


_BY_SQLSTATE: Final = {
    "55P03": Failure.LOCKED,
    "57014": Failure.CANCELED,
    "53100": Failure.STORAGE_FULL,
    "25P03": Failure.UNAVAILABLE,  # idle for too long within a transaction
    "25P04": Failure.UNAVAILABLE,
    "40001": Failure.DEADLOCK,  # serialization failure: the database could not put two transactions in an order
    "40P01": Failure.DEADLOCK,
    "57P01": Failure.UNAVAILABLE,  # shut down by an administrator
    "57P02": Failure.UNAVAILABLE,  # crashed
    "57P03": Failure.UNAVAILABLE,  # starts up
    "57P05": Failure.UNAVAILABLE,
    "58030": Failure.UNAVAILABLE,  # input or output
    "XX001": Failure.DAMAGED,  # of a table
    "XX002": Failure.DAMAGED,  # of an index
}
_UNAVAILABLE_CLASSES: Final = ("08", "53")  # no connection; too little of something
_SQLITE_UNAVAILABLE: Final = ("BUSY", "LOCKED", "PROTOCOL", "CANTOPEN", "IOERR", "NOMEM", "INTERRUPT")
_SQLITE_DAMAGED: Final = ("CORRUPT", "NOTADB")
_WITH_VALUES: Final = ("22", "23")  # classes of SQLSTATE whose messages quote values: data, constraints


def failure_of(error: DBAPIError) -> Failure:
    """Return what kind of failure this is, by the code that the database gave."""
    name, state = getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)
    if name is not None:
        code = name.removeprefix("SQLITE_").partition("_")[0]
        if code == "FULL":
            return Failure.STORAGE_FULL
        if code in _SQLITE_DAMAGED:
            return Failure.DAMAGED
        return Failure.UNAVAILABLE if code in _SQLITE_UNAVAILABLE else Failure.PERMANENT
    if state is not None:
        short_of = Failure.UNAVAILABLE if state.startswith(_UNAVAILABLE_CLASSES) else Failure.PERMANENT
        return _BY_SQLSTATE.get(state, short_of)
    no_connection = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return Failure.UNAVAILABLE if no_connection else Failure.PERMANENT


def is_unavailable(error: BaseException) -> bool:
    """Return whether the database is away, busy or damaged, so that whatever was worked on is not at fault."""
    if isinstance(error, DBAPIError):
        return failure_of(error) is not Failure.PERMANENT
    return isinstance(error, PoolTimeout)


def loggable(error: DBAPIError) -> dict[str, Any]:
    """Return what may be logged of a failure: neither parameters nor messages that quote values."""
    orig = error.orig
    state = getattr(orig, "sqlstate", None) or getattr(orig, "sqlite_errorname", None)
    message = getattr(getattr(orig, "diag", None), "message_primary", None) or str(orig).partition("\n")[0]
    quotes_values = str(state).startswith((*_WITH_VALUES, "SQLITE_CONSTRAINT", "SQLITE_MISMATCH"))
    return {
        "error": type(orig).__name__,
        "state": state,
        "message": None if quotes_values else message,
        "trace": "".join(traceback.format_tb(error.__traceback__)),  # without the error, which has the statement
    }
