"""Callers of the API: the people of a full organization, strangers, machines, and sign-ins that are not valid."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from models.access import GRANTS, KEY_GRANTS, SHARED_PHONE_GRANTS, KeyScope, Permission, Role
from models.policy_defaults import RECENT_SIGN_IN
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.full_organization import FullOrganization
from tests.support.factories.organizations import PEOPLE, password_hash
from tests.support.sign_in import begin_second_factors, session_id_of


class Scope(StrEnum):
    """Where a caller stands to what the first organization has in its first store."""

    NOBODY = "not signed in"
    INSIDE = "in scope"
    ELSEWHERE = "in another store or region"
    STRANGER = "in another organization"


@dataclass(frozen=True)
class Caller:
    """One way to call the API: a name for the table of refusals, a token, what it may do, and where it belongs."""

    name: str
    scope: Scope
    token: str | None
    permissions: frozenset[Permission] = frozenset()
    login: str = ""
    lacks_scopes: bool = False  # a key that is sent where an operation needs what it lacks
    is_locked: bool = False  # a sign-in on a shared phone that waits for the PIN
    signed_in_long_ago: bool = False
    lacks_second_factor: bool = False  # where other machines reach the service

    def __str__(self) -> str:
        return f"{self.name} {self.scope}{' with a sign-in of before' if self.signed_in_long_ago else ''}"


ROLE_OF_LOGIN = {
    **{login: role for login, (role, _) in PEOPLE.items()},
    "manager-there": Role.MANAGER,
    "regional-there": Role.REGIONAL,
}
INSIDE = ("floor", "manager", "regional", "hq", "admin")
ELSEWHERE = ("elsewhere", "manager-there", "regional-there")


def scopes_with(permission: Permission | None) -> frozenset[KeyScope]:
    """Return the scopes that carry a permission."""
    return frozenset(scope for scope, granted in KEY_GRANTS.items() if permission in granted)


def permissions_of(scopes: Iterable[KeyScope]) -> frozenset[Permission]:
    """Return what a key with these scopes may do."""
    return frozenset().union(*(KEY_GRANTS[scope] for scope in scopes))


def all_callers(app: App, ours: FullOrganization, theirs: FullOrganization) -> list[Caller]:
    """Make whoever is missing in our organization, and return everybody who calls about it.

    Everybody has a phone and a shift, so that whatever is about one's own phone or shift finds one. Nobody was last
    seen long ago, so that no request writes beside its own transaction.
    """
    with app.back_office.writing(ours.shop.organization_id) as session:
        callers = [*_without_sign_in(app, session, ours, theirs), *_keys(app, session, ours)]
        callers += [_locked(session, ours, at=app.clock())]
        callers += _with_old_sign_ins(app, session, ours)
    people = [(ours, Scope.INSIDE, INSIDE), (ours, Scope.ELSEWHERE, ELSEWHERE), (theirs, Scope.STRANGER, INSIDE)]
    for org, scope, logins in people:
        for login in logins:
            role = ROLE_OF_LOGIN[login]
            callers += [Caller(str(role), scope, org.shop.tokens[login], GRANTS[role], login)]
    admin = (ours.shop.tokens["admin"], GRANTS[Role.ADMIN], "admin")
    callers += [Caller("admin without a second factor", Scope.INSIDE, *admin, lacks_second_factor=True)]
    for org, scope in ((ours, Scope.INSIDE), (theirs, Scope.STRANGER)):
        callers += [Caller("shared phone", scope, org.shop.tokens["shared-phone"], SHARED_PHONE_GRANTS)]
    everything = permissions_of(KeyScope)
    callers += [Caller("key", Scope.STRANGER, theirs.shop.tokens["key"], everything)]
    for org in (ours, theirs):
        everybody = {login for whose, _, logins in people if whose is org for login in logins}
        _give_phones_and_shifts(app, org, everybody)
        begin_second_factors(app, org.shop, everybody)
        org.session_ids = {login: session_id_of(app, org.shop, login) for login in everybody}
    return callers


def _without_sign_in(app: App, session: Session, ours: FullOrganization, theirs: FullOrganization) -> Iterator[Caller]:
    organization_id, at = ours.shop.organization_id, app.clock()
    *_, secret = theirs.shop.tokens["admin"].split("_", 3)
    expired, expired_token = StaffSession.open(session, staff=_person(session, ours, "late"), at=at)
    expired.expires_at = at
    gone = _person(session, ours, "gone")
    _, token_of_gone = StaffSession.open(session, staff=gone, at=at)
    gone.left_at = at
    revoked, expired_key, rotated = (_key(session, ours, name, KeyScope, at=at) for name in ("one", "two", "three"))
    revoked.revoke(at=at)
    expired_key.expires_at = at
    former_secret = rotated.secret
    rotated.rotate(overlap=timedelta(hours=1), at=at - timedelta(hours=1))
    yield from (
        Caller(name, Scope.NOBODY, token)
        for name, token in {
            "without a token": None,
            "forged session": Token.new("s", organization_id).text,
            "forged key": Token.new("k", organization_id).text,
            "session of another organization under our name": f"amd_s_{organization_id.hex}_{secret}",
            "session sent as a key": ours.shop.tokens["admin"].replace("amd_s_", "amd_k_"),
            "expired session": expired_token.text,
            "session of somebody who left": token_of_gone.text,
            "revoked key": revoked.secret,
            "expired key": expired_key.secret,
            "key rotated out": former_secret,
        }.items()
    )


def _with_old_sign_ins(app: App, session: Session, ours: FullOrganization) -> Iterator[Caller]:
    """Yield everybody of the first store once more, with a sign-in that is no recent one."""
    at = app.clock() - RECENT_SIGN_IN - timedelta(minutes=1)
    for login in INSIDE:
        staff = session.get_one(Staff, (ours.shop.organization_id, ours.shop.staff[login]))
        _, token = StaffSession.open(session, staff=staff, at=at)
        role = ROLE_OF_LOGIN[login]
        yield Caller(str(role), Scope.INSIDE, token.text, GRANTS[role], login, signed_in_long_ago=True)


def _locked(session: Session, ours: FullOrganization, *, at: datetime) -> Caller:
    """Sign the manager in on the shared phone, and somebody else after them."""
    person = {"id": ours.shop.staff["manager"], "organization_id": ours.shop.organization_id, "role": Role.MANAGER}
    phone_id = UUID(ours.ids["device_id"])
    sign_in, token = StaffSession.open(session, staff=Staff(**person), shared_phone_id=phone_id, at=at)
    sign_in.locked_at = at
    return Caller("locked", Scope.INSIDE, token.text, GRANTS[Role.MANAGER], is_locked=True)


def _person(session: Session, org: FullOrganization, login: str) -> Staff:
    """Add an admin, who could do most if the sign-in were valid."""
    staff = Staff(login=login, name=login.title(), role=Role.ADMIN, password_hash=password_hash())
    session.add(staff)
    session.flush()
    return staff


def _keys(app: App, session: Session, ours: FullOrganization) -> Iterator[Caller]:
    """Yield a key for each scope, one for each set of scopes that an operation may want left out, and limited ones.

    The export is of the whole organization: no key with that scope can be limited to stores.
    """
    at = app.clock()
    for scope in KeyScope:
        key = _key(session, ours, scope, {scope}, at=at)
        yield Caller(f"key with {scope}", Scope.INSIDE, key.secret, permissions_of({scope}))
    for left_out in sorted({scopes_with(permission) for permission in Permission}, key=sorted):
        rest = set(KeyScope) - left_out
        key = _key(session, ours, "rest", rest, at=at)
        yield Caller(_without(left_out), Scope.INSIDE, key.secret, permissions_of(rest), lacks_scopes=True)
    limitable = permissions_of(set(KeyScope) - {KeyScope.EXPORTS_READ})
    for scope, name in ((Scope.INSIDE, "key-here"), (Scope.ELSEWHERE, "key-there")):
        yield Caller("key of one store", scope, ours.shop.tokens[name], limitable)


def _without(left_out: frozenset[KeyScope]) -> str:
    return f"key without {' '.join(sorted(left_out))}" if left_out else "key with every scope there is"


def is_needed_for(caller: Caller, permission: str | None) -> bool:
    """Tell whether to send an operation in this name: of the keys that lack scopes, the one that lacks its scopes."""
    if not caller.lacks_scopes:
        return True
    return caller.name == _without(scopes_with(Permission(permission)) if permission else frozenset())


def _key(session: Session, org: FullOrganization, name: str, scopes: Collection[KeyScope], *, at: datetime) -> ApiKey:
    return ApiKey.create(session, organization_id=org.shop.organization_id, name=name, scopes=scopes, at=at)


def _give_phones_and_shifts(app: App, org: FullOrganization, logins: Iterable[str]) -> None:
    for login in sorted(logins):
        phone = {"platform": "android", "address": f"address of {login} in {org.shop.slug}", "address_kind": "log"}
        there = org.shop.other_store_id if login in ELSEWHERE else org.shop.store_id
        for path, body in ((f"devices/{installation_of(org, login)}", phone), ("shift", {"store_id": str(there)})):
            answer = app.request("PUT", f"/v1/me/{path}", (org.shop, login), json=body)
            assert answer.status_code == 200, answer.text
    with app.back_office.writing(org.shop.organization_id) as session:
        for model in (StaffSession, ApiKey, Device):
            session.execute(sa.update(model).values(seen_at=app.clock()).execution_options(synchronize_session=False))


def installation_of(org: FullOrganization, login: str) -> str:
    return f"phone-of-{login}-in-{org.shop.slug}"
