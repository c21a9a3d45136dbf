"""When a concern rings, in the organization's own terms: conditions that all have to hold, and how badly it rings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.alerts.enums import Reason, Severity
from models.concerns.enums import Kind
from models.db import slug as naming
from models.db.base import Aggregate, Money, many_to_one, money, tenant_fk
from models.errors import Conflict, Invalid
from models.organizations.vocabulary import Category

if TYPE_CHECKING:
    from models.concerns.concern import Concern

CONDITION_COLUMNS = ("mood_at_most", "urgent_category", "category_id", "repeat_within_days", "order_value")
SECONDS_PER_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Assessment:
    """That a concern rings: how badly, what for, by which rule, and whether the managers are called at once."""

    severity: Severity
    reason: Reason
    rule: str
    managers_at_once: bool = False


class AlertRule(Aggregate):
    """Conditions on a concern; those that are empty do not count, and all the others have to hold.

    `mood_at_most` 1 to 5; `repeat_within_days`: this customer's last concern is not longer ago; `order_value`: the
    order is worth as much, in the same currency. `managers_at_once` puts the managers among the first to be rung;
    `rings_mine` rings although the one who logged it says that they put it right themselves.
    """

    __tablename__ = "alert_rule"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    severity: Mapped[Severity]
    enabled: Mapped[bool] = mapped_column(default=True)
    built_in: Mapped[bool] = mapped_column(default=False)
    managers_at_once: Mapped[bool] = mapped_column(default=False)
    rings_mine: Mapped[bool] = mapped_column(default=False)
    mood_at_most: Mapped[int | None]
    urgent_category: Mapped[bool] = mapped_column(default=False)
    category_id: Mapped[UUID | None] = tenant_fk("category", nullable=True)
    repeat_within_days: Mapped[int | None]
    order_value_amount: Mapped[int | None] = mapped_column(BigInteger)
    order_value_currency: Mapped[str | None] = mapped_column(String(3))
    order_value: Mapped[Money | None] = money("order_value")

    category: Mapped[Category | None] = many_to_one("AlertRule", "category_id", "Category")

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.category),)

    @classmethod
    def select_visible(cls) -> Select["AlertRule"]:
        return select(cls).options(*cls.eager_options())

    @classmethod
    def create(cls, session: Session, *, slug: str, **values: Any) -> "AlertRule":
        """A rule of the organization's own. Conflict when the slug is taken, Invalid without any condition."""
        if session.scalars(select(cls.id).where(cls.slug == slug)).first() is not None:
            raise Conflict(f"There is a rule {slug!r} already.", code="already-exists", pointer="/slug")
        rule = cls.build(slug=naming.check_slug(slug), **values)
        session.add(rule)
        return rule

    @classmethod
    def build(cls, **values: Any) -> "AlertRule":
        """A rule that is not kept: to try it first. `category` is the row."""
        rule = cls(**{"category": None, **values})
        rule._check()
        return rule

    def matches(self, concern: "Concern") -> bool:
        """Whether all conditions hold. notifications/decide/rules.py asks the database the same."""
        conditions = []
        if self.mood_at_most is not None:
            conditions.append(concern.mood <= self.mood_at_most)
        if self.urgent_category:
            conditions.append(concern.urgent)
        if self.category_id is not None:
            conditions.append(concern.category_id == self.category_id)
        if self.repeat_within_days is not None:
            seconds = concern.seconds_since_previous
            conditions.append(seconds is not None and seconds <= self.repeat_within_days * SECONDS_PER_DAY)
        if self.order_value is not None:
            value, least = concern.order_value, self.order_value
            conditions.append(value is not None and value.currency == least.currency and value.amount >= least.amount)
        return all(conditions)

    @property
    def watched_fields(self) -> frozenset[str]:
        """What this rule looks at, by the names an edit has in the timeline."""
        conditions = {
            "mood": self.mood_at_most is not None,
            "category": self.urgent_category or self.category_id is not None,
            "customer": self.repeat_within_days is not None,
            "order": self.order_value is not None,
        }
        return frozenset(name for name, asked in conditions.items() if asked)

    def rings_despite_mine(self, concern: "Concern") -> bool:
        """Whether this rule calls others although the one who logged it says that they manage alone."""
        return self.enabled and self.rings_mine and concern.kind is not Kind.PRAISE and self.matches(concern)

    def edit(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self._check()
        self.bump_version()

    def drop(self, session: Session) -> None:
        """Remove a rule of one's own; one that was there from the first day can only be switched off."""
        if self.built_in:
            raise Conflict("This rule was there from the first day: switch it off with enabled=false.")
        session.delete(self)

    def _check(self) -> None:
        if not any(getattr(self, name) for name in CONDITION_COLUMNS):
            raise Invalid("A rule needs a condition: without one every concern would ring.", pointer="")
