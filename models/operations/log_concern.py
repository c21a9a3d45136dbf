"""Use cases of logging and updating a concern: finds what it refers to, records actions and the outcome, in one go.

A new concern is never refused for what can be sorted out later: what cannot stand is left out and kept as it was typed.
A change of a concern is strict.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from models.access import Actor, Permission
from models.alerts.alert import Alert
from models.concerns.concern import MODELS_BY_SLUG_FIELD, Concern, as_json, plausible_time
from models.concerns.concern_item import ConcernItem
from models.concerns.enums import Channel, Handling, Kind
from models.concerns.event import ConcernEvent
from models.concerns.previous import NO_PAST, CustomerPast, find_past, with_first_contact
from models.concerns.ranges import MOODS, QUANTITIES, TIMES_TOLD, price_of
from models.concerns.references import find_typed, resolve_slugs
from models.customers.consent import Consent, contact_consent_columns
from models.customers.contact_budget import ContactBudget, contacts_in
from models.customers.contacts import usable_contacts
from models.customers.customer import AmbiguousCustomer, Customer
from models.db.bounds import too_many
from models.db.session import ScopedSession
from models.db.text import fold
from models.errors import Conflict, DomainError, Invalid, InvalidState
from models.operations.urgent_words import has_urgent_word
from models.operations.void_concern import change_kind, link_later_concerns, lock_later_concerns
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.policy_defaults import MAX_NEW_ITEMS_PER_DAY
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.approvals import record_action
from models.recovery.budget import Spending
from models.recovery.feedback_request import FeedbackRequest
from models.recovery.follow_up import FollowUp
from models.recovery.order_cap import OrderChange
from models.recovery.recount import recount_customer, recount_order
from models.recovery.remedy import Remedy
from models.staff.default_store import find_default_store, get_default_store
from models.staff.staff import Staff

# Needed to assess the new concern: loaded in the same statement as the store.
_RULES = (joinedload(Store.alert_rules), joinedload(Store.policies))

# Visible to whoever sees the concern, with an entry of their own in the change feed.
CONCERN_CHILDREN: tuple[type[RecoveryAction | FollowUp | Alert | FeedbackRequest], ...] = (
    RecoveryAction,
    FollowUp,
    Alert,
    FeedbackRequest,
)
MODELS_BY_ID_FIELD: dict[str, type[Staff | Concern]] = {"praised": Staff, "linked": Concern}
DAY = timedelta(days=1)
ENDING_FIELDS = ("outcome", "mood_after")


def log_concern(
    session: ScopedSession, data: dict[str, Any], *, by: Actor, at: datetime, budget: ContactBudget | None = None
) -> list[ConcernEvent]:
    """Log a concern with everything that came with it. What of it cannot stand is kept as it was typed.

    Args:
        data: a new concern as the API accepts it (see NewConcernSchema). Without `store_id` see `find_default_store`.
        budget: of the contacts that the request may look up; None where nobody asks. Beyond it nobody is looked up.

    While an action needs approval, how the concern ended waits for that.

    Returns the events for the caller to announce: first the logging, then actions that need approval, and those that
    take the store over the limit of its day.

    Raises Invalid without a store, and NotFound, with a pointer, for one that `by` may not see.
    """
    sent = dict(data)
    store, reporter = _store_and_reporter(session, sent, by=by, at=at)
    actions, ending = sent.pop("recovery_actions", []), {name: sent.pop(name) for name in ENDING_FIELDS if name in sent}
    references = _find_references(session, sent, store=store, by=by, at=at, budget=budget)
    event = Concern.log(by=by, reporter=reporter, store=store, at=at, **references)
    session.add(event.concern)
    recorded, left_out, nobody_may = _record_actions(session, event.concern, actions, by=by, at=at)
    if left_out:
        event.concern.keep_as_typed({"recovery_actions": left_out})
    pending = [step for action, step in recorded if action.status is ActionStatus.PENDING]
    if nobody_may:  # it did not end with what could not be given
        event.concern.keep_as_typed(ending)
    else:
        _end(event.concern, ending, waits=bool(pending), by=by, at=at)
    in_order = sorted((action for action, _ in recorded), key=lambda action: (action.recorded_at, action.id))
    set_committed_value(event.concern, "actions", in_order)
    return [event, *pending, *(step for _, step in recorded if step.details.get("beyond_day_limit"))]


def update_concern(
    session: ScopedSession, concern: Concern, data: dict[str, Any], *, by: Actor, at: datetime
) -> ConcernEvent:
    """Complete or correct a concern; None clears a field. A new `kind`: see `change_kind`.

    Raises InvalidState once it is voided, NotFound, with a pointer, for anything that `by` may not see, Invalid where
    it is linked to itself, for the value of an order in another currency than the store's, and where its refunds would
    be more than the order is worth, and Forbidden for whoever may not loosen the cap of an order that something was
    given for. What was given to somebody unknown is compared with the limits of whom or what it names now: `recount`.
    """
    concern.refuse_if_voided()
    _check_confirmation(concern, data)
    kind_before, sensitive_before = concern.kind, concern.sensitive
    kind = data.get("kind", kind_before)
    counts_anew = kind is not kind_before and Kind.PRAISE in {kind, kind_before}
    if counts_anew and (customer_id := data.get("customer_id")):
        lock_later_concerns(session, concern, Customer.surviving_id(customer_id))
    changes = _resolve_references(session, dict(data), concern, by=by, at=at)  # locks the customer, before the store
    order_change = _check_order(session, concern, data["order"]) if "order" in data else None
    if "customer" in changes:
        concern.set_past(changes.pop("past"))
        changes["ambiguous_customer"] = False
    if concern.urgent_as_typed and (changes.get("category") or changes.get("cause")):
        changes["urgent_as_typed"] = False
    concern.forget_as_typed(data)
    if kind is not kind_before:
        change_kind(session, concern, kind, by=by, at=at)
    event = concern.edit(by=by, at=at, **changes)
    if order_change is not None:
        order_change.check_not_loosened(session, concern, by=by, at=at)
        order_change.check_refunds(session, concern)
        recount_order(session, concern)
    if "customer" in changes:
        recount_customer(session, RecoveryAction.name_customer(session, concern), concern.customer_id)
    if counts_anew:
        link_later_concerns(session, concern)
    if concern.sensitive is not sensitive_before:
        for child in CONCERN_CHILDREN:
            session.mark_changed(session.scalars(select(child).where(child.concern_id == concern.id)).unique())
    return event


def _check_confirmation(concern: Concern, data: Mapping[str, Any]) -> None:
    """Raise Invalid for a confirmed match with nobody."""
    if data.get("customer_confirmed") and data.get("customer_id", concern.customer_id) is None:
        raise Invalid("This concern names no customer who could be confirmed.", pointer="/customer_confirmed")


def _check_order(session: ScopedSession, concern: Concern, order: dict[str, Any] | None) -> OrderChange:
    """Return the change of the order it names. Invalid for a value in another currency than the store's."""
    value, currency = (order or {}).get("value"), concern.store.currency_on(concern.business_date)
    if value is not None and value.currency != currency:
        raise Invalid(f"This store counts in {currency}.", pointer="/order/value/currency")
    reference = (order or {}).get("reference")
    return OrderChange(session, concern, to=fold(reference) if reference else None)


