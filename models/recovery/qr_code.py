"""A standing QR code, on a table or a receipt: the many who tell nobody can tell us while the bill is open."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Source
from models.concerns.event import ConcernEvent
from models.db.base import Aggregate, many_to_one, tenant_fk
from models.errors import NotFound
from models.organizations.store import Place, Store
from models.policy_defaults import CONTENT_MOOD
from models.recovery.public_token import TOKEN_LENGTH, new_token


class QrCode(Aggregate):
    """One printed code of a store: of a place, or of none where it stands on a receipt."""

    __tablename__ = "qr_code"
    __table_args__ = (
        UniqueConstraint("organization_id", "token"),
        Index("ix_qr_code_store", "organization_id", "store_id", "made_at", "id"),
    )

    store_id: Mapped[UUID] = tenant_fk("store")
    place_id: Mapped[UUID | None] = tenant_fk("place", nullable=True)
    token: Mapped[str] = mapped_column(String(TOKEN_LENGTH))
    made_at: Mapped[datetime]
    made_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    withdrawn_at: Mapped[datetime | None]

    store: Mapped[Store] = many_to_one("QrCode", "store_id", "Store")
    place: Mapped[Place | None] = many_to_one("QrCode", "place_id", "Place")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those of the actor's stores that were not withdrawn."""
        valid = cls.withdrawn_at.is_(None)
        return (valid,) if actor.store_ids is None else (valid, cls.store_id.in_(actor.store_ids))

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.place),)

    @classmethod
    def select_visible(cls, actor: Actor, *, store_id: UUID) -> Select["QrCode"]:
        """The codes of a store that are valid."""
        return select(cls).where(*cls.visible_to(actor), cls.store_id == store_id).options(*cls.eager_options())

    @classmethod
    def create(
        cls, session: Session, store: Store, *, id_: UUID, place: str | None, by: Actor, at: datetime
    ) -> "QrCode":
        """A code to print. NotFound where the store has no such place (a slug)."""
        found = None
        if place is not None:
            here = (Place.store_id == store.id, Place.slug == place)
            found = session.scalars(select(Place).where(*here)).one_or_none()
            if found is None:
                raise NotFound(f"This store has no place {place!r}.", pointer="/place")
        qr = cls(
            id=id_,
            store=store,
            place=found,
            token=new_token(store.organization_id),
            made_at=at,
            made_by_id=by.staff_id,
        )
        session.add(qr)
        return qr

    @classmethod
    def by_token(cls, session: Session, token: str, *, lock: bool = False) -> "QrCode":
        """The valid code with this token, its store and place; NotFound where there is none.

        `lock` lets one customer at a time tell something by it.
        """
        wanted = (cls.token == token, cls.withdrawn_at.is_(None))
        if lock:
            session.execute(select(cls.id).where(*wanted).with_for_update(key_share=True))
        rules = (joinedload(Store.alert_rules), joinedload(Store.policies)) if lock else ()
        beside = joinedload(cls.store).options(*rules)
        found = session.scalars(select(cls).where(*wanted).options(beside, *cls.eager_options())).unique().one_or_none()
        if found is None:
            raise NotFound("There is no such code.")
        return found

    def withdraw(self, *, at: datetime) -> None:
        """It was torn off, or is misused: nobody can tell anything by it from now on."""
        self.withdrawn_at = at
        self.bump_version()

    def log_concern(
        self,
        session: Session,
        *,
        id_: UUID,
        mood: int,
        at: datetime,
        their_words: str | None = None,
        wanted: str | None = None,
        order: str | None = None,
    ) -> ConcernEvent | None:
        """Take down what a customer says at this place; None when a form (`id_`) was only sent again.

        It is a concern like one that staff log, of `source: customer`: they are there, so it is told at once and in
        person. Who is content praises.
        """
        if is_already_logged(session, id_):
            return None
        event = Concern.log(
            by=Actor.unauthenticated(self.organization_id),
            store=self.store,
            mood=mood,
            at=at,
            id=id_,
            kind=Kind.PRAISE if mood >= CONTENT_MOOD else Kind.CONCERN,
            source=Source.CUSTOMER,
            their_words=their_words,
            wanted=wanted,
            place=self.place,
            order={"reference": order} if order else None,
        )
        session.add(event.concern)
        return event


def is_already_logged(session: Session, id_: UUID) -> bool:
    """Whether this form was sent before."""
    return session.scalars(select(Concern.id).where(Concern.id == id_)).one_or_none() is not None
