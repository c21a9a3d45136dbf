"""Sessions: signing in and out."""

from typing import Any

from flask import current_app, g, request

from api.schemas.sessions import SessionSchema, SignInSchema
from api.web.blueprint import Blueprint
from api.web.problems import HttpProblem
from api.web.rate_limits import FAILED_SIGN_IN_LIMIT, check_limit, count_hit
from api.web.resource import Resource
from models.access import Permission
from models.db.session import ALL_TENANTS, Database
from models.errors import NotFound
from models.organizations.organization import Organization
from models.staff.credentials.password import password_matches
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.staff import Staff

blp = Blueprint("sessions", __name__, "Signing in and out")


@blp.route("/sessions")
class Sessions(Resource):
    permissions = {"POST": Permission.ANYONE}

    @blp.arguments(SignInSchema)
    @blp.response(201, SessionSchema)
    @blp.refuses(401, 429)
    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Sign in

        Answers a token for the header `Authorization: Bearer <token>`. An unknown login and a wrong password have the
        same answer. After five failures in a minute from one address the account is locked for that address.
        """
        database: Database = current_app.extensions["database"]
        attempt = (data["organization"], data["login"], request.remote_addr or "")
        check_limit(FAILED_SIGN_IN_LIMIT, *attempt)
        staff = _find_staff(database, data["organization"], data["login"])
        # argon2 is slow on purpose: no transaction is open meanwhile.
        if not password_matches(staff.password_hash if staff else None, data["password"]) or staff is None:
            count_hit(FAILED_SIGN_IN_LIMIT, *attempt)
            raise HttpProblem(401, "There is no such sign-in, or the password is another.", code="wrong-sign-in")
        with database.writing(staff.organization_id) as session:
            staff_session, token = StaffSession.open(session, staff=staff, at=g.now)
        return {"token": token.text, "expires_at": staff_session.expires_at, "staff": staff}


def _find_staff(database: Database, organization: str, login: str) -> Staff | None:
    with database.reading(ALL_TENANTS) as session:
        try:
            organization_id = Organization.by_slug(session, organization).id
        except NotFound:
            return None
    with database.reading(organization_id) as session:
        return Staff.find_for_sign_in(session, login, at=g.now)


@blp.route("/sessions/current")
class CurrentSession(Resource):
    permissions = {"DELETE": Permission.ME_USE}

    @blp.response(204)
    def delete(self) -> None:
        """Sign out: the token is revoked at once, and the phone of this session rings no more"""
        Device.sign_out(g.session, by=g.actor, at=g.now)
        StaffSession.close(g.session, g.actor)