def _store_and_reporter(
    session: ScopedSession, sent: dict[str, Any], *, by: Actor, at: datetime
) -> tuple[Store, Staff | None]:
    """Take the named store, or else the one where the person worked, together with them where they are loaded."""
    if (store_id := sent.pop("store_id", None)) is not None:
        return Store.get_visible(session, store_id, actor=by, pointer="/store_id", options=_RULES), None
    occurred_at = plausible_time(sent.get("occurred_at") or at, at=at)
    return get_default_store(session, by=by, at=at, occurred_at=occurred_at, options=_RULES)


def default_store(session: ScopedSession, store_id: UUID | None, *, by: Actor, at: datetime) -> Store | None:
    """Return the named store, else what `find_default_store` finds, else the first store the person belongs to."""
    if store_id is not None:
        return Store.get_visible(session, store_id, actor=by, pointer="/store_id")
    store, _ = find_default_store(session, by=by, at=at)
    if store is None and by.store_ids:
        return Store.get_visible(session, min(by.store_ids), actor=by)
    return store


def phone_country(session: ScopedSession, store: Store | None, *, by: Actor) -> str | None:
    """Return the country that national phone numbers are read with: the store's, else the organization's, if any."""
    return store.country if store else Organization.get(session, by.organization_id).phone_region


# ------------------------------------------------------------------------------------------- of a new concern: lenient


