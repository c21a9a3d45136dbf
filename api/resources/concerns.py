"""Concerns: log, list, read, complete, and move along."""

from dataclasses import dataclass
from typing import Any

from flask import g

from api.pages.table_forms import answers_list
from api.schemas.base import PageQuery, page_of
from api.schemas.concerns import (
    ConcernEventSchema,
    ConcernQuery,
    ConcernSchema,
    EditConcernSchema,
    HandedOverConcernSchema,
    HandOverSchema,
    LoggedConcernSchema,
    NewConcernSchema,
    ResolveSchema,
    VoidSchema,
)
from api.schemas.includes import ConcernPageSchema, ConcernReadQuery, ConcernReadSchema, ConcernWithCustomerSchema
from api.schemas.recovery_log_lines import ConcernLineSchema, concern_line
from api.web.blueprint import Blueprint
from api.web.feed_cursor import read_feed_cursor, sign_feed_cursor
from api.web.idempotency import idempotent
from api.web.includes import page_of_events, with_customers, with_parts
from api.web.pagination import paginate
from api.web.rate_limits import contact_budget
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.concerns.handover import hand_over
from models.operations.find_concerns import FeedPosition, select_concerns, sort_columns
from models.operations.guidance import guidance_for_concern
from models.operations.log_concern import log_concern, update_concern
from models.operations.void_concern import void_concern
from models.recovery.approvals import resolve
from models.staff.phones_in_reach import count_phones
from notifications.decide.announce import announce, announce_all

blp = Blueprint("concerns", __name__, "Concerns: log, list, read, complete, and move along")


@dataclass(frozen=True)
class LoggedConcern:
    """A concern as the answer to logging it: with guidance for the conversation that follows."""

    concern: Concern
    guidance: dict[str, Any] | None

    @property
    def version(self) -> int:
        return self.concern.version


@dataclass(frozen=True)
class HandedOverConcern:
    """A concern as the answer to handing it over: with the number of phones of the colleague."""

    concern: Concern
    phones: int | None

    @property
    def version(self) -> int:
        return self.concern.version


