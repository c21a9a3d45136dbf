"""Assessment of a concern by the organization's alert rules: whether it rings, how severe it is and why."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement

from models.alerts.enums import Reason, Severity
from models.alerts.rule import SECONDS_PER_DAY, AlertRule, Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Handling, Kind, Status

# The strongest first. It decides between rules of the same severity, and what stands on the phone.
REASONS_BY_STRENGTH = (Reason.SECOND_CONCERN, Reason.URGENT_CATEGORY, Reason.ORDER_VALUE, Reason.CATEGORY, Reason.MOOD)

FEEDBACK_RULE = "customer-feedback"  # stands in place of a rule

# What rules look at, by the field names of an edit in the timeline.
ASSESSED_FIELDS = frozenset({"mood", "category", "customer", "order"})


def assess(concern: Concern, rules: Iterable[AlertRule], *, rang_by: str | None = None) -> Assessment | None:
    """Return the alert this concern is worth as it stands, or None when nobody has to come.

    Only open concerns ring. So one with `handling: mine` does not, because it is taken from the start, and rings like
    any other when it is released or reopened. Of the rules that match, the highest severity wins, and the managers are
    called at once when any of them says so.

    A customer whose feedback is bad is worth an alert whatever the rules are: it calls the managers, because the
    concern was thought to be over.

    Args:
        concern: the concern to assess.
        rules: the organization's rules.
        rang_by: the rule that has rung for this concern before. It counts even if it was switched off meanwhile,
            because the customer is as unhappy as before.

    """
    if concern.kind is Kind.PRAISE or concern.status is not Status.OPEN:
        return None
    matching = [rule for rule in rules if (rule.enabled or rule.slug == rang_by) and rule.matches(concern)]
    severe = [rule for rule in matching if rule.severity is Severity.SEVERE]
    if concern.unhappy_after_all:
        severity = Severity.SEVERE if severe else Severity.NORMAL
        return Assessment(severity, Reason.FEEDBACK, FEEDBACK_RULE, managers_at_once=True)
    if not matching:
        return None
    at_once = any(rule.managers_at_once for rule in matching)
    strongest = min(severe or matching, key=lambda rule: (REASONS_BY_STRENGTH.index(reason_of(rule)), rule.slug))
    return Assessment(strongest.severity, reason_of(strongest), strongest.slug, at_once)


def matching_criteria(rule: AlertRule) -> Sequence[ColumnElement[bool]]:
    """Return AlertRule.matches as SQL criteria, for past concerns; praise and late concerns never match."""
    criteria: list[ColumnElement[bool]] = [Concern.kind != Kind.PRAISE, Concern.late.is_(False)]
    if not rule.rings_mine:
        criteria.append(Concern.handling != Handling.MINE)
    if rule.mood_at_most is not None:
        criteria.append(Concern.mood <= rule.mood_at_most)
    if rule.urgent_category:
        criteria.append(Concern.category.has(urgent=True))
    if rule.category_id is not None:
        criteria.append(Concern.category_id == rule.category_id)
    if rule.repeat_within_days is not None:
        criteria.append(Concern.seconds_since_previous <= rule.repeat_within_days * SECONDS_PER_DAY)
    if rule.order_value is not None:
        columns = Concern.__table__.c
        criteria.append(columns.order_value_currency == rule.order_value.currency)
        criteria.append(columns.order_value_amount >= rule.order_value.amount)
    return criteria


def reason_of(rule: AlertRule) -> Reason:
    """Return the reason a rule stands for; of several conditions, the one that says most."""
    if rule.repeat_within_days is not None:
        return Reason.SECOND_CONCERN
    if rule.urgent_category:
        return Reason.URGENT_CATEGORY
    if rule.order_value is not None:
        return Reason.ORDER_VALUE
    return Reason.CATEGORY if rule.category_id is not None else Reason.MOOD
