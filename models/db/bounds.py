"""Bounds: how many rows of a kind one organization, store, concern or person may have."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.errors import TooMany


def check_bound(session: Session, rows: Select[Any], *, most: int, of: str, more: int = 1, advice: str = "") -> None:
    """Raise TooMany when `more` rows would make more than `most` of them. No more than that are counted.

    Two requests at the same moment may pass together: it keeps a table from growing without end, and is no quota.

    Args:
        session: of the organization.
        rows: selects the rows there are.
        most: how many there may be.
        of: what they are, in the plural, with whose: "notes of one day".
        more: how many are to be added.
        advice: what to do about it, as a clause.

    """
    if not has_room(session, (rows, most), more=more):
        raise too_many(most, of, advice)


def has_room(session: Session, *bounds: tuple[Select[Any], int], more: int = 1) -> bool:
    """Tell whether there would be no more of each of these rows than there may be with `more` of them."""
    counts = (select(func.count()).select_from(rows.limit(most).subquery()).scalar_subquery() for rows, most in bounds)
    counted = session.execute(select(*counts)).one()
    return all(count + more <= most for count, (_, most) in zip(counted, bounds, strict=True))


def too_many(most: int, of: str, advice: str = "") -> TooMany:
    """Return the refusal of what would be more than `most`."""
    detail = f"At most {most:,} {of}: {advice}." if advice else f"At most {most:,} {of}."
    return TooMany(detail, most=most, of=of)
