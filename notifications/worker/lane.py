"""A lane out of the house: letters that share so many hands, and wait for no letter of another lane."""

from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement


@dataclass
class Lane:
    """Which letters go by it, to which services, and how many of them are in hand at a time."""

    which: ColumnElement[bool]
    services: Collection[str]
    in_hand: int
    out: set[Future[None]] = field(default_factory=set)

    @property
    def free(self) -> int:
        """How many more may be taken in hand now."""
        self.out = {message for message in self.out if not message.done()}
        return self.in_hand - len(self.out)
