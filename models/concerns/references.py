"""References of a concern: resolves category, cause, place, question and customer in one statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, false, literal, null, select, true
from sqlalchemy.orm import Session, aliased

from models.concerns.concern import MODELS_BY_SLUG_FIELD, Concern
from models.concerns.previous import PreviousConcern, previous_expression
from models.customers.customer import Customer
from models.errors import Invalid, NotFound
from models.organizations.place import Place
from models.organizations.vocabulary import Category, Cause, Question

RESULT_COLUMNS = (*MODELS_BY_SLUG_FIELD, "customer", "previous", "received_at")


def resolve_slugs(
    session: Session,
    data: dict[str, Any],
    *,
    store_id: UUID | None,
    category: Category | None = None,
    customer: Select[Customer] | None = None,
    before: datetime | None = None,
) -> dict[str, Any]:
    """Replace the slugs of category, cause, place and question in `data` by their rows.

    A cause is looked up within its category: the one in `data`, or else `category`, which the concern has already.
    A change of category clears the cause unless `data` names a new one.

    `customer` is a statement for the wanted profile. With it the result has `customer` (None when there is no such
    profile) and `previous`, the PreviousConcern of that customer before the time `before`.

    A place is found by a slug that it had before, and when it is retired: phones that were offline still send it.

    Raises NotFound for a slug that does not exist, and Invalid for a cause without a category.
    """
    category_changes = "category" in data and data["category"] != (category.slug if category else None)
    resolved = {"cause": None, **data} if category_changes else dict(data)
    slugs = {name: data[name] for name in MODELS_BY_SLUG_FIELD if data.get(name) is not None}
    if "cause" in slugs and "category" not in slugs:
        if category is None or "category" in data:
            raise Invalid("A cause needs the category it belongs to.", pointer="/cause")
        slugs["category"] = category.slug
    if not slugs and customer is None:
        return resolved
    rows = _fetch_rows(session, slugs, store_id, customer, before)
    for name in (name for name in MODELS_BY_SLUG_FIELD if name in slugs):
        if rows[name] is None:
            owners = {"cause": f"The category {slugs.get('category')!r}", "place": "This store"}
            owner = owners.get(name, "This organization")
            raise NotFound(f"{owner} has no {name} {slugs[name]!r}.", pointer=f"/{name}")
        if name in data:
            resolved[name] = rows[name]
    if customer is None:
        return resolved
    previous = PreviousConcern(rows["previous"], rows["received_at"]) if rows["previous"] else None
    return {**resolved, "customer": rows["customer"], "previous": previous}


def _fetch_rows(
    session: Session,
    slugs: dict[str, str],
    store_id: UUID | None,
    customer: Select[Customer] | None,
    before: datetime | None,
) -> dict[str, Any]:
    """Return the rows by RESULT_COLUMNS, fetched in one statement; None for each that does not exist."""
    profile = Customer if customer is None else aliased(Customer, customer.subquery())
    previous = (
        previous_expression(profile.id, before, column) if before else null()
        for column in (Concern.id, Concern.received_at)
    )
    always_one_row = select(literal(1).label("one")).subquery()
    stmt = (
        select(*MODELS_BY_SLUG_FIELD.values(), profile, *previous)
        .select_from(always_one_row)
        .outerjoin(Category, Category.slug == slugs.get("category"))
        .outerjoin(Cause, (Cause.category_id == Category.id) & (Cause.slug == slugs.get("cause")))
        .outerjoin(Place, Place.id == Place.id_of_slug(store_id, slugs["place"]) if "place" in slugs else false())
        .outerjoin(Question, Question.slug == slugs.get("question"))
        .outerjoin(profile, false() if customer is None else true())
    )
    return dict(zip(RESULT_COLUMNS, session.execute(stmt).one(), strict=True))
