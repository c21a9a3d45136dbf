"""Does it ring, and how badly: pure choice, told from the concern and the organization's rules."""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement

from models.alerts.enums import Reason, Severity
from models.alerts.rule import SECONDS_PER_DAY, AlertRule, Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Handling, Kind, Status

# The strongest first: what makes two rules that ring as badly differ, and what a phone says.
REASONS_BY_STRENGTH = (Reason.SECOND_CONCERN, Reason.URGENT_CATEGORY, Reason.ORDER_VALUE, Reason.CATEGORY, Reason.MOOD)

FEEDBACK_RULE = "customer-feedback"  # stands where the rule would stand that rang

# What a rule looks at, by the names an edit has in the timeline.
ASSESSED_FIELDS = frozenset({"mood", "category", "customer", "order"})


def assess(concern: Concern, rules: Iterable[AlertRule], *, rang_by: str | None = None) -> Assessment | None:
    """The call for help this concern is worth as it stands; None when nobody has to come.

    `rang_by` is the rule that has called for it before: it still counts when it was switched off meanwhile, for the
    customer is as unhappy as before.

    What is taken or over needs nobody else; so `handling: mine` does not ring, because it is taken at birth, and rings
    like any other when it is given back or reopened. Of the rules that fit, the highest severity wins, and the managers
    are called at once when any of them says so.

    Who was asked how it was in the end and said 'bad' is worth a call whatever the rules: to the managers, for it was
    thought to be over once.
    """
    if concern.kind is Kind.PRAISE or concern.status is not Status.OPEN:
        return None
    matching_criteria = [rule for rule in rules if (rule.enabled or rule.slug == rang_by) and rule.matches(concern)]
    severe = [rule for rule in matching_criteria if rule.severity is Severity.SEVERE]
    if concern.unhappy_after_all:
        severity = Severity.SEVERE if severe else Severity.NORMAL
        return Assessment(severity, Reason.FEEDBACK, FEEDBACK_RULE, managers_at_once=True)
    if not matching_criteria:
        return None
    at_once = any(rule.managers_at_once for rule in matching_criteria)
    strongest = min(
        severe or matching_criteria, key=lambda rule: (REASONS_BY_STRENGTH.index(reason_of(rule)), rule.slug)
    )
    return Assessment(strongest.severity, reason_of(strongest), strongest.slug, at_once)


def matching_criteria(rule: AlertRule) -> Sequence[ColumnElement[bool]]:
    """What AlertRule.fits asks, for the database, to try a rule on what was logged; without what would not ring."""
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
        criteria.append(Concern.order_value_currency == rule.order_value.currency)
        criteria.append(Concern.order_value_amount >= rule.order_value.amount)
    return criteria


def reason_of(rule: AlertRule) -> Reason:
    """What a rule is about, where it has several conditions: the one that says most."""
    if rule.repeat_within_days is not None:
        return Reason.SECOND_CONCERN
    if rule.urgent_category:
        return Reason.URGENT_CATEGORY
    if rule.order_value is not None:
        return Reason.ORDER_VALUE
    return Reason.CATEGORY if rule.category_id is not None else Reason.MOOD