def _find_references(
    session: ScopedSession,
    sent: dict[str, Any],
    *,
    store: Store,
    by: Actor,
    at: datetime,
    budget: ContactBudget | None,
) -> dict[str, Any]:
    """Return the fields of a new concern: rows in place of slugs, names, ids and the customer, whom the store has met.

    What means nothing is left out and stands in `as_typed`. Catalogue items come first: whoever waits for another
    transaction to insert an item then holds no lock that others wait for.
    """
    fields = dict(sent)
    left_out = _leave_out_of_range(fields, store, at=at)
    if items := fields.pop("items", None):
        standing = [item for item in items if _can_be(item)]
        named = _with_rows(session, standing, store_id=store.id, sensitive=fields.get("sensitive", False), by=by, at=at)
        fields["items"] = [item for item in named if item["item"] is not None]
        others = [sent for sent, item in zip(standing, named, strict=True) if item["item"] is None]
        others += [item for item in items if not _can_be(item)]
        left_out |= {"items": others} if others else {}
    for name, model in MODELS_BY_ID_FIELD.items():
        if id_ := fields.pop(f"{name}_id", None):
            visible = select(model).where(model.id == id_, *model.visible_to(by))
            fields[name] = session.scalars(visible).one_or_none()
            left_out |= {} if fields[name] else {f"{name}_id": id_}
    customer_id, details = fields.pop("customer_id", None), dict(fields.pop("customer", None) or {})
    consent = details.pop("consent", None)
    answered_at = min(plausible_time(sent.get("occurred_at") or at, at=at), at)
    may_answer = consent is not None and by.may(Permission.CUSTOMER_WRITE)
    contacts, unusable = ({}, details) if customer_id else usable_contacts(details, store.country)
    if _is_over_budget(budget, contacts, store):
        contacts, unusable = {}, details
    select_customer = partial(_select_customer, customer_id, contacts, by=by, for_answer=may_answer)
    customer, at_once = select_customer(), select_customer(waits=False)
    typed = {name: text for name in MODELS_BY_SLUG_FIELD if fold(text := fields.pop(name, "")).strip()}
    meant, unknown = find_typed(session, typed, store_id=store.id, customer=at_once, before=at)
    fields |= meant
    if customer is not None:
        answer = contact_consent_columns(consent, by=by, at=answered_at) if may_answer else {}
        fields |= _meet_customer(
            session, customer, customer_id, contacts, consent=answer, rows=meant, store=store, at=at
        )
        if fields["customer"] is None:
            unusable = {**details} if contacts else unusable
            left_out |= {"customer_id": customer_id} if customer_id else {}
    if consent and not (may_answer and _is_latest_answer(fields.get("customer"), consent, at=answered_at)):
        unusable = {**unusable, "consent": consent}
    left_out |= {"customer": unusable} if unusable else {}
    left_out |= unknown
    words = [unknown[name] for name in ("category", "cause") if name in unknown]
    is_mine = fields.get("handling") is Handling.MINE
    fields["urgent_as_typed"] = bool(words) and (is_mine or has_urgent_word(session, words))
    return {**fields, "as_typed": as_json(left_out) or None}


def _is_over_budget(budget: ContactBudget | None, contacts: dict[str, str], store: Store) -> bool:
    """Count the contacts, and return whether they are too many to be looked up. A name alone finds nobody."""
    named = contacts_in(contacts)
    return budget is not None and bool(named) and not budget.spend(named, store_id=store.id).allowed


def _with_rows(
    session: ScopedSession,
    items: Sequence[dict[str, Any]],
    *,
    store_id: UUID,
    sensitive: bool,
    by: Actor,
    at: datetime,
) -> list[dict[str, Any]]:
    """Return the items with their rows in the catalogue, which grows by those that are new until it is full."""
    if not items:
        return []
    named_lately = (
        select(CatalogueItem.id)
        .join(ConcernItem, ConcernItem.item_id == CatalogueItem.id)
        .join(Concern, Concern.id == ConcernItem.concern_id)
        .where(
            Concern.store_id == store_id,
            Concern.received_at > at - DAY,
            Concern.reported_by_id == by.staff_id,
            CatalogueItem.created_at > at - DAY,
        )
        .distinct()
    )
    rows = CatalogueItem.find_or_create(session, items, named_lately=named_lately, sensitive=sensitive, at=at)
    return [{"item": row, "quantity": item.get("quantity", 1)} for row, item in zip(rows, items, strict=True)]


