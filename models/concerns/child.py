"""Base class of the aggregates that belong to a concern."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Mapped, Session, declared_attr, joinedload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import of_counted_concern
from models.db.base import Aggregate, has_value, many_to_one, tenant_fk


class ConcernChild(Aggregate):
    """Base class of aggregates that belong to a concern: recovery actions, follow-ups, feedback requests.

    A child is visible to whoever may see its concern. Changing a child locks the concern first, so that two people
    never change two children of one concern at the same time.
    """

    __abstract__ = True

    concern_id: Mapped[UUID] = tenant_fk("concern")
    store_id: Mapped[UUID] = tenant_fk("store")

    @declared_attr
    def concern(cls) -> Mapped[Concern]:  # noqa: N805 declared_attr hands over the class
        return many_to_one(cls.__name__, "concern_id", "Concern")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the children of visible concerns; their store is repeated for the index."""
        of_visible_concerns = cls.concern_id.in_(select(Concern.id).where(*Concern.visible_to(actor)))
        if actor.store_ids is None:
            return (of_visible_concerns,)
        return cls.store_id.in_(actor.store_ids), of_visible_concerns

    @classmethod
    def listed(
        cls, actor: Actor, *, stands: ColumnElement[bool] | None = None, **columns: Any
    ) -> list[ColumnElement[bool]]:
        """Return criteria for a list of the visible children with these column values.

        Those of voided concerns are left out, except from the list of one concern, and unless they `stand` all the
        same.
        """
        criteria = [*cls.visible_to(actor), *(has_value(getattr(cls, name), value) for name, value in columns.items())]
        if "concern_id" in columns:
            return criteria
        counts = of_counted_concern(cls.concern_id)
        return [*criteria, counts if stands is None else or_(stands, counts)]

    @classmethod
    def lock_parent(cls, session: Session, row_id: UUID) -> None:
        """Lock the concern first, so that two people never change two children of one concern at the same time."""
        concern_id = select(cls.concern_id).where(cls.id == row_id).scalar_subquery()
        session.execute(select(Concern.id).where(Concern.id == concern_id).with_for_update(key_share=True))

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.concern),)

    @property
    def customer_id(self) -> UUID | None:
        """The customer of the concern, also when the customer becomes known later."""
        customer_id: UUID | None = self.concern.customer_id
        return customer_id
