"""Follow-ups: what was promised to customers, and whether it was kept."""

from dataclasses import dataclass
from typing import Any

from flask import g

from api.pages.table_forms import answers_list
from api.schemas.base import PageQuery, page_of
from api.schemas.follow_ups import (
    CancelSchema,
    FollowUpQuery,
    FollowUpSchema,
    HandedOverFollowUpSchema,
    HandOverFollowUpSchema,
    KeepSchema,
    ListedFollowUpSchema,
    NewFollowUpSchema,
)
from api.schemas.includes import FollowUpWithCustomerSchema
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.includes import page_of_follow_ups, with_customers
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.recovery.follow_up import FollowUp
from models.staff.phones_in_reach import count_phones
from notifications.decide.follow_ups import announce_follow_up

blp = Blueprint("follow-ups", __name__, "Follow-ups: what was promised to customers, and whether it was kept")


@dataclass(frozen=True)
class HandedOverFollowUp:
    """A follow-up as the answer to handing it over: with the number of phones of its new owner."""

    follow_up: FollowUp
    phones: int | None

    @property
    def version(self) -> int:
        return self.follow_up.version


@blp.route("/concerns/<uuid:concern_id>/follow-ups")
class ConcernFollowUps(Resource):
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.RECOVERY_ACT}
    path_models = {"concern_id": Concern}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(ListedFollowUpSchema))
    def get(self, query: dict[str, Any], concern: Concern) -> dict[str, Any]:
        """List the follow-ups of a concern, the first due first

        Also those that were kept, broken or cancelled.
        """
        return page_of_follow_ups(concern, **query)

    @blp.arguments(NewFollowUpSchema)
    @blp.response(201, ListedFollowUpSchema)
    @idempotent(FollowUp, status=201)
    def post(self, data: dict[str, Any], concern: Concern) -> FollowUp:
        """Promise something to the customer, also once the concern is resolved

        Its owner is reminded 30 minutes before. When its time has passed it is `broken`, and the managers are notified.
        """
        follow_up, event = FollowUp.create(g.session, concern, by=g.actor, at=g.now, **data)
        announce_follow_up(g.session, follow_up, event)
        return follow_up


@blp.route("/follow-ups")
class FollowUps(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_READ}

    @blp.arguments(FollowUpQuery, location="query")
    @answers_list(blp, FollowUpWithCustomerSchema, "Follow-ups", line_schema=FollowUpSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List follow-ups, the first due first

        Also those that are over: `status=open,broken` for those that are still owed.
        """
        include = query.pop("include", ())
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        follow_ups = FollowUp.select_visible(g.actor, **query)
        return with_customers(paginate(follow_ups, FollowUp.due_at, FollowUp.id, **page), include)


@blp.route("/follow-ups/<uuid:follow_up_id>")
class FollowUpById(Resource):
    permissions = {"GET": Permission.CONCERN_READ}
    path_models = {"follow_up_id": FollowUp}

    @blp.response(200, ListedFollowUpSchema)
    def get(self, follow_up: FollowUp) -> FollowUp:
        """Read a follow-up

        404 for one of a concern that the person may not see.
        """
        return follow_up


@blp.route("/follow-ups/<uuid:follow_up_id>/keep")
class KeepFollowUp(Resource):
    permissions = {"POST": Permission.RECOVERY_ACT}
    path_models = {"follow_up_id": FollowUp}

    @blp.arguments(KeepSchema)
    @blp.response(200, ListedFollowUpSchema)
    @idempotent(FollowUp, status=200)
    def post(self, data: dict[str, Any], follow_up: FollowUp) -> FollowUp:
        """Record that the customer got what was promised; a broken promise may still be kept, late

        409 `not-now` once it is kept or cancelled.
        """
        announce_follow_up(g.session, follow_up, follow_up.keep(by=g.actor, at=g.now, **data))
        return follow_up


@blp.route("/follow-ups/<uuid:follow_up_id>/cancel")
class CancelFollowUp(Resource):
    permissions = {"POST": Permission.RECOVERY_ACT}
    path_models = {"follow_up_id": FollowUp}

    @blp.arguments(CancelSchema)
    @blp.response(200, ListedFollowUpSchema)
    @idempotent(FollowUp, status=200)
    def post(self, data: dict[str, Any], follow_up: FollowUp) -> FollowUp:
        """Cancel a follow-up that the customer does not want any more, and say why

        One whose time has passed counts as broken all the same. 409 `not-now` once it is kept or cancelled.
        """
        announce_follow_up(g.session, follow_up, follow_up.cancel(by=g.actor, at=g.now, **data))
        return follow_up


@blp.route("/follow-ups/<uuid:follow_up_id>/hand-over")
class HandOverFollowUp(Resource):
    permissions = {"POST": Permission.RECOVERY_ACT}
    path_models = {"follow_up_id": FollowUp}

    @blp.arguments(HandOverFollowUpSchema)
    @blp.response(200, HandedOverFollowUpSchema)
    @idempotent(FollowUp, status=200, on_replay=lambda follow_up, _: HandedOverFollowUp(follow_up, phones=None))
    def post(self, data: dict[str, Any], follow_up: FollowUp) -> HandedOverFollowUp:
        """Hand a follow-up over to a colleague who works in the store, on shift or not, and is notified

        `phones` says how many phones reach the colleague at this moment.
        """
        event = follow_up.hand_over(g.session, data["staff_id"], by=g.actor, at=g.now)
        announce_follow_up(g.session, follow_up, event)
        return HandedOverFollowUp(follow_up, count_phones(g.session, data["staff_id"], at=g.now))