@blp.route("/concerns")
class Concerns(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.CONCERN_LOG}
    serves_any_app = frozenset({"POST"})

    @blp.arguments(ConcernQuery, location="query")
    @blp.refuses(410)
    @answers_list(
        blp,
        ConcernWithCustomerSchema,
        "Concerns",
        page_schema=ConcernPageSchema,
        line_schema=ConcernLineSchema,
        line_of=concern_line,
    )
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List concerns, newest first

        Without `status` and `changed_since` what was voided is left out. With `Accept: text/csv`, XLSX or HTML
        it is a table.
        """
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        include, sort = query.pop("include", ()), query.pop("sort")
        position = FeedPosition.current(g.session, at=g.now)
        if "changed_since" in query:
            query["changed_since"] = position.check(read_feed_cursor(query["changed_since"]))
        columns = sort_columns(sort, query.get("status"))
        concerns = select_concerns(g.session, g.actor, at=g.now, **query)
        listed = paginate(concerns, *columns, descending=sort == "-received_at", **page)
        is_first = page["cursor"] is None
        return {**with_customers(listed, include), "feed_cursor": sign_feed_cursor(position) if is_first else None}

    @blp.arguments(NewConcernSchema)
    @blp.response(201, LoggedConcernSchema)
    @idempotent(Concern, status=201, on_replay=lambda concern, _: LoggedConcern(concern, guidance=None))
    def post(self, data: dict[str, Any]) -> LoggedConcern:
        """Log a concern

        Only `mood` is needed; the store comes from the shift that ran when it occurred. The customer, what was done and
        how it ended may come along. What cannot stand refuses nothing: it is kept in `as_typed` and listed in
        `missing`. So is a contact beyond the budget of contacts (see `POST /v1/customers/search`). While something
        waits for approval, how it ended waits too (`taken`, `missing` says `approval`). An unhappy customer rings those
        on shift and the store's managers, unless `handling` is `mine`. `guidance` is what `GET /v1/guidance` answers;
        null for praise, for what is resolved, and for a repeat.
        """
        logged, *further_events = log_concern(g.session, data, by=g.actor, at=g.now, budget=contact_budget(data["id"]))
        for event in (logged, *further_events):
            announce(g.session, event)
        guidance = guidance_for_concern(g.session, logged.concern, by=g.actor, at=g.now)
        return LoggedConcern(logged.concern, guidance)


@blp.route("/concerns/<uuid:concern_id>")
class ConcernById(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_READ, "PATCH": Permission.CONCERN_LOG}
    path_models = {"concern_id": Concern}

    @blp.arguments(ConcernReadQuery, location="query")
    @blp.response(200, ConcernReadSchema)
    def get(self, query: dict[str, Any], concern: Concern) -> Any:
        """Read a concern, and with `include` all that a screen shows of it

        Each part is what its own address answers to the same reader: of a list its first page, whose `next_cursor` goes
        on at that address. What is not named is not there.
        """
        return with_parts(concern, query.get("include", ()))

    @blp.arguments(EditConcernSchema)
    @blp.response(200, ConcernSchema)
    def patch(self, data: dict[str, Any], concern: Concern) -> Concern:
        """Complete or correct a concern: a merge patch, null removes a field

        `kind` can be corrected on the business day of the concern. What becomes praise is over, without an outcome,
        for whom and while it could be voided; praise that becomes a concern is open, and rings as if logged now.
        """
        announce(g.session, update_concern(g.session, concern, data, by=g.actor, at=g.now))
        return concern


@blp.route("/concerns/<uuid:concern_id>/events")
class ConcernEvents(Resource):
    permissions = {"GET": Permission.CONCERN_READ}
    path_models = {"concern_id": Concern}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(ConcernEventSchema))
    def get(self, query: dict[str, Any], concern: Concern) -> dict[str, Any]:
        """Read the timeline of a concern, oldest step first

        Nothing of it is ever changed. For readers of figures only `by` and `details` are null.
        """
        return page_of_events(concern, **query)


@blp.route("/concerns/<uuid:concern_id>/take")
class TakeConcern(Resource):
    never_stored = True
    serves_any_app = frozenset({"POST"})
    permissions = {"POST": Permission.CONCERN_TAKE}
    path_models = {"concern_id": Concern}

    @blp.response(200, ConcernSchema)
    @idempotent(Concern, status=200)
    def post(self, concern: Concern) -> Concern:
        """Take a concern: one person wins, the others learn who (409 `already-taken`)

        The phones of the others stop ringing. Taking it again changes nothing. 409 `not-now` once it is
        resolved.
        """
        if event := concern.take(by=g.actor, at=g.now):
            announce(g.session, event)
        return concern


@blp.route("/concerns/<uuid:concern_id>/release")
class ReleaseConcern(Resource):
    never_stored = True
    permissions = {"POST": Permission.CONCERN_TAKE}
    path_models = {"concern_id": Concern}

    @blp.response(200, ConcernSchema)
    @idempotent(Concern, status=200)
    def post(self, concern: Concern) -> Concern:
        """Give a concern back; it rings again

        By whoever has taken it, or a manager (403). 409 `not-now` where nobody has taken it.
        """
        announce(g.session, concern.release(by=g.actor, at=g.now))
        return concern


@blp.route("/concerns/<uuid:concern_id>/hand-over")
class HandOverConcern(Resource):
    never_stored = True
    permissions = {"POST": Permission.CONCERN_TAKE}
    path_models = {"concern_id": Concern}

    @blp.arguments(HandOverSchema)
    @blp.response(200, HandedOverConcernSchema)
    @idempotent(Concern, status=200, on_replay=lambda concern, _: HandedOverConcern(concern, phones=None))
    def post(self, data: dict[str, Any], concern: Concern) -> HandedOverConcern:
        """Ask one colleague on shift to take a concern: their phones ring, and escalation goes on for the others

        Whoever has taken the concern gives it back by this. `GET /v1/stores/{id}/on-shift` lists who can be asked;
        `phones` says how many phones reach the colleague: with none, walk over. 422 for somebody off shift.
        """
        announce_all(g.session, hand_over(g.session, concern, data["staff_id"], by=g.actor, at=g.now))
        return HandedOverConcern(concern, count_phones(g.session, data["staff_id"], at=g.now))


@blp.route("/concerns/<uuid:concern_id>/resolve")
class ResolveConcern(Resource):
    never_stored = True
    permissions = {"POST": Permission.CONCERN_RESOLVE}
    path_models = {"concern_id": Concern}

    @blp.arguments(ResolveSchema)
    @blp.response(200, ConcernSchema)
    @idempotent(Concern, status=200)
    def post(self, data: dict[str, Any], concern: Concern) -> Concern:
        """Resolve a concern: record how it ended for the customer

        While something given for it waits for approval, this waits too: the concern is `taken`, its `missing` says
        `approval`, and it is resolved when that is approved. After a decline say again how it ended.
        """
        announce_all(g.session, resolve(g.session, concern, by=g.actor, at=g.now, **data))
        return concern


@blp.route("/concerns/<uuid:concern_id>/reopen")
class ReopenConcern(Resource):
    never_stored = True
    permissions = {"POST": Permission.CONCERN_RESOLVE}
    path_models = {"concern_id": Concern}

    @blp.response(200, ConcernSchema)
    @idempotent(Concern, status=200)
    def post(self, concern: Concern) -> Concern:
        """Reopen a concern that was not over after all

        It is open and calls again, and its outcome is forgotten. 409 `not-now` unless it is resolved, and for
        praise.
        """
        announce(g.session, concern.reopen(by=g.actor, at=g.now))
        return concern


@blp.route("/concerns/<uuid:concern_id>/void")
class VoidConcern(Resource):
    never_stored = True
    permissions = {"POST": Permission.CONCERN_VOID}
    path_models = {"concern_id": Concern}

    @blp.arguments(VoidSchema)
    @blp.response(200, ConcernSchema)
    @idempotent(Concern, status=200)
    def post(self, data: dict[str, Any], concern: Concern) -> Concern:
        """Void what was logged by mistake, for good: it rings no more and leaves lists and figures

        Whoever logged it may within ten minutes, a manager later. What came from a customer's code, is urgent or
        sensitive, or is of a day that was signed takes a regional manager, and an administrator where there is none.
        409 `has-actions` while something given for it stands, waits for a decision, or is reversed and not settled.
        """
        announce_all(g.session, void_concern(g.session, concern, by=g.actor, at=g.now, **data))
        return concern
