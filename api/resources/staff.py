"""Members of staff: as colleagues see them, and as those who manage them hire and change them."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.invitations import InvitationSchema, NewInvitationSchema
from api.schemas.staff import (
    EditStaffSchema,
    InvitedStaffSchema,
    LeaveSchema,
    LeaveStaffSchema,
    ManagedStaffSchema,
    NewStaffSchema,
    PutStaffSchema,
    StaffQuery,
)
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.operations.people.change_staff import change_staff, hire_staff, put_staff
from models.operations.people.invite_staff import make_code
from models.operations.people.leave_staff import Leave, come_back, leave
from models.staff.credentials.invitation import Invitation
from models.staff.management_rights import manageable_by
from models.staff.staff import Staff
from notifications.decide.open_work import announce_open_work


@blp.route("/staff")
class StaffList(Resource):
    never_stored = True
    permissions = {"GET": Permission.STAFF_READ, "POST": Permission.STAFF_WRITE}

    @blp.arguments(StaffQuery, location="query")
    @blp.response(200, page_of(ManagedStaffSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the colleagues within reach

        By default those who work here. Logins and addresses are there only of people whom one may change.
        """
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        stmt = Staff.select_visible(g.actor, at=g.now, **query)
        if query["left"] or "employee_number" in query:
            stmt = stmt.where(*manageable_by(g.actor))
        return paginate(stmt, Staff.name, Staff.id, **page)

    @blp.arguments(NewStaffSchema)
    @blp.response(201, InvitedStaffSchema)
    @idempotent(Staff, status=201)
    def post(self, data: dict[str, Any]) -> Staff:
        """Hire somebody; `invitation` has the one-time code with which they set a password or PIN

        The code is shown in this answer only. For a key there is none (null): it goes by mail to the `email`, if there
        is one, or a manager makes it later.

        Administrators hire everybody; managers hire floor staff for their own stores; a key hires floor staff and
        managers. Another role is 403, a store out of reach 422. 409 `already-exists` when somebody, who may have left,
        has the login or the employee number; 409 `too-many` when the organization has as many people as it may. Who
        gives a role above floor needs a sign-in younger than ten minutes (403 `sign-in-again`).
        """
        return hire_staff(g.session, by=g.actor, at=g.now, **data)


@blp.route("/staff/by-employee-number/<string:employee_number>")
class StaffByEmployeeNumber(Resource):
    never_stored = True
    permissions = {"PUT": Permission.STAFF_WRITE}

    @blp.arguments(PutStaffSchema)
    @blp.response(200, InvitedStaffSchema)
    @blp.alt_response(201, schema=InvitedStaffSchema, description="Somebody new was hired")
    def put(self, data: dict[str, Any], employee_number: str) -> Any:
        """Hire or change the person with this employee number, for a personnel system: a repeat changes nothing

        Without one it is the person with this `login` who has no number yet, and gets this one; else somebody new
        (201), whose one-time code goes as in `POST /v1/staff`. What is left out stays as it is. Rights and refusals are
        those of hiring and changing; 409 `not-now`, with the `id`, for somebody who has left, `already-exists` for
        somebody out of reach.
        """
        staff, is_new, work = put_staff(g.session, employee_number, data, by=g.actor, at=g.now)
        announce_open_work(g.session, work)
        return staff, 201 if is_new else 200


@blp.route("/staff/<uuid:staff_id>")
class StaffById(Resource):
    never_stored = True
    permissions = {"GET": Permission.STAFF_READ, "PATCH": Permission.STAFF_WRITE}
    path_models = {"staff_id": Staff}
    locks_itself = frozenset({"PATCH"})

    @blp.response(200, ManagedStaffSchema)
    def get(self, staff: Staff) -> Staff:
        """Read a colleague

        Login and address are there only where one may change that person.
        """
        return staff

    @blp.arguments(EditStaffSchema)
    @blp.response(200, ManagedStaffSchema)
    def patch(self, data: dict[str, Any], staff: Staff) -> Staff:
        """Change a person: name, login, role, stores, regions, e-mail address, employee number

        403 for a colleague whom one sees and does not manage, and for one's own role, stores and regions. What they may
        do follows from their next request on. In stores they do not belong to any more, their shift ends, and so do
        their sign-ins on shared phones and the mails of the daily log; concerns they have taken there ring again, and
        what they promised there goes to somebody who works there. 409 `last-administrator` when nobody else could
        administer the organization. Who changes a role above floor, or gives one, or changes the e-mail address of
        somebody above floor, needs a sign-in younger than ten minutes (403 `sign-in-again`).
        """
        announce_open_work(g.session, change_staff(g.session, staff, data, by=g.actor, at=g.now))
        return staff


@blp.route("/staff/<uuid:staff_id>/invitations")
class StaffInvitations(Resource):
    never_stored = True
    permissions = {"POST": Permission.STAFF_INVITE}
    path_models = {"staff_id": Staff}

    @blp.arguments(NewInvitationSchema)
    @blp.response(201, InvitationSchema)
    @idempotent(Invitation, status=201)
    def post(self, data: dict[str, Any], staff: Staff) -> Invitation:
        """Make a one-time code for somebody who is new or has forgotten their password or PIN

        It is valid for 24 hours and shown in this answer only; former codes that were not used are void. The person is
        told of it on all their phones and by mail. Whoever made it decides nothing that the person asks for within 24
        hours. 403 for a colleague whom one does not manage, and for oneself; 403 `sign-in-again` for somebody above
        floor without a sign-in younger than ten minutes; 409 `not-now` for somebody who has left.
        """
        return make_code(g.session, staff, by=g.actor, at=g.now, **data)


@blp.route("/staff/<uuid:staff_id>/leave")
class LeaveStaff(Resource):
    never_stored = True
    permissions = {"POST": Permission.STAFF_WRITE}
    path_models = {"staff_id": Staff}
    locks_itself = frozenset({"POST"})

    @blp.arguments(LeaveStaffSchema)
    @blp.response(200, LeaveSchema)
    @idempotent(Staff, status=200, on_replay=lambda staff, _: Leave(staff, is_repeat=True))
    def post(self, data: dict[str, Any], staff: Staff) -> Leave:
        """Let somebody go, at once or `at` a time in the coming year

        From that moment on every token of theirs is refused, and their phones, codes, password, PIN and shift end.
        Concerns they have taken ring again, and are handed over to `hand_over_to` where that colleague may be called;
        follow-ups go to that colleague, else to whoever records the leave, else to a manager of the store. A planned
        leave is changed by another call, and cancelled by `/return`. 403 for a colleague whom one does not manage; 409
        `last-administrator` when nobody else could administer the organization; 409 `not-now` for somebody who left.
        """
        result = leave(
            g.session, staff, by=g.actor, at=g.now, leaves_at=data.get("at"), hand_over_to=data.get("hand_over_to")
        )
        announce_open_work(g.session, result.work)
        return result


@blp.route("/staff/<uuid:staff_id>/return")
class ReturnStaff(Resource):
    never_stored = True
    permissions = {"POST": Permission.STAFF_WRITE}
    path_models = {"staff_id": Staff}

    @blp.response(200, InvitedStaffSchema)
    @idempotent(Staff, status=200)
    def post(self, staff: Staff) -> Staff:
        """Bring somebody back who left, or cancel a planned leave

        Who left has the role and the stores they had, and gets a one-time code as when they were hired: `invitation`,
        which is null after a planned leave and for a key. That code needs the same as any other (403 `sign-in-again`).
        409 `not-now` for somebody who works here.
        """
        come_back(g.session, staff, by=g.actor, at=g.now)
        return staff
