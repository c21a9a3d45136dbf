"""Terms of a day in statements: the currency or the time zone that the store of a row had on its business date."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from models.organizations.store import Store


@dataclass(frozen=True)
class TermOfDay:
    """`currency` or `time_zone`, with the stores that had another one, by the date until which they had which."""

    name: str
    earlier: Mapping[tuple[date, str], Sequence[UUID]]

    @classmethod
    def find(cls, session: Session, name: str) -> "TermOfDay":
        """Find the stores that had another one, in one statement. There are few, or all changed on the same day."""
        newest = getattr(Store, name)
        changed = select(Store.id, newest, Store.earlier_terms).where(Store.earlier_terms.is_not(None))
        earlier: dict[tuple[date, str], list[UUID]] = defaultdict(list)
        for store_id, value, all_terms in session.execute(changed):
            if any(terms[name] != value for terms in all_terms):
                for terms in all_terms:
                    earlier[date.fromisoformat(terms["until"]), terms[name]].append(store_id)
        return cls(name, earlier)

    def column(self, model: Any) -> ColumnElement[str]:
        """Return the column for rows of a model that has a business date, joined with their store."""
        newest = getattr(Store, self.name)
        whens = (
            (and_(model.business_date < until, Store.id.in_(store_ids)), value)
            for (until, value), store_ids in sorted(self.earlier.items())
        )
        return case(*whens, else_=newest) if self.earlier else newest
