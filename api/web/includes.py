"""Reading along: the parts that `include` adds to a concern, each as its own address answers it, and the customers.

The lists of a concern are read here for both: as the answer of their own address, and as a part of the concern.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from flask import g
from sqlalchemy.orm import joinedload

from api.schemas.base import PageQuery
from api.web.pagination import paginate
from models.access import Permission
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent
from models.customers.customer import Customer
from models.operations.guidance import guidance_for_concern
from models.recovery.action import RecoveryAction
from models.recovery.feedback_request import FeedbackRequest
from models.recovery.follow_up import FollowUp

Page = dict[str, Any]


@dataclass(frozen=True)
class WithIncluded:
    """An object as it is answered with what `include` names. Everything else is read from the object."""

    shown: Any
    included: Mapping[str, Any]

    @property
    def version(self) -> int:
        return int(self.shown.version)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.shown, name)


def with_parts(concern: Concern, include: Collection[str]) -> Any:
    """Return a concern with these parts. The customer comes first: others read the same row."""
    if not include:
        return concern
    ordered = sorted(include, key=lambda name: name != "customer")
    return WithIncluded(concern, {name: _PARTS[name](concern) for name in ordered})


def with_customers(page: Page, include: Collection[str]) -> Page:
    """Return a page of what has a `customer_id`, each with the profile if `include` names it: two statements."""
    if "customer" not in include:
        return page
    concerns = [item if isinstance(item, Concern) else item.concern for item in page["items"]]
    customers = _customers(concerns)
    with_profile = zip(page["items"], concerns, strict=True)
    return {
        **page,
        "items": [WithIncluded(item, {"customer": customers.get(concern.id)}) for item, concern in with_profile],
    }


def page_of_actions(concern: Concern, **page: Any) -> Page:
    """Return a page of what was done about a concern, in order."""
    actions = RecoveryAction.select_visible(g.actor, concern_id=concern.id)
    return paginate(actions, RecoveryAction.recorded_at, RecoveryAction.id, **page)


def page_of_follow_ups(concern: Concern, **page: Any) -> Page:
    """Return a page of the follow-ups of a concern, the first due first."""
    return paginate(FollowUp.select_visible(g.actor, concern_id=concern.id), FollowUp.due_at, FollowUp.id, **page)


def page_of_events(concern: Concern, **page: Any) -> Page:
    """Return a page of the timeline of a concern, oldest step first."""
    events = concern.events.select().options(joinedload(ConcernEvent.by)).order_by(None)
    return paginate(events, ConcernEvent.number, **page)


def page_of_feedback_requests(concern: Concern, **page: Any) -> Page:
    """Return a page of the feedback requests of a concern, the first one first."""
    requests = FeedbackRequest.select_visible(g.actor, concern_id=concern.id)
    return paginate(requests, FeedbackRequest.asked_at, FeedbackRequest.id, **page)


def _customers(concerns: Iterable[Concern]) -> dict[UUID, Customer]:
    """Return the profile by concern, of those whose match is sure: nobody greets a stranger by name."""
    named = {concern.id: concern.customer_id for concern in concerns if concern.is_customer_known}
    ids = {customer_id for customer_id in named.values() if customer_id is not None}
    if not ids or not g.actor.may(Permission.CUSTOMER_READ):
        return {}
    profiles = Customer.visible_by_id(g.session, ids, actor=g.actor)
    return {id_: profiles[customer_id] for id_, customer_id in named.items() if customer_id in profiles}


def _first_page(list_: Callable[..., Page], address: str) -> Callable[[Concern], Page]:
    first = PageQuery().load({})
    return lambda concern: list_(concern, address=f"/v1/concerns/{concern.id}/{address}", **first)


_PARTS: Final[dict[str, Callable[[Concern], Any]]] = {
    "customer": lambda concern: _customers([concern]).get(concern.id),
    "actions": _first_page(page_of_actions, "recovery-actions"),
    "follow_ups": _first_page(page_of_follow_ups, "follow-ups"),
    "events": _first_page(page_of_events, "events"),
    "guidance": lambda concern: guidance_for_concern(g.session, concern, by=g.actor, at=g.now),
    "feedback": _first_page(page_of_feedback_requests, "feedback-requests"),
}
