"""Sessions: signing in and out."""

from contextlib import ExitStack
from typing import Any
from unicodedata import is_normalized
from uuid import UUID

from flask import current_app, g
from sqlalchemy.orm import Session

from api.schemas.base import PageQuery, page_of
from api.schemas.sessions import MySessionSchema, SessionSchema, SignInSchema
from api.web.blueprint import Blueprint
from api.web.device_proof import make_device_proof, proven_phone
from api.web.keys import pin_key, second_factor_key
from api.web.pagination import paginate
from api.web.problems import HttpProblem
from api.web.rate_limits import FAILED_PIN_LIMIT, WRONG_CODE_LIMIT, SecretTry
from api.web.resource import Resource
from api.web.sign_in_tries import SignInTries
from models.access import Permission
from models.db.session import ALL_TENANTS, Database
from models.operations.people.shifts import end_own_shift
from models.organizations.organization import Organization
from models.staff.credentials.password import hash_password, matching_spelling
from models.staff.credentials.second_factor import SecondFactor
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.shared_phone_sign_in import PinResult, may_use_with_password, open_on_shared_phone, try_pin
from models.staff.shift import EndReason
from models.staff.staff import Staff
from notifications.decide.announce import announce_all

SignIn = tuple[Staff, StaffSession, Token]

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
        same answer. After five failures in a minute from one address the account is locked for that address; so is
        every account after 20 failures of ten minutes at any, and this account for strangers after 50 of an hour from
        anywhere (429). An IPv6 network (/64) counts as one address. 429 too while too many sign in at once. A phone
        that sends the `device_proof` of its last sign-in, or of a code redeemed on it, is no stranger: it has its own
        five failures a minute and is served before strangers. Whoever has a second factor sends its `code` too: 401
        `second-factor-required` without it, when the password is right. A code is accepted once.

        On a shared phone people send its `device_secret` as well, or that with `staff_id` and `pin` only. People of
        another organization do not sign in on it, and after 20 wrong passwords of ten minutes, whosever they are, it
        waits (429). The former sign-in of the same person there ends, and those of others lock (401 `locked`) until
        their PIN. After five wrong PINs of a person in a quarter of an hour no PIN of theirs is checked on any phone
        (429); after ten on one phone none is checked there (401 `manager-password-required`) until a manager signs in
        on it with their password. 401 `unknown-phone`: the secret is not valid (any more).
        """
        database: Database = current_app.extensions["database"]
        sign_in = _sign_in_with_pin if "pin" in data else _sign_in_with_password
        staff, opened, token = sign_in(database, **data)
        proof = make_device_proof(data["organization"], staff, opened.id) if "login" in data else None
        return {"token": token.text, "expires_at": opened.expires_at, "staff": staff, "device_proof": proof}


def _sign_in_with_pin(database: Database, *, device_secret: str, staff_id: UUID, pin: str) -> SignIn:
    """Sign somebody in on a shared phone. Without the secret of the phone nothing else is looked up or counted."""
    secret = _check_phone(database, device_secret)
    of_person = ("pin", secret.organization_id.hex, staff_id.hex)
    with SecretTry((FAILED_PIN_LIMIT, of_person)) as attempt, database.writing(secret.organization_id) as session:
        result, phone = try_pin(session, secret, staff_id=staff_id, pin=pin, key=pin_key(), at=g.now)
        if result is PinResult.WRONG:
            attempt.wrong()
        if result is PinResult.RIGHT and phone is not None:
            staff = Staff.get_for_sign_in(session, staff_id)
            return staff, *open_on_shared_phone(session, phone, staff, method=SignInMethod.PIN, at=g.now)
    raise _refused_pin(result)


def _sign_in_with_password(
    database: Database,
    *,
    organization: str,
    login: str,
    password: str,
    code: str | None = None,
    device_secret: str | None = None,
    device_proof: str | None = None,
) -> SignIn:
    secret = None if device_secret is None else _check_phone(database, device_secret)
    # A shared phone is known to its own organization only, and nobody signs in on it to another.
    is_foreign = secret is not None and secret.organization_id != _find_organization_id(database, organization)
    shared_phone = secret.digest.hex() if secret else None
    known_phone = None if is_foreign else shared_phone or proven_phone(database, device_proof, organization, login)
    tries = SignInTries.at(organization, login, known_phone=known_phone, shared_phone=shared_phone)
    with ExitStack() as until_answered:
        with tries.turn():
            attempt = until_answered.enter_context(SecretTry(*tries.limits))
            organization_id, password_hash = _find_password_hash(database, organization, login)
            if is_foreign:
                password_hash = None
            # argon2 is slow on purpose: no transaction is open meanwhile.
            spelling = matching_spelling(password_hash, password, verify=tries.queue.verify)
            if spelling is not None and password_hash is not None and organization_id is not None:
                password_hash = _hash_in_nfc(database, organization_id, password_hash, spelling)
        if spelling is not None and password_hash is not None and organization_id is not None:
            with database.writing(organization_id) as session:
                if signed_in := _open(session, login, password_hash, code=code, secret=secret):
                    return signed_in
        attempt.wrong()
    raise _wrong_sign_in()


def _open(session: Session, login: str, password_hash: str, *, code: str | None, secret: Token | None) -> SignIn | None:
    """Sign in whose password was right, on the shared phone of a secret. None if they may not, or for a wrong code."""
    # The phone is locked before the person, as with a PIN.
    phone = None if secret is None else Device.lock_by_secret(session, secret)
    staff = Staff.find_for_sign_in(session, login, at=g.now)
    # Whoever changed the password or left meanwhile is not let in.
    if staff is None or staff.password_hash != password_hash:
        return None
    if staff.second_factor_at is not None and code is None:
        raise HttpProblem(401, "Send the code of your authenticator app too.", code="second-factor-required")
    may_use = secret is None or (phone and may_use_with_password(session, phone, staff, at=g.now))
    if not _accepts_code(session, staff, code) or not may_use:
        return None
    if phone is None:
        return staff, *StaffSession.open(session, staff=staff, at=g.now)
    return staff, *open_on_shared_phone(session, phone, staff, method=SignInMethod.PASSWORD, at=g.now)


def _hash_in_nfc(database: Database, organization_id: UUID, password_hash: str, spelling: str) -> str:
    """Return the hash of a password that was right; one of before 0.2.0 may be of another spelling, and is replaced."""
    if is_normalized("NFC", spelling):
        return password_hash
    in_nfc = hash_password(spelling, min_length=0)
    with database.writing(organization_id) as session:
        Staff.replace_password_hash(session, password_hash, in_nfc)
    return in_nfc


def _check_phone(database: Database, device_secret: str) -> Token:
    """Return the secret of a shared phone. HttpProblem when it is not valid; nothing was written then."""
    secret = Token.parse(device_secret)
    if secret is not None and secret.kind == "d":
        with database.reading(secret.organization_id) as session:
            if Device.actor(session, secret) is not None:
                return secret
    raise _refused_pin(PinResult.UNKNOWN_PHONE)


def _refused_pin(result: PinResult) -> HttpProblem:
    match result:
        case PinResult.UNKNOWN_PHONE:
            return HttpProblem(401, "This phone is not enrolled, or not any more.", code="unknown-phone")
        case PinResult.NEEDS_MANAGER:
            detail = "Too many wrong PINs here: a manager has to sign in on this phone with their password."
            return HttpProblem(401, detail, code="manager-password-required")
    return _wrong_sign_in()


def _wrong_sign_in() -> HttpProblem:
    return HttpProblem(401, "There is no such sign-in, or what was given for it is not right.", code="wrong-sign-in")


def _accepts_code(session: Session, staff: Staff, code: str | None) -> bool:
    """Return whether the person needs no second factor, or this is a code of it. HttpProblem after many wrong ones."""
    if staff.second_factor_at is None:
        return True
    with SecretTry((WRONG_CODE_LIMIT, ("second-factor", str(staff.id)))) as attempt:
        factor = SecondFactor.of(session, staff.id, lock=True)
        is_right = code is not None and factor is not None and factor.accepts(code, key=second_factor_key(), at=g.now)
        if not is_right:
            attempt.wrong()
    return is_right


def _find_password_hash(database: Database, organization: str, login: str) -> tuple[UUID | None, str | None]:
    """Return the id of the organization and the hash of the password of this login, each None if there is none."""
    organization_id = _find_organization_id(database, organization)
    if organization_id is None:
        return None, None
    with database.reading(organization_id) as session:
        return organization_id, Staff.find_password_hash(session, login, at=g.now)


def _find_organization_id(database: Database, organization: str) -> UUID | None:
    with database.reading(ALL_TENANTS) as session:
        return Organization.find_id(session, organization)


def _end_shift() -> None:
    announce_all(g.session, end_own_shift(g.session, EndReason.SIGNED_OUT, by=g.actor, at=g.now))


@blp.route("/sessions/current")
class CurrentSession(Resource):
    permissions = {"DELETE": Permission.ME_USE}
    without_second_factor = frozenset({"DELETE"})
    serves_any_app = frozenset({"DELETE"})

    @blp.response(204)
    def delete(self) -> None:
        """Sign out: the token is revoked at once, and the phone of this session rings no more

        On a personal phone the person's shift ends by this. A shared phone rings on for the others who are signed in on
        it, and shifts go on there until their check-out.
        """
        if g.actor.personal_phone_id is not None:
            _end_shift()
        StaffSession.sign_out(g.session, by=g.actor, at=g.now)


@blp.route("/me/sessions")
class MySessions(Resource):
    permissions = {"GET": Permission.ME_USE, "DELETE": Permission.ME_USE}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(MySessionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List one's own sign-ins that have not ended, newest first

        `current` is the one that asks.
        """
        stmt = StaffSession.select_visible(g.actor, at=g.now)
        return paginate(stmt, StaffSession.created_at, StaffSession.id, descending=True, **query)

    @blp.response(204)
    def delete(self) -> None:
        """Sign out everywhere, here too: every token of this person is revoked, and their own phones ring no more

        On a personal phone the person's shift ends by this.
        """
        if g.actor.personal_phone_id is not None:
            _end_shift()
        StaffSession.end(g.session, StaffSession.staff_id == g.actor.staff_id, at=g.now)


@blp.route("/me/sessions/<uuid:session_id>")
class MySessionById(Resource):
    permissions = {"DELETE": Permission.ME_USE}
    path_models = {"session_id": StaffSession}
    locks_itself = frozenset({"DELETE"})

    @blp.response(204)
    def delete(self, session: StaffSession) -> None:
        """End one of one's own sign-ins, such as that of a lost phone, which rings no more

        The person's shift ends by this only if it is the sign-in of this request, on a personal phone.
        """
        if g.actor.personal_phone_id is not None and session.id == g.actor.session_id:
            _end_shift()
        is_own = session.id == g.actor.session_id
        StaffSession.end(g.session, StaffSession.id == session.id, from_elsewhere=not is_own, at=g.now)
