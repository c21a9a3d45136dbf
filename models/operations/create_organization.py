"""Use case of creating an organization: itself, its default vocabulary and rules, and its administrator."""

from datetime import datetime
from uuid import UUID

from models.access import Role
from models.db.session import ScopedSession
from models.operations.default_rules import add_default_rules
from models.operations.default_vocabulary import add_default_vocabulary
from models.organizations.organization import Organization
from models.staff.staff import Staff


def create_organization(
    session: ScopedSession,
    *,
    slug: str,
    name: str,
    admin_login: str,
    admin_name: str,
    password_hash: str,
    at: datetime,
) -> tuple[Organization, Staff]:
    """Create an organization that is ready for use, with its administrator. Conflict when the slug is taken.

    The session has to be scoped to the id the organization is going to have, so that all is one transaction.
    """
    if not isinstance(session.tenant, UUID):
        raise TypeError("choose the id first and open the session for it")
    organization = Organization.create(session, slug=slug, name=name, at=at, id_=session.tenant)
    add_default_vocabulary(session)
    add_default_rules(session)
    admin = Staff.hire(session, login=admin_login, name=admin_name, role=Role.ADMIN, password_hash=password_hash)
    return organization, admin
