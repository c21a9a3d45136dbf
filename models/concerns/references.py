"""References of a concern: resolves category, cause, place, question and customer in one statement."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, literal, select, true
from sqlalchemy.orm import Session, aliased

from models.concerns.concern import MODELS_BY_SLUG_FIELD
from models.concerns.previous import NO_PAST, past_expressions, past_of
from models.customers.customer import Customer
from models.errors import Invalid, NotFound
from models.organizations.place import Place
from models.organizations.typed_names import find_by_name
from models.organizations.vocabulary import Category, Cause, Question
from models.organizations.vocabulary_word import VocabularyWord

RESULT_COLUMNS = (*MODELS_BY_SLUG_FIELD, "customer")


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

    A slug may be one that the word had before, or that of a word which was merged into it. A cause is looked up within
    its category: the one in `data`, or else `category`, which the concern has already. A change of category clears the
    cause unless `data` names a new one. A cause that was merged into one of another category brings that category.

    `customer` is a statement for the wanted profile. With it the result has `customer` (None when there is no such
    profile) and `past`, the CustomerPast of that customer and this store before the time `before`.

    A place is found by a slug that it had before, and when it is retired: phones that were offline still send it.

    Raises NotFound for a slug that does not exist, and Invalid for a cause without a category.
    """
    resolved = dict(data)
    slugs = {name: data[name] for name in MODELS_BY_SLUG_FIELD if data.get(name) is not None}
    if "cause" in slugs and "category" not in slugs:
        if category is None or "category" in data:
            raise Invalid("A cause needs the category it belongs to.", pointer="/cause")
        slugs["category"] = category.slug
    rows: dict[str, Any] = {}
    if slugs or customer is not None:
        rows = _fetch_rows(session, slugs, store_id, customer, before)
        _check_found(rows, slugs)
    if "category" in data and rows.get("category") is not category:
        resolved.setdefault("cause", None)
    resolved |= {name: rows[name] for name in slugs if name in data}
    if "cause" in slugs and rows["cause"].category is not rows["category"]:
        resolved["category"] = rows["cause"].category
    return resolved if customer is None else resolved | {name: rows[name] for name in ("customer", "past")}


def find_typed(
    session: Session,
    typed: Mapping[str, str],
    *,
    store_id: UUID,
    customer: Select[Customer] | None,
    before: datetime,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the rows that are meant by what was typed as category, cause, place or question, and what means none.

    Each is tried as a slug, as a slug that the word had before, and then as a name in every language. Where all are
    slugs, this takes one statement. A cause brings its category where none is found, and means none within a category
    of others. `customer` as in `resolve_slugs`, with the same results among the rows.
    """
    slugs = {name: typed[name].strip().lower() for name in MODELS_BY_SLUG_FIELD if name in typed}
    if not slugs and customer is None:
        return {}, {}
    rows = _fetch_rows(session, slugs, store_id, customer, before)
    meant: dict[str, Any] = {}
    for name in slugs:
        category = meant.get("category")
        if row := rows[name] or _find_by_name(session, name, typed[name], store_id=store_id, category=category):
            meant[name] = row
    if (cause := meant.get("cause")) and not _fits(cause, meant.get("category", cause.category), slugs["cause"]):
        del meant["cause"]
    left_out = {name: typed[name] for name in slugs if name not in meant}
    if cause := meant.get("cause"):
        meant["category"] = cause.category
    return (meant if customer is None else meant | {name: rows[name] for name in ("customer", "past")}), left_out


def _find_by_name(session: Session, field: str, text: str, *, store_id: UUID, category: Category | None) -> Any:
    criteria = [Place.store_id == store_id] if field == "place" else []
    criteria += [Cause.category_id == category.id] if field == "cause" and category else []
    return find_by_name(session, MODELS_BY_SLUG_FIELD[field], text, *criteria)


def _check_found(rows: Mapping[str, Any], slugs: Mapping[str, str]) -> None:
    """Raise NotFound for the first slug that means nothing."""
    for name in (name for name in MODELS_BY_SLUG_FIELD if name in slugs):
        if rows[name] is None or (name == "cause" and not _fits(rows["cause"], rows["category"], slugs["cause"])):
            owners = {"cause": f"The category {slugs.get('category')!r}", "place": "This store"}
            owner = owners.get(name, "This organization")
            raise NotFound(f"{owner} has no {name} {slugs[name]!r}.", pointer=f"/{name}")


def _fits(cause: Cause, category: Category, slug: str) -> bool:
    """Return whether the cause may be named by this slug within this category.

    A phone that sends a former slug may send the category that the cause had then.
    """
    return cause.category is category or cause.slug != slug


def _fetch_rows(
    session: Session,
    slugs: dict[str, str],
    store_id: UUID | None,
    customer: Select[Customer] | None,
    before: datetime | None,
) -> dict[str, Any]:
    """Return the rows by RESULT_COLUMNS, None for each that does not exist, and `past`; fetched in one statement."""
    profile = Customer if customer is None else aliased(Customer, customer.subquery())
    past = past_expressions(profile.id, store_id, before) if before else ()
    always_one_row = select(literal(1).label("one")).subquery()
    stmt = (
        select(*MODELS_BY_SLUG_FIELD.values(), profile, *past)
        .select_from(always_one_row)
        .outerjoin(Category, _is_meant(Category, slugs.get("category")))
        .outerjoin(Cause, _is_meant(Cause, slugs.get("cause")))
        .outerjoin(Place, Place.id == Place.id_of_slug(store_id, slugs["place"]) if "place" in slugs else false())
        .outerjoin(Question, _is_meant(Question, slugs.get("question")))
        .outerjoin(profile, false() if customer is None else true())
    )
    row = session.execute(stmt).one()
    rows = dict(zip(RESULT_COLUMNS, row, strict=False))
    return {**rows, "past": past_of(row[len(RESULT_COLUMNS) :]) if past else NO_PAST}


def _is_meant(word: type[VocabularyWord], slug: str | None) -> ColumnElement[bool]:
    """Return the criterion for the word that a slug means; no word without a slug."""
    return false() if slug is None else word.id == word.id_of_slug(slug)
