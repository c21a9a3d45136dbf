"""Does it ring, and how badly: pure choice, told from the concern and the organization's rules."""

from collections.abc import Iterable

from models.alerts.enums import Reason, Severity
from models.alerts.rule import CONDITIONS, REASONS_BY_STRENGTH, AlertRule, Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status

FEEDBACK_RULE = "customer-feedback"  # stands where the rule would stand that rang

# What a rule looks at, by the names an edit has in the timeline.
ASSESSED_FIELDS = frozenset(condition.field for condition in CONDITIONS.values())


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
