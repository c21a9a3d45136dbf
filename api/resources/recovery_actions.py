"""Recovery actions: what was done about a concern, approvals above a limit, reversals, payments."""

from typing import Any

from flask import g

from api.pages.table_forms import answers_list
from api.schemas.base import PageQuery, page_of
from api.schemas.includes import RecoveryActionWithCustomerSchema
from api.schemas.recovery_actions import (
    ApproveSchema,
    DeclineSchema,
    ListedRecoveryActionSchema,
    NewRecoveryActionSchema,
    RecoveryActionQuery,
    RecoveryActionSchema,
    ReverseSchema,
    ReviewSchema,
    SettleSchema,
)
from api.web.approver import approver_at_phone
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.includes import page_of_actions, with_customers
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.recovery.action import RecoveryAction, Settlement
from models.recovery.approvals import approve, decline, record_action, review
from models.recovery.remedy import Remedy
from models.recovery.settlements import settle
from notifications.decide.announce import announce, announce_all

blp = Blueprint("recovery-actions", __name__, "Recovery actions: what was done, asking for more, and taking it back")


@blp.route("/concerns/<uuid:concern_id>/recovery-actions")
class ConcernRecoveryActions(Resource):
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.RECOVERY_ACT}
    path_models = {"concern_id": Concern}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(ListedRecoveryActionSchema))
    def get(self, query: dict[str, Any], concern: Concern) -> dict[str, Any]:
        """List what was done about a concern, in order

        Also what waits for approval, was declined or expired, and what was taken back.
        """
        return page_of_actions(concern, **query)

    @blp.arguments(NewRecoveryActionSchema)
    @blp.response(201, ListedRecoveryActionSchema)
    @idempotent(RecoveryAction, status=201)
    def post(self, data: dict[str, Any], concern: Concern) -> RecoveryAction:
        """Record a recovery action; without a cost it has the default cost of its remedy

        An action above a limit is `pending`, and phones ring: those of the store's managers who can be reached, else of
        the regional managers, else of administrators. In a store that acts first it is `done`, for as much as
        `after_hours` in a day, and a manager reviews it. What is pending expires after 15 minutes. 409
        `nobody-may-approve` where nobody could approve; `acts_first_up_to` is what the store may still give today after
        hours, where it acts first: nothing of what is more than `per_action` or the budget of a key, comes on a third
        day, or has no limit.
        """
        data["remedy"] = Remedy.by_slug(g.session, data["remedy"])
        action, event = record_action(g.session, concern, by=g.actor, at=g.now, **data)
        announce(g.session, event)
        return action


