"""Budget of contacts: how many a person, and all who work in one store, may name within a minute."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final
from uuid import UUID

from models.access import Actor
from models.customers.contacts import COLUMNS_BY_CONTACT, CONTACT_FIELDS
from models.db.rate_limiter import Limit, RateLimiter, Usage
from models.policy_defaults import CONTACTS_WINDOW, MAX_CONTACTS_OF_PERSON, MAX_CONTACTS_OF_STORE

PERSON_LIMIT: Final = Limit(MAX_CONTACTS_OF_PERSON, CONTACTS_WINDOW)
STORE_LIMIT: Final = Limit(MAX_CONTACTS_OF_STORE, CONTACTS_WINDOW)


@dataclass(frozen=True)
class ContactBudget:
    """What one request may spend.

    `request` names it: a contact that comes again under the same name is not counted again. `report` is told what is
    left.
    """

    limiter: RateLimiter
    by: Actor
    request: str
    at: datetime
    report: Callable[[Usage], None]

    def spend(self, contacts: Sequence[str], *, store_id: UUID | None) -> Usage:
        """Count these contacts for the person, or the API key, and for the store. Nothing is counted for none.

        Return the usage of the first budget that they do not fit in. More of them than it has never fit.
        """
        hits = [self._named(contact) for contact in contacts]
        usage = self._count(PERSON_LIMIT, "contacts of", self.by.staff_id or self.by.api_key_id, hits)
        if usage.allowed and store_id is not None:
            of_store = self._count(STORE_LIMIT, "contacts in", store_id, hits)
            usage = usage if of_store.allowed else of_store
        self.report(usage)
        return usage

    def _count(self, limit: Limit, kind: str, owner: UUID | None, hits: Sequence[str]) -> Usage:
        return self.limiter.count(limit, kind, str(owner), hits=hits, at=self.at)

    def _named(self, contact: str) -> str:
        return hashlib.sha256(f"{self.request}\0{contact}".encode()).hexdigest()[:16]


def contacts_in(data: Mapping[str, Any]) -> list[str]:
    """Return the contacts and references that somebody typed, each as one text."""
    typed = ([field, *map(data.get, COLUMNS_BY_CONTACT[field])] for field in CONTACT_FIELDS if data.get(field))
    references = ((entry["source"], entry["reference"]) for entry in data.get("references") or ())
    return ["\0".join(map(str, parts)) for parts in chain(typed, references)]
