"""Assessment of a concern by the organization's alert rules: whether it rings, how severe it is and why."""

from collections.abc import Iterable

from models.alerts.enums import Reason
from models.alerts.rule import CONDITIONS, REASONS_BY_STRENGTH, AlertRule, Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Severity, Status

FEEDBACK_RULE = "customer-feedback"  # stands in place of a rule

# What rules look at, by the field names of an edit in the timeline.
ASSESSED_FIELDS = frozenset({"kind"}).union(*(condition.fields for condition in CONDITIONS.values()))


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
    if concern.unhappy_with_outcome:
        severity = Severity.SEVERE if severe else Severity.NORMAL
        return Assessment(severity, Reason.FEEDBACK, FEEDBACK_RULE, managers_at_once=True)
    if not matching:
        return None
    at_once = any(rule.managers_at_once for rule in matching)
    strongest = min(severe or matching, key=lambda rule: (REASONS_BY_STRENGTH.index(rule.reason), rule.slug))
    return Assessment(strongest.severity, strongest.reason, strongest.slug, at_once)
