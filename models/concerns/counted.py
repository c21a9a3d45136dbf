"""Which concerns count: what was voided is in no list, look-up or figure, and praise is counted apart from concerns."""

from typing import Any

from sqlalchemy import ColumnElement, and_, select

from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status


def counts_as_concern(concern: Any) -> ColumnElement[bool]:
    """Return the criterion for concerns and requests that count. `concern`: Concern, an alias or its columns."""
    return and_(concern.kind != Kind.PRAISE, concern.status != Status.VOIDED)


def of_counted_concern(concern_id: Any) -> ColumnElement[bool]:
    """Return the criterion for rows of a concern that was not voided. `concern_id`: their column.

    Looked up row by row: for a list that ends after a page, PostgreSQL would read all concerns to join them.
    """
    return select(Concern.status).where(Concern.id == concern_id).scalar_subquery() != Status.VOIDED


IS_VOIDED: ColumnElement[bool] = Concern.status == Status.VOIDED
IS_COUNTED_CONCERN = counts_as_concern(Concern)
IS_COUNTED_PRAISE = and_(Concern.kind == Kind.PRAISE, Concern.status != Status.VOIDED)
