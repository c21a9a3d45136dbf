"""Management rights: whom somebody may hire, change, let go and invite. Nobody gives a role or a store beyond the own.

| who                      | manages                                                                                  |
|--------------------------|------------------------------------------------------------------------------------------|
| administrator            | everybody                                                                                |
| manager, regional manager | floor staff of the stores they look after, who belong to no other store                 |
| API key                  | floor staff and managers; if it is limited to stores, those who belong to no other store  |
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import Session

from models.access import Actor, Permission, Role
from models.errors import Forbidden, Invalid, InvalidState
from models.organizations.organization import Organization, Region
from models.organizations.store import Store
from models.staff.staff import Staff, StaffRegion, StaffStore

ROLES_MANAGED_BY: dict[Role, frozenset[Role]] = {
    Role.ADMIN: frozenset(Role),
    Role.REGIONAL: frozenset({Role.FLOOR}),
    Role.MANAGER: frozenset({Role.FLOOR}),
}
ROLES_MANAGED_BY_KEYS = frozenset({Role.FLOOR, Role.MANAGER})


def manageable_roles(actor: Actor) -> frozenset[Role]:
    """Return the roles that this actor gives, and whose people they manage."""
    if not actor.may(Permission.STAFF_WRITE):
        return frozenset()
    if actor.api_key_id is not None:
        return ROLES_MANAGED_BY_KEYS
    return ROLES_MANAGED_BY.get(actor.role, frozenset()) if actor.role else frozenset()


def may_manage(actor: Actor, staff: Staff) -> bool:
    """Return whether this actor may hire, change, let go and invite this person. `manageable_by` is the rule in SQL."""
    return staff.role in manageable_roles(actor) and _is_within_reach(actor, staff)


def manageable_by(actor: Actor) -> Sequence[ColumnElement[bool]]:
    """Return the criteria for the people whom this actor manages: `may_manage` in SQL."""
    roles = manageable_roles(actor)
    if not roles:
        return (false(),)
    if actor.store_ids is None:
        return (Staff.role.in_(roles),)
    # Joined to the outer statement by hand: the worker's sessions see all organizations.
    of_person = (StaffStore.organization_id == Staff.organization_id, StaffStore.staff_id == Staff.id)
    inside = select(StaffStore.id).where(*of_person, StaffStore.store_id.in_(actor.store_ids))
    outside = select(StaffStore.id).where(*of_person, StaffStore.store_id.not_in(actor.store_ids))
    regions = select(StaffRegion.id).where(
        StaffRegion.organization_id == Staff.organization_id, StaffRegion.staff_id == Staff.id
    )
    return Staff.role.in_(roles), inside.exists(), ~outside.exists(), ~regions.exists()


def require_may_manage(actor: Actor, staff: Staff) -> None:
    """Raise Forbidden unless this actor manages this person, whom they see."""
    if not may_manage(actor, staff):
        raise Forbidden(
            f"{staff.name} is not somebody whom this sign-in manages: managers look after floor staff who belong to "
            "their own stores only, administrators after everybody."
        )


def require_may_give(actor: Actor, role: Role, former: Role = Role.FLOOR, *, at: datetime) -> None:
    """Raise Forbidden unless this actor may give somebody this role. For stores and regions see `find_reach`.

    To give or to change a role above floor, a person needs a recent sign-in.
    """
    if role not in manageable_roles(actor):
        raise Forbidden(f"This sign-in does not give the role {role}.")
    if {role, former} != {Role.FLOOR}:
        actor.require_recent_sign_in(at)


def require_may_let_in(actor: Actor, staff: Staff, *, at: datetime) -> None:
    """Raise Forbidden unless this actor signed in lately, for somebody above floor.

    Whoever gets their code, or the mails with it, can sign in as them and has their role.
    """
    if staff.role is not Role.FLOOR:
        actor.require_recent_sign_in(at)


def find_reach(
    session: Session, actor: Actor, store_ids: Sequence[UUID], region_ids: Sequence[UUID]
) -> tuple[list[Store], list[Region]]:
    """Return the stores and regions with these ids, which this actor may give.

    Invalid, with a pointer, for a store out of reach, and for any region where the actor is limited to stores: a region
    has stores of tomorrow as well.
    """
    of_stores = select(Store).where(Store.id.in_(store_ids), *Store.visible_to(actor))
    of_regions = select(Region).where(Region.id.in_(region_ids))
    stores = {store.id: store for store in session.scalars(of_stores)}
    regions = {region.id: region for region in session.scalars(of_regions)} if actor.store_ids is None else {}
    for noun, ids, found in (("store", store_ids, stores), ("region", region_ids, regions)):
        for position, id_ in enumerate(ids):
            if id_ not in found:
                pointer = f"/{noun}_ids/{position}"
                raise Invalid(f"There is no {noun} '{id_}' within reach of this sign-in.", pointer=pointer)
    return [stores[id_] for id_ in store_ids], [regions[id_] for id_ in region_ids]


def require_other_administrator(session: Session, staff: Staff) -> None:
    """Raise InvalidState unless somebody else administers the organization, can sign in, and has no leave planned.

    Locks the organization, so that of two administrators who end each other's role at once the second is refused.
    """
    Organization.get(session, staff.organization_id, lock=True)
    others = select(Staff.id).where(
        Staff.role == Role.ADMIN,
        Staff.id != staff.id,
        Staff.left_at.is_(None),
        Staff.leaves_at.is_(None),
        Staff.password_hash.is_not(None),
    )
    if session.scalars(others.limit(1)).first() is None:
        raise InvalidState(
            "Nobody else administers this organization and can sign in: make another administrator first.",
            code="last-administrator",
        )


def _is_within_reach(actor: Actor, staff: Staff) -> bool:
    if actor.store_ids is None:
        return True
    return bool(staff.store_links) and not staff.region_links and actor.store_ids.issuperset(staff.store_ids)