def _is_latest_answer(customer: Customer | None, consent: Mapping[str, Any], *, at: datetime) -> bool:
    """Return whether this is the latest answer of the customer: no later one stands in the profile."""
    return customer is not None and customer.consent == Consent(consent["contact"], at, consent["source"])


def _select_customer(
    customer_id: UUID | None, contacts: dict[str, str], *, by: Actor, for_answer: bool = False, waits: bool = True
) -> Select[Customer] | None:
    """Return the statement for the wanted profile, if any: by its id, or by contacts in their normal form."""
    if customer_id is not None:
        is_meant = Customer.id == Customer.surviving_id(customer_id)
        return Customer.select_for_update(and_(is_meant, *Customer.visible_to(by)), for_answer=for_answer, waits=waits)
    if contacts:
        criterion, may_complete = Customer.matches_contacts(contacts), len(contacts) > 1
        return Customer.select_for_update(criterion, for_change=may_complete, for_answer=for_answer, waits=waits)
    return None


def _meet_customer(
    session: ScopedSession,
    stmt: Select[Customer],
    customer_id: UUID | None,
    contacts: dict[str, str],
    *,
    consent: Mapping[str, Any],
    rows: dict[str, Any],
    store: Store,
    at: datetime,
) -> dict[str, Any]:
    """Return `customer`, whom the store has met from now on, their `past`, and what is known of the match.

    The customer is None where there is none, and where the contacts belong to several or somebody changes them now.
    """
    known, ambiguous = rows["customer"], False
    if customer_id is not None:
        customer = known or Customer.wait_for(session, stmt)
        if customer is not None:
            customer.meet(session, store.id, at)
            customer.record_consent(session, consent, store_id=store.id)
    else:
        try:
            customer = Customer.recognise(session, contacts, known=known, at=at, store_id=store.id, consent=consent)
        except Conflict as conflict:
            customer, ambiguous = None, isinstance(conflict, AmbiguousCustomer)
    waited = customer is not known
    past = _past(session, customer, known=rows["past"], waited=waited, store=store, before=at)
    is_meant = customer is not None and (customer_id is not None or customer.created_at == at)
    return {"customer": customer, "past": past, "ambiguous_customer": ambiguous, "customer_confirmed": is_meant}


def _past(
    session: ScopedSession,
    customer: Customer | None,
    *,
    known: CustomerPast,
    waited: bool,
    store: Store,
    before: datetime,
) -> CustomerPast:
    """Return the past of the customer. After a wait for them, what was read before it may be older."""
    if customer is None:
        return known
    if waited:
        return find_past(session, customer, store=store, before=before)
    return with_first_contact(known, customer, store=store, before=before)


def _leave_out_of_range(fields: dict[str, Any], store: Store, *, at: datetime) -> dict[str, Any]:
    """Take the values out of the fields that a new concern cannot have, and return them."""
    left_out: dict[str, Any] = {}
    if fields.get("times_told", TIMES_TOLD[0]) not in TIMES_TOLD:
        left_out["times_told"] = fields.pop("times_told")
    if fields.get("channel") is Channel.QR:  # the customer's own way
        left_out["channel"] = fields.pop("channel")
    order = fields.get("order") or {}
    if (value := order.get("value")) is not None:
        business_date = store.business_date(plausible_time(fields.get("occurred_at") or at, at=at))
        price = price_of(value)
        is_ours = price is not None and price.currency == store.currency_on(business_date)
        fields["order"] = {**order, "value": price if is_ours else None}
        left_out |= {"order": {"value": value}} if fields["order"]["value"] is None else {}
    return left_out


def _can_be(item: dict[str, Any]) -> bool:
    """Return whether there is such an item."""
    return bool(item.get("slug") or item.get("name")) and item.get("quantity", 1) in QUANTITIES


