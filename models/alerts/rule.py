"""Alert rules: when a concern rings and how badly, as conditions that an organization chooses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.alerts.enums import Reason
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Severity
from models.db.base import Aggregate, Money, many_to_one, money, tenant_fk
from models.db.bounds import check_bound
from models.db.slug import check_slug
from models.errors import Conflict, Invalid
from models.organizations.vocabulary import Category
from models.policy_defaults import MAX_ALERT_RULES

SECONDS_PER_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Assessment:
    """The decision that a concern rings: how badly, why, by which rule, and whether managers are called at once."""

    severity: Severity
    reason: Reason
    rule: str
    managers_at_once: bool = False


class AlertRule(Aggregate):
    """Conditions on a concern. Those that are not set do not count; all the others have to hold.

    `mood_at_most`: 1 to 5. `repeat_within_days`: the last concern of this customer is at most so many days ago.
    `order_value`: the order is worth at least as much, in the same currency. `managers_at_once` puts the managers
    among the first to be called. `rings_mine` rings although the person who logged the concern handles it alone.
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
        """Add a rule of the organization's own. Conflict when the slug is taken, Invalid without any condition."""
        if session.scalars(select(cls.id).where(cls.slug == slug)).first() is not None:
            raise Conflict(f"There is a rule {slug!r} already.", code="already-exists", pointer="/slug")
        check_bound(session, select(cls.id), most=MAX_ALERT_RULES, of="rules of an organization")
        rule = cls.build(slug=check_slug(slug), **values)
        session.add(rule)
        return rule

    @classmethod
    def build(cls, **values: Any) -> "AlertRule":
        """Return a rule that is not stored, for a backtest. `category` is the row, not a slug."""
        rule = cls(**{"category": None, **values})
        rule._check()
        return rule

    def edit(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self, name, value)
        self._check()
        self.bump_version()

    def drop(self, session: Session) -> None:
        """Delete a rule of the organization's own. Conflict for a built-in rule, which can only be switched off."""
        if self.built_in:
            raise Conflict("This rule was there from the first day: switch it off with enabled=false.")
        session.delete(self)

    def matches(self, concern: Concern) -> bool:
        """Return whether all conditions hold for a concern. `matching_criteria` is the same in SQL."""
        return all(CONDITIONS[name].holds(value, concern) for name, value in self._conditions.items())

    def matching_criteria(self) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the concerns for which all conditions hold: `matches` in SQL."""
        return [CONDITIONS[name].criterion(value) for name, value in self._conditions.items()]

    def rings_despite_mine(self, concern: Concern) -> bool:
        """Return whether this rule calls others although the person who logged the concern handles it alone."""
        return self.enabled and self.rings_mine and concern.kind is not Kind.PRAISE and self.matches(concern)

    @property
    def watched_fields(self) -> frozenset[str]:
        """The fields of a concern this rule looks at, by the names an edit has in the timeline."""
        return frozenset[str]().union(*(CONDITIONS[name].fields for name in self._conditions))

    @property
    def reason(self) -> Reason:
        """The reason this rule gives: of several conditions that of the one that says most."""
        return next(CONDITIONS[name].reason for name in self._conditions)

    @property
    def _conditions(self) -> dict[str, Any]:
        """The conditions that are set, by name, each with the value it compares with."""
        values = {name: getattr(self, name) for name in CONDITIONS}
        return {name: value for name, value in values.items() if value is not None and value is not False}

    def _check(self) -> None:
        if not self._conditions:
            raise Invalid("A rule needs a condition: without one every concern would ring.", pointer="")


class Condition(NamedTuple):
    """One condition of a rule: the reason it gives, the fields of a concern it looks at, and both of its forms.

    Both forms take the value that the rule sets. `holds` decides about one concern in Python, `criterion` about
    stored concerns in SQL; a property test holds the two together.
    """

    reason: Reason
    fields: frozenset[str]
    holds: Callable[[Any, Concern], bool]
    criterion: Callable[[Any], ColumnElement[bool]]


def _is_worth(least: Money, concern: Concern) -> bool:
    value = concern.order_value
    return value is not None and value.currency == least.currency and value.amount >= least.amount


def _repeats_within(days: int, concern: Concern) -> bool:
    seconds = concern.seconds_since_previous
    return seconds is not None and seconds <= days * SECONDS_PER_DAY


# By the attribute of a rule that sets the condition. The condition that says most stands first.
CONDITIONS: Mapping[str, Condition] = {
    "repeat_within_days": Condition(
        Reason.SECOND_CONCERN,
        frozenset({"customer"}),
        _repeats_within,
        lambda days: Concern.seconds_since_previous <= days * SECONDS_PER_DAY,
    ),
    "urgent_category": Condition(
        Reason.URGENT_CATEGORY,
        frozenset({"category", "urgent_as_typed"}),
        lambda _, concern: concern.urgent,
        lambda _: or_(
            Concern.urgent_as_typed,
            Concern.of_categories(select(Category.id).where(Category.urgent, Category.merged_into_id.is_(None))),
        ),
    ),
    "order_value": Condition(
        Reason.ORDER_VALUE,
        frozenset({"order"}),
        _is_worth,
        lambda least: (Concern.order_value_currency == least.currency) & (Concern.order_value_amount >= least.amount),
    ),
    "category_id": Condition(
        Reason.CATEGORY,
        frozenset({"category"}),
        lambda category_id, concern: concern.category is not None and concern.category.id == category_id,
        lambda category_id: Concern.of_categories(select(Category.id).where(Category.id == category_id)),
    ),
    "mood_at_most": Condition(
        Reason.MOOD,
        frozenset({"mood"}),
        lambda most, concern: concern.mood <= most,
        lambda most: Concern.mood <= most,
    ),
}
REASONS_BY_STRENGTH = tuple(condition.reason for condition in CONDITIONS.values())
