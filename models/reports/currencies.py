"""Currency of a day: that of its store by the terms of that day."""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from models.organizations.store import Store


def currency_of_day(session: Session, model: Any) -> ColumnElement[str]:
    """Return the currency that the store of a row, which is joined with it, had on its business date.

    One statement finds the stores that had another one before; there are few, or all changed on the same day.
    """
    changed = select(Store.id, Store.currency, Store.earlier_terms).where(Store.earlier_terms.is_not(None))
    stores: dict[tuple[date, str], list[UUID]] = defaultdict(list)
    for store_id, currency, earlier_terms in session.execute(changed):
        if any(terms["currency"] != currency for terms in earlier_terms):
            for terms in earlier_terms:
                stores[date.fromisoformat(terms["until"]), terms["currency"]].append(store_id)
    if not stores:
        return Store.currency  # type: ignore[return-value]  # an attribute is used like a column
    whens = (
        (and_(model.business_date < until, Store.id.in_(store_ids)), currency)
        for (until, currency), store_ids in sorted(stores.items())
    )
    return case(*whens, else_=Store.currency)