def _record_actions(
    session: ScopedSession, concern: Concern, actions: Sequence[dict[str, Any]], *, by: Actor, at: datetime
) -> tuple[list[tuple[RecoveryAction, ConcernEvent]], list[dict[str, Any]], bool]:
    """Record the actions.

    Returns them, each with its event, the actions that cannot stand, and whether one of them cannot because nobody may
    approve it.
    """
    nobody_may = False
    done: list[tuple[RecoveryAction, ConcernEvent]] = []
    left_out: list[dict[str, Any]] = []
    typed = list(dict.fromkeys(action["remedy"] for action in actions if "remedy" in action))
    remedies = Remedy.find_typed(session, typed) if typed else {}
    ids: set[UUID] = set()
    spending = Spending(session, concern, by=by, on=concern.store.business_date(at))
    for fields in actions:
        remedy = remedies.get(fields.get("remedy", ""))
        recorded = None
        if remedy is not None and fields.get("id") not in ids:
            try:
                recorded = _record_typed(session, concern, remedy, fields, spending=spending, by=by, at=at)
            except DomainError as error:
                nobody_may |= error.code == "nobody-may-approve"
        if recorded is None:
            left_out.append(fields)
        else:
            done.append(recorded)
            ids |= {recorded[0].id} if "id" in fields else set()
    return done, left_out, nobody_may


def _record_typed(
    session: ScopedSession,
    concern: Concern,
    remedy: Remedy,
    fields: dict[str, Any],
    *,
    spending: Spending,
    by: Actor,
    at: datetime,
) -> tuple[RecoveryAction, ConcernEvent] | None:
    """Record an action as it was typed. Returns None for a cost that cannot be, and raises as `record_action` does."""
    cost = price_of(fields["cost"]) if "cost" in fields else None
    if cost is None and "cost" in fields:
        return None
    values = {**fields, "remedy": remedy, "cost": cost}
    return record_action(session, concern, spending=spending, by=by, at=at, **values)


def _end(concern: Concern, ending: dict[str, Any], *, waits: bool, by: Actor, at: datetime) -> None:
    """Record how the concern ended, if that was sent and fits, or how it ends if what waits is approved."""
    left_out = {"mood_after": ending.pop("mood_after")} if ending.get("mood_after", MOODS[0]) not in MOODS else {}
    try:
        if "outcome" in ending and waits:
            concern.end_on_approval(by=by, at=at, **ending)
        elif "outcome" in ending:
            concern.resolve(by=by, at=at, **ending)
        else:
            left_out |= ending
    except InvalidState:
        left_out |= ending
    concern.keep_as_typed(left_out)


# ------------------------------------------------------------------------------------------------ of a change: strict


def _resolve_references(
    session: ScopedSession, data: dict[str, Any], concern: Concern, *, by: Actor, at: datetime
) -> dict[str, Any]:
    """Return `data` with rows in place of slugs, ids and the customer, whom this store has met from now on.

    With a customer comes their `past` before this concern. Who names a customer is sure of them, unless the change
    says otherwise. Catalogue items first, as in a new concern.
    """
    if items := data.get("items"):
        sensitive = concern.sensitive or data.get("sensitive", False)
        data["items"] = _with_rows(session, items, store_id=concern.store_id, sensitive=sensitive, by=by, at=at)
        if any(item["item"] is None for item in data["items"]):
            raise too_many(MAX_NEW_ITEMS_PER_DAY, "new items within a day", "use the name of one there is")
    customer_id = data.get("customer_id")
    if "customer_id" in data:
        data["customer"] = data.pop("customer_id")
    customer_stmt, at_once = (_select_customer(customer_id, {}, by=by, waits=waits) for waits in (True, False))
    for name, model in MODELS_BY_ID_FIELD.items():
        if (field := f"{name}_id") in data:
            id_ = data.pop(field)
            if id_ == concern.id:
                raise Invalid("A concern is not linked to itself.", pointer=f"/{field}")
            data[name] = model.get_visible(session, id_, actor=by, pointer=f"/{field}") if id_ else None
    before = concern.received_at
    resolved = resolve_slugs(
        session,
        data,
        store_id=concern.store_id,
        category=concern.category,
        customer=at_once,
        before=before,
    )
    if "customer" not in resolved:
        return resolved
    customer, known = None, resolved["customer"]
    if customer_stmt is not None and customer_id is not None:
        customer = known or Customer.wait_for(session, customer_stmt)
        if customer is None:
            raise Customer.not_visible_error(customer_id, pointer="/customer_id")
        customer.meet(session, concern.store_id, at)
    waited, known_past = customer is not known, resolved.get("past", NO_PAST)
    past = _past(session, customer, known=known_past, waited=waited, store=concern.store, before=before)
    confirmed = customer is not None and data.get("customer_confirmed", True)
    return {**resolved, "customer": customer, "past": past, "customer_confirmed": confirmed}
