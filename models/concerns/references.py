"""The rows that a told concern names: category, cause, place and question by slug, and the customer, in one look-up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, false, literal, null, select, true
from sqlalchemy.orm import Session, aliased

from models.concerns.concern import MODELS_BY_SLUG_FIELD, Concern
from models.concerns.previous import PreviousConcern, previous_expression
from models.customers.customer import Customer
from models.errors import Invalid, NotFound
from models.organizations.store import Place
from models.organizations.vocabulary import Category, Cause, Question

RESULT_COLUMNS = (*MODELS_BY_SLUG_FIELD, "customer", "previous", "received_at")


def resolve_slugs(
    session: Session,
    said: dict[str, Any],
    *,
    store_id: UUID | None,
    category: Category | None = None,
    customer: Select[Customer] | None = None,
    before: datetime | None = None,
) -> dict[str, Any]:
    """Replace the slugs of category, cause, place and question by their rows. NotFound where there is none.

    A cause is looked up within its category: the one named beside it, else the one the concern has already
    (`category`). A category that changes takes the old cause away unless a new one comes with it. `customer` tells
    whose profile is wanted; it comes as `customer`, None when there is none, and as `previous` comes the last time
    they were unhappy `before` this.
    """
    changed = "category" in said and said["category"] != (category.slug if category else None)
    found = {"cause": None, **said} if changed else dict(said)
    slugs = {name: said[name] for name in MODELS_BY_SLUG_FIELD if said.get(name) is not None}
    if "cause" in slugs and "category" not in slugs:
        if category is None or "category" in said:
            raise Invalid("A cause needs the category it belongs to.", pointer="/cause")
        slugs["category"] = category.slug
    if not slugs and customer is None:
        return found
    rows = _fetch_rows(session, slugs, store_id, customer, before)
    for name in (name for name in MODELS_BY_SLUG_FIELD if name in slugs):
        if rows[name] is None:
            whose = {"cause": f"The category {slugs.get('category')!r}", "place": "This store"}
            raise NotFound(f"{whose.get(name, 'This organization')} has no {name} {slugs[name]!r}.", pointer=f"/{name}")
        if name in said:
            found[name] = rows[name]
    if customer is None:
        return found
    previous = PreviousConcern(rows["previous"], rows["received_at"]) if rows["previous"] else None
    return {**found, "customer": rows["customer"], "previous": previous}


def _fetch_rows(
    session: Session,
    slugs: dict[str, str],
    store_id: UUID | None,
    customer: Select[Customer] | None,
    before: datetime | None,
) -> dict[str, Any]:
    """The rows found, in one statement; None for what leads nowhere."""
    profile = Customer if customer is None else aliased(Customer, customer.subquery())
    last = (
        previous_expression(profile.id, before, what) if before else null()
        for what in (Concern.id, Concern.received_at)
    )
    always_one_row = select(literal(1).label("one")).subquery()
    stmt = (
        select(*MODELS_BY_SLUG_FIELD.values(), profile, *last)
        .select_from(always_one_row)
        .outerjoin(Category, Category.slug == slugs.get("category"))
        .outerjoin(Cause, (Cause.category_id == Category.id) & (Cause.slug == slugs.get("cause")))
        .outerjoin(Place, (Place.store_id == store_id) & (Place.slug == slugs.get("place")))
        .outerjoin(Question, Question.slug == slugs.get("question"))
        .outerjoin(profile, false() if customer is None else true())
    )
    return dict(zip(RESULT_COLUMNS, session.execute(stmt).one(), strict=True))
