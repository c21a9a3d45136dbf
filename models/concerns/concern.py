"""Concern aggregate: its fields, its state machine, and who may see and read it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Index,
    Select,
    SmallInteger,
    String,
    Text,
    and_,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, WriteOnlyMapped, joinedload, mapped_column, object_session, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import GRANTS, Actor, Permission, Role, roles_with
from models.concerns.concern_item import ConcernItem
from models.concerns.customer_name import CustomerName
from models.concerns.enums import Channel, Handling, Kind, Outcome, Severity, Source, Status
from models.concerns.event import BOUNDED_STEPS, STEPS_AFTER_RESOLUTION, STEPS_AFTER_VOID, ConcernEvent, ConcernStep
from models.customers.customer import Customer
from models.db.base import (
    Aggregate,
    CountedByDay,
    Money,
    TenantOwned,
    has_value,
    many_to_one,
    money,
    one_to_many,
    tenant_fk,
)
from models.db.bounds import too_many
from models.db.earlier import DaysBetween
from models.db.text import BYTEWISE_NAME, fold
from models.errors import Conflict, Forbidden, InvalidState
from models.organizations.place import Place
from models.organizations.store import Store
from models.organizations.vocabulary import Category, Cause, Question
from models.organizations.vocabulary_word import VocabularyWord
from models.policy_defaults import (
    AS_TYPED_TTL,
    KNOWN_CUSTOMER_WINDOW,
    LATE_AFTER,
    MAX_CLOCK_AHEAD,
    MAX_CONCERN_AGE,
    MAX_STEPS_OF_CONCERN,
    UNHAPPY_MOOD,
    VERY_UNHAPPY_MOOD,
)
from models.staff.staff import Staff

if TYPE_CHECKING:
    from models.alerts.alert import Alert
    from models.concerns.previous import CustomerPast
    from models.recovery.action import RecoveryAction

# Worth asking for while the customer is still there.
FIELDS_WORTH_ASKING = ("their_words", "stake", "wanted", "category", "cause", "place", "customer")
MODELS_BY_SLUG_FIELD: dict[str, type[VocabularyWord | Place]] = {
    "category": Category,
    "cause": Cause,
    "place": Place,
    "question": Question,
}
REFERENCE_FIELDS = frozenset({*MODELS_BY_SLUG_FIELD, "customer", "praised", "linked"})
FIELDS_SET_ONCE = ("id", "kind", "handling", "channel", "source")  # when the concern is logged
# Relationships that name a concern to staff: what it is about, where, and who.
NAMING_RELATIONS = ("filed_category", "filed_cause", "place", "customer")
# Relationships that every answer shows.
EAGER_RELATIONS = (
    *NAMING_RELATIONS,
    *("question", "praised", "reported_by", "taken_by", "alert"),
)

# Step: the states it may start from, and the state it leads to.
MOVES: dict[ConcernStep, tuple[frozenset[Status], Status]] = {
    ConcernStep.TAKEN: (frozenset({Status.OPEN}), Status.TAKEN),
    ConcernStep.RELEASED: (frozenset({Status.TAKEN}), Status.OPEN),
    ConcernStep.RESOLVED: (frozenset({Status.OPEN, Status.TAKEN}), Status.RESOLVED),
    ConcernStep.REOPENED: (frozenset({Status.RESOLVED}), Status.OPEN),
    ConcernStep.VOIDED: (frozenset({Status.OPEN, Status.TAKEN, Status.RESOLVED}), Status.VOIDED),
}


class Concern(CountedByDay, Aggregate):
    """Something a customer is unhappy about, asks for or praises.

    `seconds_` columns count from or to `received_at`, of what was praise before from `became_concern_at`.
    """

    __tablename__ = "concern"
    __table_args__ = (
        Index("ix_concern_newest", "organization_id", "received_at", "id"),
        Index("ix_concern_store_newest", "organization_id", "store_id", "received_at", "id"),
        Index("ix_concern_store_day", "organization_id", "store_id", "business_date"),
        Index("ix_concern_customer", "organization_id", "customer_id", "received_at"),
        Index("ix_concern_cause", "organization_id", "cause_id", "received_at"),
        Index(
            "ix_concern_open",
            "organization_id",
            "store_id",
            "business_date",
            postgresql_where=text("status IN ('open', 'taken')"),
            sqlite_where=text("status IN ('open', 'taken')"),
        ),
        Index(
            "ix_concern_order",
            "organization_id",
            "store_id",
            "business_date",
            "order_key",
            postgresql_where=text("order_key IS NOT NULL"),
            sqlite_where=text("order_key IS NOT NULL"),
        ),
        Index("ix_concern_reporter", "organization_id", "reported_by_id", "received_at", "id"),
        Index("ix_concern_place", "organization_id", "place_id", "received_at", "id"),
        Index(
            "ix_concern_order_newest",
            "organization_id",
            "order_key",
            "received_at",
            "id",
            postgresql_where=text("order_key IS NOT NULL"),
            sqlite_where=text("order_key IS NOT NULL"),
        ),
        Index(
            "ix_concern_as_typed",
            "received_at",
            postgresql_where=text("as_typed IS NOT NULL"),
            sqlite_where=text("as_typed IS NOT NULL"),
        ),
    )

    # Described by staff, who may complete and correct it. `rating` is the customer's own, after the concern was over.
    mood: Mapped[int] = mapped_column(SmallInteger)
    mood_as_logged: Mapped[int | None] = mapped_column(SmallInteger)  # once the mood was corrected
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    rating_suspect: Mapped[bool] = mapped_column(default=False)  # it may be by staff; see FeedbackRequest
    their_words: Mapped[str | None] = mapped_column(Text)
    our_reading: Mapped[str | None] = mapped_column(Text)
    stake: Mapped[str | None] = mapped_column(Text)
    wanted: Mapped[str | None] = mapped_column(Text)
    read_back: Mapped[bool] = mapped_column(default=False)
    times_told: Mapped[int | None] = mapped_column(SmallInteger)
    sensitive: Mapped[bool] = mapped_column(default=False)
    order_reference: Mapped[str | None] = mapped_column(String(100))
    order_key: Mapped[str | None] = mapped_column(BYTEWISE_NAME)  # the reference, folded
    # What was sent and could not stand, by the field it was sent in; blanked after a while.
    as_typed: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    customer_confirmed: Mapped[bool] = mapped_column(default=False)  # somebody made sure that it is this customer
    ambiguous_customer: Mapped[bool] = mapped_column(default=False)  # its contacts belong to several customers
    urgent_as_typed: Mapped[bool] = mapped_column(default=False)  # the category in `as_typed` may be an urgent one
    # How it ended, if what was asked for is approved: `outcome`, `mood_after`, `note`, and who said so.
    waiting_end: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    category_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)
    cause_id: Mapped[UUID | None] = tenant_fk("cause", nullable=True)
    place_id: Mapped[UUID | None] = tenant_fk("place", nullable=True)
    question_id: Mapped[UUID | None] = tenant_fk("question", nullable=True)
    customer_id: Mapped[UUID | None] = tenant_fk("customer", nullable=True)
    praised_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)  # the colleague the praise is for
    linked_id: Mapped[UUID | None] = tenant_fk("concern", nullable=True)  # another concern of the same story
    order_value_amount: Mapped[int | None] = mapped_column(BigInteger)
    order_value_currency: Mapped[str | None] = mapped_column(String(3))
    order_value: Mapped[Money | None] = money("order_value")

    # Set by the server.
    store_id: Mapped[UUID] = tenant_fk("store")
    kind: Mapped[Kind] = mapped_column(default=Kind.CONCERN)
    status: Mapped[Status] = mapped_column(default=Status.OPEN)
    handling: Mapped[Handling] = mapped_column(default=Handling.HELP)
    source: Mapped[Source] = mapped_column(default=Source.STAFF)
    channel: Mapped[Channel] = mapped_column(default=Channel.IN_PERSON)
    mood_after: Mapped[int | None] = mapped_column(SmallInteger)
    outcome: Mapped[Outcome | None]
    reported_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    taken_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    late: Mapped[bool] = mapped_column(default=False)
    time_adjusted: Mapped[bool] = mapped_column(default=False)
    business_date: Mapped[date]
    taken_at: Mapped[datetime | None]  # the first time, never cleared
    resolved_at: Mapped[datetime | None]  # the last time, empty while open again
    resolved_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    reclassified: Mapped[bool] = mapped_column(default=False)  # it was logged as a concern and is praise
    became_concern_at: Mapped[datetime | None]  # the last time that it was corrected from praise
    reopened_count: Mapped[int] = mapped_column(SmallInteger, default=0)
    event_count: Mapped[int] = mapped_column(default=0)
    seconds_to_take: Mapped[int | None]
    seconds_to_resolve: Mapped[int | None]
    previous_id: Mapped[UUID | None] = tenant_fk("concern", nullable=True)  # of this customer, within a year
    seconds_since_previous: Mapped[int | None]
    last_here_on: Mapped[date | None]  # when this customer was last in this store before, as a business date

    # May be merged words: the worker re-files the concerns of a merged word in slices. Read `category` and `cause`.
    filed_category: Mapped[Category | None] = many_to_one("Concern", "category_id", "Category")
    filed_cause: Mapped[Cause | None] = many_to_one("Concern", "cause_id", "Cause")
    place: Mapped[Place | None] = many_to_one("Concern", "place_id", "Place")
    question: Mapped[Question | None] = many_to_one("Concern", "question_id", "Question")
    customer: Mapped[Customer | None] = many_to_one("Concern", "customer_id", "Customer")
    praised: Mapped[Staff | None] = many_to_one("Concern", "praised_id", "Staff")
    linked: Mapped["Concern | None"] = many_to_one("Concern", "linked_id", "Concern")
    items: Mapped[list[ConcernItem]] = one_to_many(
        "Concern", "ConcernItem", "concern_id", order_by="ConcernItem.position", cascade="all, delete-orphan"
    )
    store: Mapped[Store] = many_to_one("Concern", "store_id", "Store")
    reported_by: Mapped[Staff | None] = many_to_one("Concern", "reported_by_id", "Staff")
    taken_by: Mapped[Staff | None] = many_to_one("Concern", "taken_by_id", "Staff")
    events: WriteOnlyMapped[ConcernEvent] = one_to_many(  # type: ignore[assignment]  # one_to_many makes every kind of collection
        "Concern", "ConcernEvent", "concern_id", back_populates="concern"
    )
    actions: Mapped[list["RecoveryAction"]] = one_to_many(
        "Concern",
        "RecoveryAction",
        "concern_id",
        order_by="RecoveryAction.recorded_at, RecoveryAction.id",
        viewonly=True,
    )
    timeline: Mapped[list[ConcernEvent]] = one_to_many(
        "Concern", "ConcernEvent", "concern_id", order_by="ConcernEvent.number", viewonly=True
    )
    alert: Mapped["Alert | None"] = one_to_many(
        "Concern", "Alert", "concern_id", uselist=False, back_populates="concern"
    )

    @property
    def category(self) -> Category | None:
        """The category as of now. Where the filed cause was merged, it is that of the surviving cause."""
        if self.filed_cause is not None and self.filed_cause.merged_into_id is not None:
            return self.filed_cause.survivor.category
        return self.filed_category.survivor if self.filed_category else None

    @category.setter
    def category(self, category: Category | None) -> None:
        self.filed_category = category

    @property
    def cause(self) -> Cause | None:
        """The cause as of now: what was merged reads as the surviving one."""
        return self.filed_cause.survivor if self.filed_cause else None

    @cause.setter
    def cause(self, cause: Cause | None) -> None:
        self.filed_cause = cause

    def refile(self) -> None:
        """File the concern under what its category and cause are now."""
        category, cause = self.category, self.cause
        self.filed_category, self.filed_cause = category, cause
        self.bump_version()

    @property
    def unhappy(self) -> bool:
        return self.mood <= UNHAPPY_MOOD

    @property
    def unhappy_with_outcome(self) -> bool:
        """Whether the customer themselves gave a low rating after the concern was resolved."""
        return self.rating is not None and self.rating <= UNHAPPY_MOOD

    @property
    def urgent(self) -> bool:
        return self.urgent_as_typed or (self.category is not None and self.category.urgent)

    @property
    def severity(self) -> Severity:
        """The severity of its alert. What rang nobody is severe where it is urgent or the customer very unhappy."""
        if self.alert is not None:
            return self.alert.severity
        return Severity.SEVERE if self.urgent or self.mood <= VERY_UNHAPPY_MOOD else Severity.NORMAL

    @property
    def severity_rank(self) -> int:
        """The place of its severity in a list that begins with the severe."""
        return 0 if self.severity is Severity.SEVERE else 1

    @property
    def is_customer_known(self) -> bool:
        """Whether the customer may be greeted by name.

        A contact with one wrong digit is that of a stranger, until somebody confirms the match or the contact has been
        used in this store within a year (KNOWN_CUSTOMER_WINDOW).
        """
        if self.customer_confirmed or self.last_here_on is None:
            return self.customer_confirmed
        return self.business_date - self.last_here_on <= KNOWN_CUSTOMER_WINDOW

    @classmethod
    def knows_customer(cls) -> ColumnElement[bool]:
        """Return the criterion for concerns whose customer may be greeted by name: `is_customer_known` in SQL."""
        since = DaysBetween(cls.last_here_on, cls.business_date)
        return or_(cls.customer_confirmed, since <= KNOWN_CUSTOMER_WINDOW.days)

    @property
    def customer_name(self) -> CustomerName | None:
        return CustomerName.of(self)

    @property
    def is_after_closing(self) -> bool:
        """Whether it occurred after its store had gone out of business: nobody is there to come.

        What was received before did occur before, whatever the clock of the phone says.
        """
        return self.store.was_closed_at(min(self.occurred_at, self.received_at))

    @property
    def order(self) -> dict[str, Any] | None:
        if self.order_reference is None and self.order_value is None:
            return None
        return {"reference": self.order_reference, "value": self.order_value}

    @property
    def missing(self) -> list[str]:
        """The fields worth asking for while the customer is there, and those that could not stand as they were sent.

        `stake` is worth asking the unhappy. `approval` is listed while how it ended waits for that. Never a reason to
        refuse anything.
        """
        worth_asking = (name for name in FIELDS_WORTH_ASKING if name != "stake" or self.unhappy)
        empty = [name for name in worth_asking if not getattr(self, f"{name}_id" if name in REFERENCE_FIELDS else name)]
        left_out = ["customer" if name == "customer_id" else name for name in self.as_typed or ()]
        ambiguous = ["ambiguous_customer"] if self.ambiguous_customer else []
        approval = ["approval"] if self.waiting_end else []
        return list(dict.fromkeys([*empty, *left_out, *ambiguous, *approval]))

    def keep_as_typed(self, values: Mapping[str, Any]) -> None:
        """Keep what could not stand, by the field that it was sent in."""
        if values:
            self.as_typed = {**(self.as_typed or {}), **as_json(values)}

    def forget_as_typed(self, fields: Iterable[str]) -> None:
        """Forget what was typed in these fields: it has been corrected."""
        corrected = {*fields, *(("customer",) if "customer_id" in fields else ())}
        self.as_typed = {name: typed for name, typed in (self.as_typed or {}).items() if name not in corrected} or None

    @classmethod
    def blank_as_typed(cls, session: Session, *, at: datetime, limit: int) -> int:
        """Blank what was typed and not corrected for AS_TYPED_TTL. Return for how many concerns, at most `limit`."""
        old = select(cls).where(cls.as_typed.is_not(None), cls.received_at < at - AS_TYPED_TTL)
        old = old.order_by(cls.received_at).limit(limit).with_for_update(of=cls, key_share=True, skip_locked=True)
        concerns = session.scalars(old).all()
        for concern in concerns:
            concern.as_typed = None
            concern.bump_version()
        return len(concerns)

    def apply_changes(self, changes: dict[str, Any]) -> None:
        """Set the fields that are described by staff.

        `changes` has plain values, the row for each of REFERENCE_FIELDS, `order` as a dict of `reference` and `value`
        (Money), and `items` as a list of dicts of `item` (row) and `quantity`. None clears a field.
        """
        for name, value in changes.items():
            if name == "order":
                self.order_reference = (value.get("reference") or None) if value else None
                self.order_key = fold(self.order_reference) if self.order_reference else None
                self.order_value = value.get("value") if value else None
            elif name == "items":
                self.items = [ConcernItem.at(position, **item) for position, item in enumerate(value or [])]
            else:
                setattr(self, name, value)

    def json_values(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the present values of these fields as plain JSON, for the before and after of the timeline."""
        return {name: _to_json(getattr(self, name)) for name in names}

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the concerns of the actor's stores which the actor may read."""
        criteria: list[ColumnElement[bool]] = []
        if actor.store_ids is not None:
            criteria.append(cls.store_id.in_(actor.store_ids))
        return [*criteria, *cls.readable_by(actor.permissions, actor.staff_id, actor.api_key_id)]

    def is_readable_by(self, permissions: Collection[Permission], staff_id: UUID | None = None) -> bool:
        """Return whether somebody with these permissions may read this concern.

        A sensitive concern takes the permission CONCERN_SENSITIVE, or that `staff_id` reported it. `readable_by` is
        the same rule in SQL; a test holds the two together.
        """
        if not self.sensitive or Permission.CONCERN_SENSITIVE in permissions:
            return True
        return staff_id is not None and staff_id == self.reported_by_id

    @classmethod
    def readable_by(
        cls, permissions: Collection[Permission], staff_id: UUID | None, api_key_id: UUID | None = None
    ) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the concerns somebody may read: `is_readable_by` in SQL.

        An API key may read what it logged itself. Only the first event of a concern says which key that was.
        """
        if Permission.CONCERN_SENSITIVE in permissions:
            return ()
        if staff_id is not None:
            return (or_(cls.sensitive.is_(False), cls.reported_by_id == staff_id),)
        first_event = select(ConcernEvent.id).where(ConcernEvent.concern_id == cls.id, ConcernEvent.number == 1)
        return (or_(cls.sensitive.is_(False), first_event.where(ConcernEvent.by_api_key_id == api_key_id).exists()),)

    @property
    def ringable_roles(self) -> frozenset[Role]:
        """The roles that may be called for this concern: those that hear alerts and may read it."""
        return frozenset(role for role in roles_with(Permission.ALERT_HEAR) if self.is_readable_by(GRANTS[role]))

    @classmethod
    def eager_options(cls, *, load_lists: Callable[..., Any] = selectinload) -> Sequence[ExecutableOption]:
        """Load what an answer shows. `load_lists`: selectinload emits one statement per 500 rows, subqueryload one."""
        lists = (load_lists(cls.items), load_lists(cls.actions).undefer_group("given before"))
        return (*(joinedload(getattr(cls, name)) for name in EAGER_RELATIONS), *lists)

    @classmethod
    def select_visible(
        cls,
        actor: Actor,
        *,
        category: Sequence[str] | None = None,
        unhappy: bool | None = None,
        received_after: datetime | None = None,
        received_before: datetime | None = None,
        **columns: Any,
    ) -> Select["Concern"]:
        """Return a statement for the visible concerns that match; `columns` have the value given, or one of a list.

        `category` are slugs. What was voided is left out unless `status` asks for it.
        """
        criteria = [*cls.visible_to(actor), *(has_value(getattr(cls, name), value) for name, value in columns.items())]
        if "status" not in columns:
            criteria.append(cls.status != Status.VOIDED)
        if category is not None:
            ids = [Category.id_of_slug(slug) for slug in category]
            criteria.append(cls.of_categories(select(Category.id).where(Category.id.in_(ids))))
        if unhappy is not None:
            criteria.append(cls.mood <= UNHAPPY_MOOD if unhappy else cls.mood > UNHAPPY_MOOD)
        if received_after is not None:
            criteria.append(cls.received_at > received_after)
        if received_before is not None:
            criteria.append(cls.received_at < received_before)
        return select(cls).where(*criteria).options(*cls.eager_options())

    @classmethod
    def of_categories(cls, categories: Select[UUID]) -> ColumnElement[bool]:
        """Return the criterion for concerns whose category is among these as of now: `category` in SQL.

        The statement selects ids of categories that are not merged. A concern with a cause is in the category of that
        cause, which a merge has moved along.
        """
        categories = categories.correlate(None)  # they are others than those of the statement around them
        filed = select(Category.id).where(or_(Category.id.in_(categories), Category.merged_into_id.in_(categories)))
        causes = select(Cause.id).where(Cause.category_id.in_(categories))
        return or_(cls.cause_id.in_(causes), and_(cls.cause_id.is_(None), cls.category_id.in_(filed)))

    @classmethod
    def log(
        cls,
        *,
        by: Actor,
        store: Store,
        mood: int,
        at: datetime,
        reporter: Staff | None = None,
        past: "CustomerPast | None" = None,
        occurred_at: datetime | None = None,
        **fields: Any,
    ) -> ConcernEvent:
        """Create a concern and return its first event. Only the mood (1-5) is required.

        `fields` are those of `apply_changes` and FIELDS_SET_ONCE. `reporter` is the row of `by`, where it is loaded.
        A time that no sane clock shows (more than 30 days back, 5 minutes ahead) is moved to that bound and flagged:
        a concern is never refused for it. With `handling: mine` the concern is taken at once, unless a rule rings for
        it anyway. Praise is over when it is told.
        """
        reported = occurred_at or at
        occurred = plausible_time(reported, at=at)
        fixed_fields = {name: fields.pop(name) for name in FIELDS_SET_ONCE if name in fields}
        concern = cls(
            **fixed_fields,
            store=store,
            mood=mood,
            reported_by_id=by.staff_id,
            occurred_at=occurred,
            received_at=at,
            late=at - occurred > LATE_AFTER,
            time_adjusted=occurred != reported,
            business_date=store.business_date(occurred),
            items=[],
            alert=None,
        )
        if reporter is not None:
            concern.reported_by = reporter
        concern.apply_changes(fields)
        concern.set_past(past)
        details = {"mood": mood, "handling": concern.handling}
        event = concern._record(ConcernStep.LOGGED, by=by, at=at, details=details)
        if concern.kind is Kind.PRAISE:
            concern.status, concern.resolved_at = Status.RESOLVED, at
        elif concern.handling is Handling.MINE and not concern._rings_despite_mine():
            concern.take(by=by, at=at)
        return event

    def set_past(self, past: "CustomerPast | None") -> None:
        """Set what was known of this customer when they were named. None clears it."""
        self.last_here_on = past.last_here_on if past else None
        previous = past.previous if past else None
        self.previous_id = previous.concern_id if previous else None
        self.seconds_since_previous = _seconds_between(previous.received_at, self.received_at) if previous else None

    def take(self, *, by: Actor, at: datetime) -> ConcernEvent | None:
        """Take the concern. Conflict when somebody else has taken it; None when `by` has taken it already."""
        if self.status is Status.TAKEN:
            if self.taken_by_id is not None and self.taken_by_id == by.staff_id:
                return None
            name = self.taken_by.name if self.taken_by else "the till"
            taker = {"id": self.taken_by_id, "name": name}
            raise Conflict(f"{name} is already on the way.", code="already-taken", taken_by=taker)
        event = self._move(ConcernStep.TAKEN, by=by, at=at)
        self._set_taker(by, at)
        return event

    def release(self, *, by: Actor, at: datetime) -> ConcernEvent:
        """Give the concern back to the colleagues on shift. Forbidden for anybody but the taker and managers."""
        mine = self.taken_by_id == by.staff_id
        if self.status is Status.TAKEN and not mine and not by.may(Permission.CONCERN_RELEASE_ANY):
            raise Forbidden("Only the person who took it, or a manager, can give it back.")
        self._check_bound()
        event = self._move(ConcernStep.RELEASED, by=by, at=at)
        self.taken_by_id = None
        return event

    def auto_release(self, *, at: datetime) -> ConcernEvent:
        """Release a concern that was taken and forgotten, on behalf of the application itself."""
        event = self._move(
            ConcernStep.RELEASED, by=Actor.unauthenticated(self.organization_id), at=at, details={"forgotten": True}
        )
        self.taken_by_id = None
        return event

    def give_back(self, *, by: Actor, at: datetime) -> ConcernEvent:
        """Release a concern whose taker's shift ended. `by` ended it; nobody where it ran out.

        How it ends if what waits is approved stays: the customer was there, whoever has gone home since.
        """
        waiting_end = self.waiting_end
        event = self._move(ConcernStep.RELEASED, by=by, at=at, details={"shift_ended": True})
        self.taken_by_id, self.waiting_end = None, waiting_end
        return event

    def release_of_leaver(self, *, by: Actor, at: datetime) -> ConcernEvent:
        """Release a concern whose taker works in its store no more. `by` recorded that; nobody for a planned leave."""
        event = self._move(ConcernStep.RELEASED, by=by, at=at, details={"taker_left": True})
        self.taken_by_id = None
        return event

    def resolve(
        self, *, by: Actor, outcome: Outcome, mood_after: int | None = None, note: str | None = None, at: datetime
    ) -> ConcernEvent:
        """Record how the concern ended. From `open` this takes and resolves it at once."""
        event = self._move(
            ConcernStep.RESOLVED, by=by, at=at, details={"outcome": outcome, "mood_after": mood_after, "note": note}
        )
        self.forget_as_typed(("outcome", "mood_after"))
        if self.taken_by_id is None:
            self._set_taker(by, at)
        self.outcome, self.mood_after = outcome, mood_after
        self.rating, self.rating_suspect = None, False
        self.resolved_at, self.resolved_by_id = at, by.staff_id
        self.seconds_to_resolve = _seconds_between(self.became_concern_at or self.received_at, at)
        return event

    def end_on_approval(
        self, *, by: Actor, outcome: Outcome, mood_after: int | None = None, note: str | None = None, at: datetime
    ) -> list[ConcernEvent]:
        """Keep how the concern ends until what was asked for is approved: see `apply_waiting_end`.

        From `open` this takes it, because somebody is with the customer; an API key is nobody, and it stays open.
        InvalidState once it is over.
        """
        events = []
        if self.status is Status.OPEN and by.staff_id is not None:
            events.append(self._move(ConcernStep.TAKEN, by=by, at=at))
            self._set_taker(by, at)
        if self.status not in MOVES[ConcernStep.RESOLVED][0]:
            raise InvalidState(f"A concern that is {self.status} cannot be resolved.", state=str(self.status))
        self.forget_as_typed(("outcome", "mood_after"))
        end = {"outcome": outcome, "mood_after": mood_after, "note": note}
        said_by = {"staff_id": by.staff_id, "api_key_id": by.api_key_id}
        self.waiting_end = as_json({**end, **{name: id_ for name, id_ in said_by.items() if id_}})
        self.bump_version()
        return [*events, self._record(ConcernStep.OUTCOME_WAITS, by=by, at=at, details=as_json(end))]

    def apply_waiting_end(self, *, at: datetime) -> ConcernEvent | None:
        """Resolve the concern as whoever was with the customer said. None where nothing waits."""
        end, self.waiting_end = self.waiting_end, None
        if end is None or self.status not in MOVES[ConcernStep.RESOLVED][0]:
            return None
        staff_id, api_key_id = (UUID(end[name]) if name in end else None for name in ("staff_id", "api_key_id"))
        by = Actor(self.organization_id, frozenset(), frozenset(), staff_id=staff_id, api_key_id=api_key_id)
        outcome, mood_after, note = Outcome(end["outcome"]), end["mood_after"], end["note"]
        return self.resolve(by=by, outcome=outcome, mood_after=mood_after, note=note, at=at)

    def reopen(self, *, by: Actor, at: datetime) -> ConcernEvent:
        """Open a resolved concern again; the event keeps the outcome it had."""
        if self.kind is Kind.PRAISE:
            raise InvalidState("Praise cannot be opened: correct its kind where it was none.", state=str(self.status))
        before = {"outcome": self.outcome, "mood_after": self.mood_after}
        event = self._move(ConcernStep.REOPENED, by=by, at=at, details=before)
        self._forget_end()
        self.taken_by_id = None
        self.reopened_count += 1
        return event

    def void(self, *, by: Actor, reason: str, at: datetime) -> ConcernEvent:
        """Take back what was logged by mistake, for good. Who may: see `models.operations.void_concern`."""
        return self._move(ConcernStep.VOIDED, by=by, at=at, details={"reason": reason})

    def refuse_if_voided(self) -> None:
        """Raise InvalidState for a voided concern: nothing of it changes any more."""
        if self.status is Status.VOIDED:
            raise InvalidState("This concern is voided, for good.", state=str(self.status))

    def change_kind(self, kind: Kind, *, by: Actor, at: datetime) -> None:
        """Set the kind, and the state that goes with it, before the event of the edit is recorded.

        What becomes praise is over, without an outcome. Praise that becomes something else is open, as if it had been
        logged now: it is not late, and what takes long takes long from now on.
        """
        self.refuse_if_voided()
        if Kind.PRAISE not in (kind, self.kind):
            return
        self._forget_end()
        self.taken_by_id = None
        self.reclassified = kind is Kind.PRAISE
        if self.reclassified:
            self.status, self.resolved_at, self.resolved_by_id = Status.RESOLVED, at, by.staff_id
        else:
            self.status, self.became_concern_at, self.late = Status.OPEN, at, False

    def edit(self, *, by: Actor, at: datetime, **changes: Any) -> ConcernEvent:
        """Complete or correct the description (see `apply_changes`). The event keeps before and after.

        It says, too, where a concern became urgent or is so no more.
        """
        self.refuse_if_voided()
        shown = [*changes, "urgent"]
        before = self.json_values(shown)
        if self.mood_as_logged is None and changes.get("mood", self.mood) != self.mood:
            self.mood_as_logged = self.mood
        self.apply_changes(changes)
        after = self.json_values(shown)
        changed = {
            name: {"before": before[name], "after": after[name]} for name in before if before[name] != after[name]
        }
        self.bump_version()
        return self._record(ConcernStep.EDITED, by=by, at=at, details=changed)

    def add_event(self, step: ConcernStep, *, by: Actor, at: datetime, details: dict[str, Any]) -> ConcernEvent:
        """Record an event of a child, such as a recovery action, in the timeline.

        InvalidState once the concern is resolved, but for STEPS_AFTER_RESOLUTION, and once it is voided, but for
        STEPS_AFTER_VOID.
        """
        if step not in STEPS_AFTER_VOID:
            self.refuse_if_voided()
        if self.status is Status.RESOLVED and step not in STEPS_AFTER_RESOLUTION:
            raise InvalidState("This concern is resolved; reopen it to record more.")
        if step is ConcernStep.ACTION_RECORDED:
            self.forget_as_typed(("recovery_actions",))
        self.bump_version()
        return self._record(step, by=by, at=at, details=details)

    def _rings_despite_mine(self) -> bool:
        return any(rule.rings_despite_mine(self) for rule in self.store.alert_rules)

    def _move(
        self, step: ConcernStep, *, by: Actor, at: datetime, details: dict[str, Any] | None = None
    ) -> ConcernEvent:
        allowed_from, target = MOVES[step]
        if self.status not in allowed_from:
            raise InvalidState(f"A concern that is {self.status} cannot be {step}.", state=str(self.status))
        self.status, self.waiting_end = target, None
        self.bump_version()
        return self._record(step, by=by, at=at, details=details or {})

    def _forget_end(self) -> None:
        self.waiting_end = None
        self.outcome = self.mood_after = self.resolved_at = self.resolved_by_id = self.seconds_to_resolve = None

    def _set_taker(self, by: Actor, at: datetime) -> None:
        self.taken_by_id = by.staff_id
        if self.taken_at is None:
            self.taken_at = at
            self.seconds_to_take = _seconds_between(self.became_concern_at or self.received_at, at)

    def _check_bound(self) -> None:
        if self.event_count >= MAX_STEPS_OF_CONCERN:
            raise too_many(MAX_STEPS_OF_CONCERN, "steps of one concern")

    def _record(self, step: ConcernStep, *, by: Actor, at: datetime, details: dict[str, Any]) -> ConcernEvent:
        if step in BOUNDED_STEPS:
            self._check_bound()
        self.event_count += 1
        event = ConcernEvent(
            store_id=self.store_id,
            number=self.event_count,
            step=step,
            at=at,
            by_staff_id=by.staff_id,
            by_api_key_id=by.api_key_id,
            device_id=by.device_id,
            details=details,
        )
        event.concern = self  # `events.add` would first build the statement that reads all of them
        if session := object_session(self):
            session.add(event)
        return event


def plausible_time(occurred_at: datetime, *, at: datetime) -> datetime:
    """Return the time of a phone, moved to the bound where no sane clock shows it."""
    return min(max(occurred_at, at - MAX_CONCERN_AGE), at + MAX_CLOCK_AHEAD)


def as_json(value: Any) -> Any:
    """Return what was sent as plain JSON."""
    match value:
        case Money():
            return {"amount": value.amount, "currency": value.currency}
        case Mapping():
            return {str(name): as_json(inner) for name, inner in value.items()}
        case list():
            return [as_json(inner) for inner in value]
        case datetime():
            return value.isoformat()
        case None | int():
            return value
    return str(value)


def _to_json(value: Any) -> Any:
    match value:
        case Category() | Cause() | Place() | Question():
            return value.slug
        case TenantOwned():
            return str(value.id)
        case Money():
            return {"amount": value.amount, "currency": value.currency}
        case dict():
            return {key: _to_json(inner) for key, inner in value.items()}
        case list():
            return [{"slug": item.slug, "name": item.name, "quantity": item.quantity} for item in value]
    return value


def _seconds_between(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())
