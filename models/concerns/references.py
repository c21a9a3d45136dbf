"""The rows that a told concern names: category, cause, place and question by slug, and the customer, in one look-up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, false, literal, null, select, true
from sqlalchemy.orm import Session, aliased

from models.concerns.concern import BY_SLUG, Concern
from models.concerns.previous import Previous, last_before
from models.customers.customer import Customer
from models.errors import Invalid, Missing
from models.organizations.store import Place
from models.organizations.vocabulary import Category, Cause, Question

FOUND = (*BY_SLUG, "customer", "previous", "received_at")


def look_up(
    session: Session,
    said: dict[str, Any],
    *,
    store_id: UUID | None,
    category: Category | None = None,
    customer: Select[Customer] | None = None,
    before: datetime | None = None,
) -> dict[str, Any]:
    """`said` with the slugs of category, cause, place and question replaced by their rows; Missing where there is none.

    A cause is looked up within its category: the one named beside it, else the one the concern has already
    (`category`). A category that changes takes the old cause away unless a new one comes with it. `customer` tells
    whose profile is wanted; it comes as `customer`, None when there is none, and as `previous` comes the last time
    they were unhappy `before` this.
    """
    changed = "category" in said and said["category"] != (category.slug if category else None)
    found = {"cause": None, **said} if changed else dict(said)
    slugs = {name: said[name] for name in BY_SLUG if said.get(name) is not None}
    if "cause" in slugs and "category" not in slugs:
        if category is None or "category" in said:
            raise Invalid("A cause needs the category it belongs to.", pointer="/cause")
        slugs["category"] = category.slug
    if not slugs and customer is None:
        return found
    rows = _rows(session, slugs, store_id, customer, before)
    for name in (name for name in BY_SLUG if name in slugs):
        if rows[name] is None:
            whose = {"cause": f"The category {slugs.get('category')!r}", "place": "This store"}
            raise Missing(f"{whose.get(name, 'This organization')} has no {name} {slugs[name]!r}.", pointer=f"/{name}")
        if name in said:
            found[name] = rows[name]
    if customer is None:
        return found
    previous = Previous(rows["previous"], rows["received_at"]) if rows["previous"] else None
    return {**found, "customer": rows["customer"], "previous": previous}


def _rows(
    session: Session,
    slugs: dict[str, str],
    store_id: UUID | None,
    customer: Select[Customer] | None,
    before: datetime | None,
) -> dict[str, Any]:
    """The rows found, in one statement; None for what leads nowhere."""
    profile = Customer if customer is None else aliased(Customer, customer.subquery())
    last = (last_before(profile.id, before, what) if before else null() for what in (Concern.id, Concern.received_at))
    always_one_row = select(literal(1).label("one")).subquery()
    question = (
        select(*BY_SLUG.values(), profile, *last)
        .select_from(always_one_row)
        .outerjoin(Category, Category.slug == slugs.get("category"))
        .outerjoin(Cause, (Cause.category_id == Category.id) & (Cause.slug == slugs.get("cause")))
        .outerjoin(Place, (Place.store_id == store_id) & (Place.slug == slugs.get("place")))
        .outerjoin(Question, Question.slug == slugs.get("question"))
        .outerjoin(profile, false() if customer is None else true())
    )
    return dict(zip(FOUND, session.execute(question).one(), strict=True))
