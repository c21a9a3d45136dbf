"""Two invented organizations with a history, to try things with; the same figures for the same day of seeding."""

from datetime import datetime

from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from api.cli.demo.companies import DEMO_COMPANY, OTHER_COMPANY, Company, create_company, hash_passwords
from api.cli.demo.history import add_history
from models.concerns.concern import Concern
from models.db.session import ALL_TENANTS, Database
from models.organizations.organization import Organization
from models.recovery.action import RecoveryAction


def already_there(database: Database, *, any_organization: bool = False) -> str | None:
    """Why there is nothing to seed, in one sentence; None when there is."""
    with database.reading(ALL_TENANTS) as session:
        slugs = set(session.scalars(select(Organization.slug)))
    if taken := slugs & {DEMO_COMPANY.slug, OTHER_COMPANY.slug}:
        return f"The organization {min(taken)!r} exists already."
    return "There is an organization already." if any_organization and slugs else None


def seed(database: Database, *, at: datetime) -> str:
    """Write both organizations, each in one transaction; says what was made. No phone rings for any of it."""
    hashes = hash_passwords()
    # The long one first: whoever interrupts it finds the database as it was, and may try again.
    return (
        "Seeded "
        + ", and ".join(_seed(database, company, hashes, at=at) for company in (DEMO_COMPANY, OTHER_COMPANY))
        + "."
    )


def _seed(database: Database, company: Company, hashes: dict[str, str], *, at: datetime) -> str:
    with database.writing(uuid7()) as session:
        posts = create_company(session, company, hashes, at=at)
        for post in posts:
            add_history(session, post, days=company.days, until=at)
        session.flush()
        concerns, actions = (
            session.scalar(select(func.count()).select_from(kind)) for kind in (Concern, RecoveryAction)
        )
    return f"'{company.slug}' with {concerns} concerns and {actions} recovery actions"
