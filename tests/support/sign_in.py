"""Signing in again, and second factors, for tests that move the clock or need an administrator to prove more."""

from collections.abc import Iterable
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select

from models.staff.credentials import second_factor
from models.staff.credentials.derived_key import derive_key
from models.staff.credentials.second_factor import SecondFactor
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.organizations import Shop

SAME_SECRET = b"known to every reader"


def sign_in_again(app: App, shop: Shop, *logins: str) -> None:
    """Give these people (the administrator, unless others are named) a new sign-in, as of now."""
    with app.back_office.writing(shop.organization_id) as session:
        for login in logins or ("admin",):
            staff = session.get_one(Staff, (shop.organization_id, shop.staff[login]))
            _, token = StaffSession.open(session, staff=staff, at=app.clock())
            shop.tokens[login] = token.text


def begin_second_factors(app: App, shop: Shop, logins: Iterable[str]) -> None:
    """Let these people begin to set up second factors, which all have the same secret (`SAME_SECRET`)."""
    key = derive_key(app.flask.config["SECRET_KEY"], "second factors")
    with app.back_office.writing(shop.organization_id) as session:
        for login in logins:
            staff = session.get_one(Staff, (shop.organization_id, shop.staff[login]))
            factor = SecondFactor.begin(session, staff=staff, key=key, at=app.clock())
            factor.encrypted_secret = second_factor._encrypt(SAME_SECRET, key=key, staff_id=staff.id)


def code_of(secret: bytes, at: datetime) -> str:
    """Return what an authenticator app with this secret shows at this time."""
    return TOTP(secret, 6, SHA1(), 30).generate(int(at.timestamp())).decode()  # noqa: S303 what the apps know


def session_id_of(app: App, shop: Shop, login: str) -> str:
    """Return the id of the sign-in that a person's token belongs to."""
    token = Token.parse(shop.tokens[login])
    assert token is not None
    with app.back_office.reading(shop.organization_id) as session:
        return str(session.scalars(select(StaffSession.id).where(StaffSession.digest == token.digest)).one())
