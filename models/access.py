"""Permissions, roles and their grants: the one page to read when reviewing who may do what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.errors import Forbidden
from models.policy_defaults import RECENT_SIGN_IN


class Permission(StrEnum):
    """What a request may need, named `thing:verb`."""

    ANYONE = "anyone"  # no sign-in needed
    ME_USE = "me:use"  # own profile, preferences, shift and devices
    SECOND_FACTOR_SET = "second-factor:set"  # all that an administrator without one may do, but for signing out
    SECOND_FACTOR_REMOVE = "second-factor:remove"  # that of a colleague who has lost their phone
    RECEIPT_SEND = "receipt:send"  # what a phone did with a notification; also while it is locked
    ENROLMENT_USE = "enrolment:use"  # what a shared phone does by itself: who may use it, where it is pushed to
    DEVICE_MANAGE = "device:manage"  # enrol shared phones, list phones, sign lost ones out
    ORGANIZATION_WRITE = "organization:write"  # its settings; everybody who is signed in may read them
    STORE_READ = "store:read"
    STORE_WRITE = "store:write"  # regions, groups and stores, their zone, currency and closing
    STORE_RUN = "store:run"  # what a manager keeps up to date: hours, holidays, places, QR codes
    STAFF_READ = "staff:read"
    STAFF_WRITE = "staff:write"  # hire, change and let go, within `models.staff.management_rights`
    STAFF_INVITE = "staff:invite"  # make a one-time code for somebody
    SHIFT_END = "shift:end"  # that of a colleague; whoever leads the shift, and managers
    SHIFT_SYNC = "shift:sync"  # begin and end shifts for a time clock
    STAFF_CARE = "staff:care"  # see who takes a pause; the lead of a shift may see it without this permission
    VOCABULARY_READ = "vocabulary:read"  # categories, causes, questions, remedies
    VOCABULARY_WRITE = "vocabulary:write"
    ITEM_READ = "item:read"  # the catalogue of dishes, products and articles
    ITEM_WRITE = (
        "item:write"  # rename what colleagues of one's own stores typed, and confirm that it is the name of an item
    )
    CUSTOMER_READ = "customer:read"
    CUSTOMER_LIST = "customer:list"  # all profiles one by one, instead of a search
    CUSTOMER_WRITE = "customer:write"
    CUSTOMER_IMPORT = "customer:import"  # thousands of profiles at once
    CUSTOMER_MERGE = "customer:merge"  # merge two profiles of one person
    CUSTOMER_THANK = "customer:thank"  # promise a thank-you to every customer who raised what was fixed
    CAUSE_FIX = "cause:fix"  # record that a cause is fixed
    CONCERN_READ = "concern:read"
    CONCERN_WORDS = "concern:words"  # the text of a concern, and the names of those involved
    CONCERN_SENSITIVE = "concern:sensitive"  # concerns marked as sensitive
    CONCERN_LOG = "concern:log"
    CONCERN_TAKE = "concern:take"
    CONCERN_RELEASE_ANY = "concern:release-any"  # release a concern that a colleague has taken
    CONCERN_RESOLVE = "concern:resolve"
    CONCERN_VOID = "concern:void"  # take back what was logged by mistake, within the rules of `models.concerns.void`
    RECOVERY_ACT = "recovery:act"  # record what was done to put it right
    RECOVERY_APPROVE = "recovery:approve"  # approve actions above a colleague's spending limit
    RECOVERY_DECIDE = "recovery:decide"  # the same, or hand the phone to somebody who may and gives their PIN
    ORDER_TELL = "order:tell"  # tell orders as a till
    SETTLEMENT_REQUEST = "settlement:request"  # say that a payment is asked for at the till
    SETTLEMENT_WRITE = "settlement:write"  # say that it was paid or failed; of what one gave or asked for nobody does
    ALERT_HEAR = "alert:hear"  # be rung for an alert
    ALERT_READ = "alert:read"
    POLICY_READ = "policy:read"  # alert rules and escalation policies
    POLICY_WRITE = "policy:write"
    LOG_READ = "log:read"
    LOG_SIGN = "log:sign"  # write notes on a day, sign it off, amend it afterwards
    DAY_FIGURES = "day:figures"  # a store's guests, receipts and sales of a day
    REPORT_READ = "report:read"
    EXPORT_READ = "export:read"  # the change export: every object, row by row
    KEY_MANAGE = "key:manage"  # list, make, rotate and revoke API keys


class Role(StrEnum):
    """Role of a member of staff in the organization."""

    FLOOR = "floor"
    MANAGER = "manager"
    REGIONAL = "regional"
    HEAD_OFFICE = "head_office"
    ADMIN = "admin"


class KeyScope(StrEnum):
    """Purpose of an API key; a key may have several."""

    CONCERNS_READ = "concerns:read"
    CONCERNS_WRITE = "concerns:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    REPORTS_READ = "reports:read"
    EXPORTS_READ = "exports:read"
    STAFF_WRITE = "staff:write"
    SHIFTS_WRITE = "shifts:write"
    SETTLEMENTS_WRITE = "settlements:write"
    ORDERS_WRITE = "orders:write"


P = Permission
_PERSON = frozenset({P.ANYONE, P.ME_USE, P.SECOND_FACTOR_SET, P.RECEIPT_SEND, P.STORE_READ, P.VOCABULARY_READ})
_FLOOR = _PERSON | {
    P.STAFF_READ,
    P.ITEM_READ,
    P.CUSTOMER_READ,
    P.CUSTOMER_WRITE,
    P.CONCERN_READ,
    P.CONCERN_WORDS,
    P.CONCERN_LOG,
    P.CONCERN_TAKE,
    P.CONCERN_RESOLVE,
    P.CONCERN_VOID,
    P.SHIFT_END,
    P.RECOVERY_ACT,
    P.SETTLEMENT_REQUEST,
    P.RECOVERY_DECIDE,
    P.ALERT_HEAR,
    P.ALERT_READ,
    P.LOG_READ,
}
_MANAGER = _FLOOR | {
    P.STORE_RUN,
    P.ITEM_WRITE,
    P.STAFF_WRITE,
    P.STAFF_INVITE,
    P.DEVICE_MANAGE,
    P.CUSTOMER_LIST,
    P.CUSTOMER_MERGE,
    P.CUSTOMER_THANK,
    P.CAUSE_FIX,
    P.CONCERN_SENSITIVE,
    P.CONCERN_RELEASE_ANY,
    P.RECOVERY_APPROVE,
    P.SETTLEMENT_WRITE,
    P.STAFF_CARE,
    P.POLICY_READ,
    P.LOG_SIGN,
    P.DAY_FIGURES,
    P.REPORT_READ,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.FLOOR: _FLOOR,
    Role.MANAGER: _MANAGER,
    Role.REGIONAL: _MANAGER,
    Role.HEAD_OFFICE: _PERSON | {P.CONCERN_READ, P.ALERT_READ, P.POLICY_READ, P.LOG_READ, P.REPORT_READ, P.EXPORT_READ},
    Role.ADMIN: _PERSON
    | {
        P.ORGANIZATION_WRITE,
        P.STORE_WRITE,
        P.STORE_RUN,
        P.VOCABULARY_WRITE,
        P.ITEM_READ,
        P.ITEM_WRITE,
        P.STAFF_READ,
        P.STAFF_WRITE,
        P.STAFF_INVITE,
        P.STAFF_CARE,
        P.DEVICE_MANAGE,
        P.CUSTOMER_READ,
        P.CUSTOMER_WRITE,
        P.CUSTOMER_LIST,
        P.CUSTOMER_IMPORT,
        P.CUSTOMER_MERGE,
        P.CAUSE_FIX,
        P.CONCERN_READ,
        P.CONCERN_WORDS,
        P.CONCERN_SENSITIVE,
        P.CONCERN_VOID,
        P.RECOVERY_APPROVE,
        P.RECOVERY_DECIDE,
        P.SETTLEMENT_REQUEST,
        P.SETTLEMENT_WRITE,
        P.SHIFT_END,
        P.ALERT_READ,
        P.POLICY_READ,
        P.POLICY_WRITE,
        P.LOG_READ,
        P.DAY_FIGURES,
        P.REPORT_READ,
        P.EXPORT_READ,
        P.KEY_MANAGE,
        P.SECOND_FACTOR_REMOVE,
    },
}


def roles_with(permission: Permission) -> frozenset[Role]:
    """Return the roles that have a permission."""
    return frozenset(role for role, permissions in GRANTS.items() if permission in permissions)


_KEY = frozenset({P.ANYONE, P.STORE_READ, P.VOCABULARY_READ})
KEY_GRANTS: dict[KeyScope, frozenset[Permission]] = {
    KeyScope.CONCERNS_READ: _KEY | {P.ITEM_READ, P.CONCERN_READ, P.CONCERN_WORDS, P.ALERT_READ, P.LOG_READ},
    KeyScope.CONCERNS_WRITE: _KEY
    | {P.ITEM_READ, P.CONCERN_LOG, P.CONCERN_RESOLVE, P.RECOVERY_ACT, P.SETTLEMENT_REQUEST, P.DAY_FIGURES},
    KeyScope.CUSTOMERS_READ: _KEY | {P.CUSTOMER_READ, P.CUSTOMER_LIST},
    KeyScope.CUSTOMERS_WRITE: _KEY | {P.CUSTOMER_WRITE, P.CUSTOMER_IMPORT},
    KeyScope.REPORTS_READ: _KEY | {P.REPORT_READ},
    KeyScope.EXPORTS_READ: _KEY | {P.EXPORT_READ},
    KeyScope.STAFF_WRITE: _KEY | {P.STAFF_READ, P.STAFF_WRITE},
    KeyScope.SHIFTS_WRITE: _KEY | {P.SHIFT_SYNC},
    KeyScope.SETTLEMENTS_WRITE: _KEY | {P.SETTLEMENT_REQUEST, P.SETTLEMENT_WRITE},
    KeyScope.ORDERS_WRITE: _KEY | {P.ORDER_TELL},
}

# What a shared phone may do by itself, whoever holds it.
SHARED_PHONE_GRANTS = frozenset({P.ANYONE, P.ENROLMENT_USE, P.RECEIPT_SEND})

# Roles that are responsible for every store of the organization, not only for the stores they are listed at.
ROLES_OF_ALL_STORES = frozenset({Role.HEAD_OFFICE, Role.ADMIN})
# Roles that need a second factor, unless only this machine can reach the service.
ROLES_WITH_SECOND_FACTOR = frozenset({Role.ADMIN})


@dataclass(frozen=True)
class AppRules:
    """What an organization says of its apps, by platform: the oldest version that is served, and where to get one."""

    minimum_versions: Mapping[str, str]
    addresses: Mapping[str, str]


@dataclass(frozen=True)
class Actor:
    """Whoever makes a request: a member of staff, an API key, or a shared phone by itself.

    `store_ids` is None for an actor that reaches every store of the organization. `signed_in_at` is when a person gave
    their password; None for a PIN, a key and a phone. `has_second_factor`: the sign-in was proven with a second factor
    too. `is_on_shared_phone`: whether `device_id` is a shared phone. `is_locked`: it waits for the PIN of the person.
    `language` is what the person chose to read, if they did; names of the organization are in `organization_language`.
    """

    organization_id: UUID
    permissions: frozenset[Permission]
    store_ids: frozenset[UUID] | None
    staff_id: UUID | None = None
    api_key_id: UUID | None = None
    session_id: UUID | None = None
    device_id: UUID | None = None
    role: Role | None = None
    signed_in_at: datetime | None = None
    has_second_factor: bool = False
    is_on_shared_phone: bool = False
    is_locked: bool = False
    name: str = field(default="", repr=False)
    apps: "AppRules | None" = field(default=None, repr=False, compare=False)
    language: str | None = None
    organization_language: str = "en"

    @classmethod
    def unauthenticated(cls, organization_id: UUID) -> "Actor":
        """Return an actor without permissions: a customer who did not sign in, or the application itself."""
        return cls(organization_id, frozenset(), frozenset())

    @property
    def shared_phone_id(self) -> UUID | None:
        """The shared phone that this person is signed in on; None on any other phone."""
        return self.device_id if self.is_on_shared_phone else None

    @property
    def personal_phone_id(self) -> UUID | None:
        """The registered phone of their own that this person is signed in on; None on any other device."""
        return None if self.is_on_shared_phone or self.staff_id is None else self.device_id

    @property
    def person(self) -> UUID:
        """The id of the member of staff. Forbidden for an API key or a phone, which are nobody who could do this."""
        if self.staff_id is None:
            raise Forbidden("Only a person can do this, not an API key or a phone by itself.")
        return self.staff_id

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless the actor has the permission."""
        if not self.may(permission):
            raise Forbidden(f"This sign-in does not carry the permission {permission}.")

    def require_recent_sign_in(self, at: datetime) -> None:
        """Raise Forbidden unless the password was given within `RECENT_SIGN_IN`. An API key never signs in, and may."""
        if self.api_key_id is None and (self.signed_in_at is None or at - self.signed_in_at > RECENT_SIGN_IN):
            raise Forbidden("This needs a recent sign-in: sign in again with your password.", code="sign-in-again")

    def require_second_factor(self) -> None:
        """Raise Forbidden for an administrator whose sign-in was not proven with a second factor."""
        if self.role in ROLES_WITH_SECOND_FACTOR and not self.has_second_factor:
            detail = "Administrators need a second factor: set it up with POST /v1/me/second-factor."
            raise Forbidden(detail, code="second-factor-missing")

    def reaches(self, store_id: UUID) -> bool:
        return self.store_ids is None or store_id in self.store_ids
