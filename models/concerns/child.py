"""A part of a concern with a life of its own: seen by whoever sees the concern, and changed with that one held."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Mapped, Session, declared_attr, joinedload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.concerns.concern import Concern
from models.db.base import Aggregate, many_to_one, tenant_fk


class ConcernChild(Aggregate):
    """Something that was done or promised about a concern, in the store of that concern."""

    __abstract__ = True

    concern_id: Mapped[UUID] = tenant_fk("concern")
    store_id: Mapped[UUID] = tenant_fk("store")

    @declared_attr
    def concern(cls) -> Mapped[Concern]:  # noqa: N805 declared_attr hands over the class
        return many_to_one(cls.__name__, "concern_id", "Concern")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those of the concerns the actor may see; their stores are named once more, for the index."""
        of_concerns = cls.concern_id.in_(select(Concern.id).where(*Concern.visible_to(actor)))
        return (of_concerns,) if actor.store_ids is None else (cls.store_id.in_(actor.store_ids), of_concerns)

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
        """Beside whose profile it stands: the customer of its concern, also when that is found out later."""
        customer_id: UUID | None = self.concern.customer_id
        return customer_id
