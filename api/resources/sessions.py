"""Sessions: signing in and out."""

from typing import Any

from flask import current_app, g, request
from sqlalchemy.orm import Session

from api.schemas.base import PageQuery, page_of
from api.schemas.sessions import MySessionSchema, SessionSchema, SignInSchema
from api.web.blueprint import Blueprint
from api.web.keys import second_factor_key
from api.web.pagination import paginate
from api.web.problems import HttpProblem
from api.web.rate_limits import FAILED_SIGN_IN_LIMIT, WRONG_CODE_LIMIT, check_limit, count_hit
from api.web.resource import Resource
from models.access import Permission
from models.db.session import ALL_TENANTS, Database
from models.errors import NotFound
from models.organizations.organization import Organization
from models.staff.credentials.password import password_matches
from models.staff.credentials.second_factor import SecondFactor
from models.staff.credentials.staff_session import StaffSession
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
        same answer. After five failures in a minute from one address the account is locked for that address. Whoever
        has a second factor sends its `code` too: 401 `second-factor-required` without it, when the password is right. A
        code is accepted once.
        """
        database: Database = current_app.extensions["database"]
        attempt = (data["organization"], data["login"], request.remote_addr or "")
        check_limit(FAILED_SIGN_IN_LIMIT, *attempt)
        staff = _find_staff(database, data["organization"], data["login"])
        # argon2 is slow on purpose: no transaction is open meanwhile.
        if not password_matches(staff.password_hash if staff else None, data["password"]) or staff is None:
            count_hit(FAILED_SIGN_IN_LIMIT, *attempt)
            raise _wrong_sign_in()
        with database.writing(staff.organization_id) as session:
            if staff.second_factor_at is not None and not _accepts_code(session, staff, data.get("code")):
                count_hit(FAILED_SIGN_IN_LIMIT, *attempt)
                raise _wrong_sign_in()
            staff_session, token = StaffSession.open(session, staff=staff, at=g.now)
        return {"token": token.text, "expires_at": staff_session.expires_at, "staff": staff}


def _wrong_sign_in() -> HttpProblem:
    return HttpProblem(401, "There is no such sign-in, or the password or code is another.", code="wrong-sign-in")


def _accepts_code(session: Session, staff: Staff, code: str | None) -> bool:
    """Return whether this is a code of the person's second factor. HttpProblem when there is none, or too many were."""
    if code is None:
        raise HttpProblem(401, "Send the code of your authenticator app too.", code="second-factor-required")
    check_limit(WRONG_CODE_LIMIT, "second-factor", str(staff.id))
    factor = SecondFactor.of(session, staff.id, lock=True)
    if factor is not None and factor.accepts(code, key=second_factor_key(), at=g.now):
        return True
    count_hit(WRONG_CODE_LIMIT, "second-factor", str(staff.id))
    return False


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
    without_second_factor = frozenset({"DELETE"})

    @blp.response(204)
    def delete(self) -> None:
        """Sign out: the token is revoked at once, and the phone of this session rings no more"""
        StaffSession.end(g.session, StaffSession.id == g.actor.session_id, at=g.now)


@blp.route("/me/sessions")
class MySessions(Resource):
    permissions = {"GET": Permission.ME_USE, "DELETE": Permission.ME_USE}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(MySessionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List one's own sign-ins that have not ended, newest first"""
        stmt = StaffSession.select_visible(g.actor, at=g.now)
        return paginate(stmt, StaffSession.created_at, StaffSession.id, descending=True, **query)

    @blp.response(204)
    def delete(self) -> None:
        """Sign out everywhere, here too: every token of this person is revoked, and their own phones ring no more"""
        StaffSession.end(g.session, StaffSession.staff_id == g.actor.staff_id, at=g.now)


@blp.route("/me/sessions/<uuid:session_id>")
class MySessionById(Resource):
    permissions = {"DELETE": Permission.ME_USE}
    path_models = {"session_id": StaffSession}

    @blp.response(204)
    def delete(self, session: StaffSession) -> None:
        """End one of one's own sign-ins, such as that of a lost phone, which rings no more"""
        StaffSession.end(g.session, StaffSession.id == session.id, at=g.now)
