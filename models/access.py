"""Who may do what: the one page to read when reviewing permissions."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from models.errors import Forbidden


class Permission(StrEnum):
    """What can be asked of the house, named thing:verb."""

    ANYONE = "anyone"  # no sign-in at all
    ME_USE = "me:use"
    STORE_READ = "store:read"
    STORE_WRITE = "store:write"
    STAFF_READ = "staff:read"
    STAFF_CARE = "staff:care"  # learns who needs a pause; so does who leads the shift
    VOCABULARY_READ = "vocabulary:read"  # categories, causes, questions, remedies
    VOCABULARY_WRITE = "vocabulary:write"
    ITEM_READ = "item:read"  # the catalogue, in the words of those who told
    CUSTOMER_READ = "customer:read"
    CUSTOMER_WRITE = "customer:write"
    CUSTOMER_MERGE = "customer:merge"  # says that two profiles are one person
    CUSTOMER_THANK = "customer:thank"  # promises a thank-you to everybody who raised what was fixed
    CAUSE_FIX = "cause:fix"  # says that a cause is fixed
    CONCERN_READ = "concern:read"
    CONCERN_WORDS = "concern:words"  # what was said, and the names of those involved
    CONCERN_SENSITIVE = "concern:sensitive"
    CONCERN_LOG = "concern:log"
    CONCERN_TAKE = "concern:take"
    CONCERN_RELEASE_ANY = "concern:release-any"
    CONCERN_RESOLVE = "concern:resolve"
    RECOVERY_ACT = "recovery:act"
    RECOVERY_APPROVE = "recovery:approve"  # allows what is more than a colleague may give
    ALERT_HEAR = "alert:hear"  # may be rung
    ALERT_READ = "alert:read"
    POLICY_READ = "policy:read"  # when it rings, and how a call climbs
    POLICY_WRITE = "policy:write"
    LOG_READ = "log:read"
    LOG_SIGN = "log:sign"  # notes on a day, its sign-off, and what is added afterwards
    DAY_FIGURES = "day:figures"  # how many guests and receipts a store had, and what it took
    REPORT_READ = "report:read"
    EXPORT_READ = "export:read"  # everything, row by row, for a tool of head office


class Role(StrEnum):
    """What a member of staff is in the organization."""

    FLOOR = "floor"
    MANAGER = "manager"
    REGIONAL = "regional"
    HEAD_OFFICE = "head_office"
    ADMIN = "admin"


class KeyScope(StrEnum):
    """What an API key was made for."""

    CONCERNS_READ = "concerns:read"
    CONCERNS_WRITE = "concerns:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    REPORTS_READ = "reports:read"
    EXPORTS_READ = "exports:read"


P = Permission
_PERSON = frozenset({P.ANYONE, P.ME_USE, P.STORE_READ, P.VOCABULARY_READ})
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
    P.RECOVERY_ACT,
    P.ALERT_HEAR,
    P.ALERT_READ,
    P.LOG_READ,
}
_MANAGER = _FLOOR | {
    P.CUSTOMER_MERGE,
    P.CUSTOMER_THANK,
    P.CAUSE_FIX,
    P.CONCERN_SENSITIVE,
    P.CONCERN_RELEASE_ANY,
    P.RECOVERY_APPROVE,
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
        P.STORE_WRITE,
        P.VOCABULARY_WRITE,
        P.ITEM_READ,
        P.STAFF_READ,
        P.STAFF_CARE,
        P.CUSTOMER_READ,
        P.CUSTOMER_WRITE,
        P.CUSTOMER_MERGE,
        P.CAUSE_FIX,
        P.CONCERN_READ,
        P.CONCERN_WORDS,
        P.CONCERN_SENSITIVE,
        P.ALERT_READ,
        P.POLICY_READ,
        P.POLICY_WRITE,
        P.LOG_READ,
        P.DAY_FIGURES,
        P.REPORT_READ,
        P.EXPORT_READ,
    },
}


def roles_with(permission: Permission) -> frozenset[Role]:
    """The roles that carry a permission."""
    return frozenset(role for role, granted_ in GRANTS.items() if permission in granted_)


_KEY = frozenset({P.ANYONE, P.STORE_READ, P.VOCABULARY_READ})
KEY_GRANTS: dict[KeyScope, frozenset[Permission]] = {
    KeyScope.CONCERNS_READ: _KEY | {P.ITEM_READ, P.CONCERN_READ, P.CONCERN_WORDS, P.ALERT_READ, P.LOG_READ},
    KeyScope.CONCERNS_WRITE: _KEY | {P.ITEM_READ, P.CONCERN_LOG, P.CONCERN_RESOLVE, P.RECOVERY_ACT, P.DAY_FIGURES},
    KeyScope.CUSTOMERS_READ: _KEY | {P.CUSTOMER_READ},
    KeyScope.CUSTOMERS_WRITE: _KEY | {P.CUSTOMER_WRITE},
    KeyScope.REPORTS_READ: _KEY | {P.REPORT_READ},
    KeyScope.EXPORTS_READ: _KEY | {P.EXPORT_READ},
}

# Roles that look after every store of the organization instead of the stores they are listed at.
ROLES_OF_ALL_STORES = frozenset({Role.HEAD_OFFICE, Role.ADMIN})


@dataclass(frozen=True)
class Actor:
    """Who asks, as one look-up found them: a member of staff or an API key.

    `store_ids` is None for those who reach every store of the organization.
    """

    organization_id: UUID
    permissions: frozenset[Permission]
    store_ids: frozenset[UUID] | None
    staff_id: UUID | None = None
    api_key_id: UUID | None = None
    session_id: UUID | None = None
    device_id: UUID | None = None
    role: Role | None = None
    name: str = field(default="", repr=False)

    @classmethod
    def unauthenticated(cls, organization_id: UUID) -> "Actor":
        """The house itself, or a customer: somebody who did not sign in."""
        return cls(organization_id, frozenset(), frozenset())

    @property
    def person(self) -> UUID:
        """The member of staff; Forbidden for a key, which has no pocket to put a phone in."""
        if self.staff_id is None:
            raise Forbidden("Only a person can do this, not an API key.")
        return self.staff_id

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        if not self.may(permission):
            raise Forbidden(f"This sign-in does not carry the permission {permission}.")

    def reaches(self, store_id: UUID) -> bool:
        return self.store_ids is None or store_id in self.store_ids
