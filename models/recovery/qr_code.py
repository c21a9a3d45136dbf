"""Standing QR codes on tables and receipts, by which customers log a concern themselves while they are there."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, contains_eager, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption
from uuid_utils.compat import uuid7

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Channel, Kind, Source, Status
from models.concerns.event import ConcernEvent
from models.db.base import Aggregate, many_to_one, tenant_fk
from models.db.bounds import check_bound
from models.errors import Expired, NotFound
from models.organizations.place import Place
from models.organizations.store import Store
from models.policy_defaults import CONTENT_MOOD, GUEST_PAGE_TTL, MAX_QR_CODES, MAX_QR_CODES_EVER
from models.recovery.public_token import TOKEN_LENGTH, new_token


class GuestCall(StrEnum):
    """How it goes with what a customer wrote, as they are told it: without names."""

    RECEIVED = "received"  # nobody was called for it
    CALLING = "calling"
    ON_THE_WAY = "on_the_way"
    WAVE = "wave"  # nobody answers or can be reached
    OVER = "over"

    @classmethod
    def of(cls, concern: Concern) -> "GuestCall":
        if concern.kind is Kind.PRAISE or concern.status is Status.VOIDED:
            return cls.RECEIVED
        if concern.status is not Status.OPEN:
            return cls.ON_THE_WAY if concern.status is Status.TAKEN else cls.OVER
        if concern.alert is None or not concern.alert.is_ringing:
            return cls.RECEIVED
        return cls.WAVE if concern.alert.reaches_nobody else cls.CALLING


class QrCode(Aggregate):
    """One printed code of a store, of one place or (on a receipt) of none."""

    __tablename__ = "qr_code"
    noun = "standing qr"
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
        """Return criteria that keep the codes of the actor's stores that were not withdrawn."""
        valid = cls.withdrawn_at.is_(None)
        return (valid,) if actor.store_ids is None else (valid, cls.store_id.in_(actor.store_ids))

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.place),)

    @classmethod
    def select_visible(cls, actor: Actor, *, store_id: UUID) -> Select["QrCode"]:
        """Return a statement for the valid codes of a store."""
        return select(cls).where(*cls.visible_to(actor), cls.store_id == store_id).options(*cls.eager_options())

    @classmethod
    def create(
        cls, session: Session, store: Store, *, id_: UUID, place: str | None, by: Actor, at: datetime
    ) -> "QrCode":
        """Create a code to print. `place` is a slug; NotFound where the store has no such place."""
        place_row = None if place is None else Place.by_slug(session, store, place)
        cls._check_bound(session, store, more=1)
        return cls._add(session, store, place_row, id_=id_, by=by, at=at)

    @classmethod
    def create_missing(cls, session: Session, store: Store, *, by: Actor, at: datetime) -> None:
        """Create a code for each place in use that has none.

        The store is locked, so that two people who do this at once do not make two codes of a place.
        """
        valid = (cls.store_id == store.id, cls.withdrawn_at.is_(None), cls.place_id.is_not(None))
        without = Place.id.not_in(select(cls.place_id).where(*valid))
        stmt = Place.select_of_store(store).where(Place.retired_at.is_(None), without)
        places = session.scalars(stmt.order_by(Place.position, Place.slug)).all()
        cls._check_bound(session, store, more=len(places))
        for place in places:
            cls._add(session, store, place, id_=uuid7(), by=by, at=at)
        session.flush()

    @classmethod
    def of_places_in_use(cls, session: Session, store: Store) -> list["QrCode"]:
        """Return the valid codes of the places of a store that are not retired, in the order of the places."""
        stmt = (
            select(cls)
            .join(cls.place)
            .where(cls.store_id == store.id, cls.withdrawn_at.is_(None), Place.retired_at.is_(None))
            .options(contains_eager(cls.place))
            .order_by(Place.position, Place.slug, cls.made_at, cls.id)
        )
        return list(session.scalars(stmt))

    @classmethod
    def _add(
        cls, session: Session, store: Store, place: Place | None, *, id_: UUID, by: Actor, at: datetime
    ) -> "QrCode":
        token = new_token(store.organization_id)
        qr = cls(id=id_, store=store, place=place, token=token, made_at=at, made_by_id=by.staff_id)
        session.add(qr)
        return qr

    @classmethod
    def _check_bound(cls, session: Session, store: Store, *, more: int) -> None:
        """Raise InvalidState when a store would have more valid codes than it may."""
        ever = select(cls.id).where(cls.store_id == store.id)
        valid = ever.where(cls.withdrawn_at.is_(None))
        check_bound(
            session, valid, most=MAX_QR_CODES, of="QR codes of a store", more=more, advice="withdraw some first"
        )
        check_bound(session, ever, most=MAX_QR_CODES_EVER, of="QR codes of a store, with withdrawn ones", more=more)

    @classmethod
    def by_token(cls, session: Session, token: str, *, lock: bool = False) -> "QrCode":
        """Return the valid code with this token, with its store and place. NotFound where there is none.

        `lock` lets one customer at a time log a concern by it.
        """
        valid = (cls.token == token, cls.withdrawn_at.is_(None))
        if lock:
            session.execute(select(cls.id).where(*valid).with_for_update(key_share=True))
        rules = (joinedload(Store.alert_rules), joinedload(Store.policies)) if lock else ()
        store = joinedload(cls.store).options(*rules)
        code = session.scalars(select(cls).where(*valid).options(store, *cls.eager_options())).unique().one_or_none()
        if code is None:
            raise NotFound("There is no such code.")
        return code

    def withdraw(self, *, at: datetime) -> None:
        """Withdraw a code that was torn off or is misused. Nobody can log a concern by it any more."""
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
        """Log a concern of `source: customer` at this place. Returns None when the form (`id_`) was sent before.

        The customer is there, so the concern is on time. A good mood makes it praise.
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
            channel=Channel.QR,
            their_words=their_words,
            wanted=wanted,
            place=self.place,
            order={"reference": order} if order else None,
        )
        session.add(event.concern)
        return event


def is_already_logged(session: Session, id_: UUID) -> bool:
    """Return whether this form was sent before."""
    return session.scalars(select(Concern.id).where(Concern.id == id_)).one_or_none() is not None


def find_by_guest(session: Session, id_: UUID, *, at: datetime) -> Concern | None:
    """Return what a customer wrote by a code, with its alert. None for any other concern.

    Raises Expired once the customer has long gone.
    """
    by_code = (Concern.id == id_, Concern.source == Source.CUSTOMER, Concern.channel == Channel.QR)
    concern = session.scalars(select(Concern).where(*by_code).options(joinedload(Concern.alert))).one_or_none()
    if concern is not None and at - concern.received_at > GUEST_PAGE_TTL:
        raise Expired("This was long ago.")
    return concern
