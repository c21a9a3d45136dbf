"""OpenAPI document of choices: each is one schema with a name, to which every use of it refers.

Generators of clients make one type of each. A choice is known by its values: `NAMES` says what it is called.
"""

from typing import Any

from apispec import APISpec

PREFIX = "#/components/schemas/"
OPEN = "Later releases may answer more values: show one that you do not know as other."
NAMES = {
    "AlertReason": "category feedback mood order_value second_concern urgent_category",
    "Severity": "normal severe",
    "AlertState": "cancelled late open resolved taken unanswered",
    "BusinessDateRule": "store",
    "Grouping": "category cause channel day group hour item kind month question region remedy store week weekday",
    "ApiKeyScope": "concerns:read concerns:write customers:read customers:write exports:read orders:write "
    "reports:read settlements:write shifts:write staff:write",
    "ConcernKind": "concern praise request",
    "ConcernStatus": "open resolved taken voided",
    "StoreKind": "restaurant retail",
    "ChangeKind": "alert category concern feedback_request follow_up question recovery_action region remedy store "
    "store_day store_group",
    "ChangeOperation": "delete upsert",
    "Role": "admin floor head_office manager regional",
    "Channel": "delivery in_person online phone qr",
    "Handling": "help mine",
    "Outcome": "lost recovered unknown",
    "ConcernSource": "customer staff",
    "ConcernStep": "action_approved action_declined action_expired action_recorded action_reversed action_reviewed "
    "action_settled edited feedback_asked feedback_given handed_over logged outcome_waits promise_broken "
    "promise_cancelled promise_handed_over promise_kept promised released reopened resolved taken voided",
    "ConsentSource": "app in_person phone web",
    "ControlLimit": "95 99.8",
    "CustomerField": "allergies consent email languages loyalty_number name phone preferences preferred_name "
    "pronunciation tags",
    "PushAddressKind": "fcm_token fid log",
    "Platform": "android ios web",
    "DuplicateReason": "email loyalty_number name phone",
    "GroupKind": "brand district franchisee other",
    "MutableKind": "carried_over closed_store late outcome own praise",
    "AboveLimit": "act_first ask_first",
    "UnreachedReason": "no_phone nobody off_shift paused quiet_hours store_closed",
    "FollowUpKind": "call message other replacement visit",
    "FollowUpStatus": "broken cancelled kept open",
    "Weekday": "friday monday saturday sunday thursday tuesday wednesday",
    "ImportedAs": "created refused unchanged updated",
    "LineFaultCode": "duplicate-line forbidden in-use invalid invalid-character malformed-line missing-column "
    "missing-value repeated-column too-long too-many unknown unknown-column",
    "Settlement": "failed none recorded requested settled",
    "RecoveryActionStatus": "declined done expired pending reversed",
    "SignInMethod": "password pin",
    "RemedyKind": "apology discount explanation gift other refund remake replacement voucher",
    "StepAudience": "lead managers on_shift regional",
    "NotificationKind": "approval broken carried_over closed_store code_by_mail code_made contact_missing daily_log "
    "day_limit decision factor_removed follow_up hand_over late outcome own pause phone_elsewhere phone_taken praise "
    "reminder ring shift_ended sign_in_expired still_here test unanswered unanswered_severe",
    "NotificationState": "accepted expired failed leased opened queued received shown suppressed",
    "ErrorLocation": "body header path query",
    "ReceiptEvent": "opened received shown",
    "ShiftEndReason": "by_clock by_colleague checked_out left moved ran_out signed_out store_closed",
    "ReportClock": "wall",
    "RecoveryGrouping": "category cause channel day group hour month region store week weekday",
    "SettledAs": "failed requested settled",
    "CustomerInclude": "customer",
    "ConcernSort": "-received_at received_at severity",
    "ConcernInclude": "actions customer events feedback follow_ups guidance",
    "CauseGrouping": "channel day group hour month region store week weekday",
    "FollowUpGrouping": "day group hour kind month region store week weekday",
    "ListeningGrouping": "day group hour month question region store week weekday",
    "Comparison": "last_year previous",
}
# Known by what it is, for its values are those of the code and grow with it.
PERMISSION = "Permission"
_BY_VALUES = {frozenset(values.split()): name for name, values in NAMES.items()}


def name_enums(spec: APISpec) -> None:
    """Replace each list of values in the document by a reference to the schema of that choice.

    What is replaced may be the metadata of a field, which further documents are made of: it is copied, not changed.
    """
    choices: dict[str, Any] = {}
    for parts in (spec.to_dict()["paths"], spec.components.schemas):
        for name, part in list(parts.items()):
            parts[name] = _with_names(part, choices)
    spec.components.schemas.update(choices)


def _with_names(part: Any, choices: dict[str, Any]) -> Any:
    """Return the part with references, and add to `choices` the schemas to which they refer."""
    if isinstance(part, list):
        return [_with_names(inner, choices) for inner in part]
    if not isinstance(part, dict):
        return part
    copied = {name: _with_names(inner, choices) for name, inner in part.items()}
    if not isinstance(part.get("enum"), list):
        return copied
    values = [value for value in copied.pop("enum") if value is not None]
    name = PERMISSION if "concern:log" in values else _BY_VALUES.get(frozenset(values))
    if name is None:
        return part
    choices.setdefault(name, {"type": "string", "enum": values, "description": OPEN})
    nullable = None in part["enum"] or "null" in copied.get("type", ())
    copied.pop("type", None)
    reference = {"$ref": PREFIX + name}
    return {**copied, **({"anyOf": [reference, {"type": "null"}]} if nullable else reference)}
