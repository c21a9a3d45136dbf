"""Redaction by role: the only place where a schema learns for whom it is dumped.

What a schema withholds is a function of the reader and the object. `Blueprint.response` names the reader for every
operation; code outside a request does the same: `with shown_to(actor): ConcernSchema().dump(concern)`. Without a reader
a redacting schema raises LookupError, so that nothing is shown by mistake.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from models.access import Actor

_reader: ContextVar[Actor] = ContextVar("reader")


@contextmanager
def shown_to(actor: Actor) -> Iterator[None]:
    """Dump schemas for this actor until the end of the block."""
    token = _reader.set(actor)
    try:
        yield
    finally:
        _reader.reset(token)


def reader() -> Actor:
    """Return the actor for whom schemas are dumped at present."""
    return _reader.get()