@blp.route("/recovery-actions")
class RecoveryActions(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_READ}

    @blp.arguments(RecoveryActionQuery, location="query")
    @answers_list(blp, RecoveryActionWithCustomerSchema, "Recovery actions", line_schema=RecoveryActionSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List recovery actions, newest first

        `unpaid`: promised and not paid, and reversals whose money is not back.
        """
        include = query.pop("include", ())
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        actions = RecoveryAction.select_visible(g.actor, **query)
        return with_customers(
            paginate(actions, RecoveryAction.recorded_at, RecoveryAction.id, descending=True, **page), include
        )


@blp.route("/recovery-actions/<uuid:recovery_action_id>")
class RecoveryActionById(Resource):
    permissions = {"GET": Permission.CONCERN_READ}
    path_models = {"recovery_action_id": RecoveryAction}

    @blp.response(200, ListedRecoveryActionSchema)
    def get(self, recovery_action: RecoveryAction) -> RecoveryAction:
        """Read a recovery action

        A key with `settlements:write` sees of it only what has to be paid.
        """
        return recovery_action


@blp.route("/recovery-actions/<uuid:recovery_action_id>/reverse")
class ReverseRecoveryAction(Resource):
    permissions = {"POST": Permission.RECOVERY_ACT}
    path_models = {"recovery_action_id": RecoveryAction}

    @blp.arguments(ReverseSchema)
    @blp.response(200, ListedRecoveryActionSchema)
    @idempotent(RecoveryAction, status=200)
    def post(self, data: dict[str, Any], recovery_action: RecoveryAction) -> RecoveryAction:
        """Reverse an action by an entry of its own, with the negative cost

        Where the money was `requested` or `settled`, the entry is `requested`, and the action stays `done` and counts,
        until it is settled that the money came back.
        """
        _, event = recovery_action.reverse(g.session, by=g.actor, at=g.now, **data)
        announce(g.session, event)
        return recovery_action


@blp.route("/recovery-actions/<uuid:recovery_action_id>/approve")
class ApproveRecoveryAction(Resource):
    permissions = {"POST": Permission.RECOVERY_DECIDE}
    path_models = {"recovery_action_id": RecoveryAction}

    @blp.arguments(ApproveSchema)
    @blp.response(200, ListedRecoveryActionSchema)
    @blp.refuses(401, 429)
    @idempotent(RecoveryAction, status=200)
    def post(self, data: dict[str, Any], recovery_action: RecoveryAction) -> RecoveryAction:
        """Approve what a colleague asks for, or agree with what was done above a limit

        On an enrolled phone a manager may approve with their PIN (`approver`) while somebody else is signed in: the
        step names both. Administrators approve where no manager or regional manager can be reached.
        """
        by, on_phone_of = g.actor, None
        if (approver := data.pop("approver", None)) is not None:
            by, on_phone_of = approver_at_phone(**approver), g.actor.staff_id
        events = approve(g.session, recovery_action, by=by, at=g.now, on_phone_of=on_phone_of, **data)
        announce_all(g.session, events)
        return recovery_action


@blp.route("/recovery-actions/<uuid:recovery_action_id>/review")
class ReviewRecoveryAction(Resource):
    permissions = {"POST": Permission.RECOVERY_APPROVE}
    path_models = {"recovery_action_id": RecoveryAction}

    @blp.arguments(ReviewSchema)
    @blp.response(200, ListedRecoveryActionSchema)
    @idempotent(RecoveryAction, status=200)
    def post(self, data: dict[str, Any], recovery_action: RecoveryAction) -> RecoveryAction:
        """Say that one has looked at what was given beyond a limit

        `GET /v1/recovery-actions?beyond=true&reviewed=false` lists what waits for that, also what was reversed since.
        Nobody reviews their own. Administrators do where no manager or regional manager can be reached.
        """
        announce(g.session, review(g.session, recovery_action, by=g.actor, at=g.now, **data))
        return recovery_action


@blp.route("/recovery-actions/<uuid:recovery_action_id>/decline")
class DeclineRecoveryAction(Resource):
    permissions = {"POST": Permission.RECOVERY_APPROVE}
    path_models = {"recovery_action_id": RecoveryAction}

    @blp.arguments(DeclineSchema)
    @blp.response(200, ListedRecoveryActionSchema)
    @idempotent(RecoveryAction, status=200)
    def post(self, data: dict[str, Any], recovery_action: RecoveryAction) -> RecoveryAction:
        """Decline a request and say why; an action that was done first stays done

        Administrators decline where no manager or regional manager can be reached.
        """
        announce(g.session, decline(g.session, recovery_action, by=g.actor, at=g.now, **data))
        return recovery_action


@blp.route("/recovery-actions/<uuid:recovery_action_id>/settle")
class SettleRecoveryAction(Resource):
    permissions = {"POST": Permission.SETTLEMENT_REQUEST}
    path_models = {"recovery_action_id": RecoveryAction}

    @blp.arguments(SettleSchema)
    @blp.response(200, ListedRecoveryActionSchema)
    @idempotent(RecoveryAction, status=200)
    def post(self, data: dict[str, Any], recovery_action: RecoveryAction) -> RecoveryAction:
        """Record how far a refund has come: requested, settled or failed

        Whoever works there says that it is `requested` at the till. That it is `settled` or `failed` is said by a key
        with `settlements:write`, or by a manager, regional manager or administrator who neither gave, asked for nor
        took it back, has made no sign-in code within a day for who did, and neither made nor rotated the key that did:
        403 for others. A key does not say that money is back which it gave or took back itself, or its maker or another
        key of its maker did: 403.

        A reference of the till that one of these said stands for one payment in a store, whatever its capitals: 409
        `reference-used`. What somebody else types is shown until then.

        Of a reversing entry it says whether the money came back: until it is `settled`, the reversed action counts. Of
        a refund that was reversed before anything was paid, `settled` says that it was paid all the same: it is `done`
        and counts again, and its reversal is `requested`. Where it passes a limit now, or its order is worth less, it
        is `beyond` and waits for a review.
        """
        to = Settlement(data.pop("settlement"))
        announce(g.session, settle(g.session, recovery_action, to=to, by=g.actor, at=g.now, **data))
        return recovery_action
