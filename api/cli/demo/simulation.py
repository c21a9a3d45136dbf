"""Simulation of what happens at the same time: each course waits for its next moment, and the earliest goes on."""

import heapq
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from random import Random
from typing import Generic, TypeVar

Card = TypeVar("Card")
Course = Generator[datetime, None, None]  # yields the moment of its next step


class EndOfHistory(Exception):
    """Raised in a course that would go on at the end of the simulation or later."""


class Simulation:
    """Courses in the order of time. In one that would go on at the end or later EndOfHistory is raised."""

    def __init__(self, ends_at: datetime) -> None:
        self.ends_at = ends_at
        self._numbers = count()  # of two courses at one moment, the one that came first goes on
        self._waiting: list[tuple[datetime, int, Course]] = []

    def start(self, at: datetime, course: Course) -> None:
        """Let a course begin at this moment, if that is before the end."""
        if at < self.ends_at:
            heapq.heappush(self._waiting, (at, next(self._numbers), course))

    def run(self) -> None:
        """Let every course go on, until each has come to its end or to that of the simulation."""
        while self._waiting:
            _, _, course = heapq.heappop(self._waiting)
            moment = next(course, None)
            if moment is not None and moment < self.ends_at:
                self.start(moment, course)
            elif moment is not None:
                with suppress(EndOfHistory, StopIteration):
                    course.throw(EndOfHistory())


class Deck(Generic[Card]):
    """Cards that are shuffled once all of them were drawn, so that each comes as often as it should, and none never."""

    def __init__(self, rng: Random, cards: Sequence[Card]) -> None:
        self._rng, self._cards = rng, cards
        self._left: list[Card] = []

    def draw(self) -> Card:
        if not self._left:
            self._left = self._rng.sample(self._cards, len(self._cards))
        return self._left.pop()
