"""Ledger of the money model: whom things were given to and who said so, kept without a look at the database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

Profile = UUID | None


@dataclass
class MoneyLedger:
    """What happened, as it was told by those who did it.

    `whose`: the profile that each concern names; `given_to`: the profile that each action went to, once it was given or
    asked for. Both name the profile of before a merge, so that a merge and its undoing change nothing here.
    """

    whose: dict[UUID, Profile] = field(default_factory=dict)
    given_to: dict[UUID, Profile] = field(default_factory=dict)
    merged_into: dict[UUID, UUID] = field(default_factory=dict)

    def survivor(self, profile: Profile) -> Profile:
        """Return the profile that stands for this one now."""
        while profile in self.merged_into:
            profile = self.merged_into[profile]
        return profile

    def is_survivor(self, profile: UUID) -> bool:
        """Return whether another profile was merged into what stands for this one."""
        return self.survivor(profile) in self.merged_into.values()

    def name(self, concern_id: UUID, profile: Profile, actions: Iterable[UUID], pending: Iterable[UUID]) -> None:
        """Let a concern name a customer: what was given to nobody known, or is only asked for, goes with it."""
        profile = self.survivor(profile)
        if self.survivor(self.whose.get(concern_id)) != profile:
            self.whose[concern_id] = profile
        waits = set(pending)
        for action_id in actions:
            if self.given_to[action_id] is None or action_id in waits:
                self.given_to[action_id] = self.whose[concern_id]

    def give(self, concern_id: UUID, action_id: UUID) -> None:
        """Note that something was given, or asked for, on a concern."""
        self.given_to[action_id] = self.whose[concern_id]

    def now(self) -> Iterator[tuple[UUID, Profile]]:
        """Yield each action with the profile that it was given to, as of now."""
        return ((action_id, self.survivor(profile)) for action_id, profile in self.given_to.items())
