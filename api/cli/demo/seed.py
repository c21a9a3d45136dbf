"""Seeds both demo organizations. The same day of seeding gives the same figures."""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from api.cli.demo.companies import (
    DEMO_COMPANY,
    OTHER_COMPANY,
    Company,
    Hashes,
    check_in_staff,
    create_company,
    hash_passwords,
    set_passwords,
    sign_in_on_phones,
)
from api.cli.demo.history import write_history
from models.concerns.concern import Concern
from models.db.session import ALL_TENANTS, Database
from models.organizations.organization import Organization
from models.recovery.action import RecoveryAction

# The long one first: an interrupted seed then leaves an empty database, and can be repeated.
COMPANIES = (DEMO_COMPANY, OTHER_COMPANY)
DAYS_TO_SEED = sum(company.days * len(company.stores) for company in COMPANIES)


def already_there(database: Database, *, any_organization: bool = False) -> str | None:
    """Return why nothing should be seeded, in one sentence, or None."""
    with database.reading(ALL_TENANTS) as session:
        slugs = set(session.scalars(select(Organization.slug)))
    if taken := slugs & {DEMO_COMPANY.slug, OTHER_COMPANY.slug}:
        return f"The organization {min(taken)!r} exists already."
    return "There is an organization already." if any_organization and slugs else None


def seed(database: Database, *, at: datetime, after_each_day: Callable[[], None] = lambda: None) -> str:
    """Write both organizations, each in one transaction, and return a summary. No phone rings for their history."""
    with ThreadPoolExecutor() as pool, garbage_left():
        hashes = hash_passwords(pool)
        summaries = [
            _seed_company(database, company, hashes, at=at, after_each_day=after_each_day) for company in COMPANIES
        ]
    return f"Seeded {', and '.join(summaries)}."


@contextmanager
def garbage_left() -> Iterator[None]:
    """Do not look for garbage: nearly all of the many new objects are rows that a transaction still needs."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def begin_shifts(database: Database, *, at: datetime) -> None:
    """Let the people of the demo come to work again, so that phones ring whenever it is started."""
    for company in COMPANIES:
        with database.reading(ALL_TENANTS) as session:
            id_ = session.scalars(select(Organization.id).where(Organization.slug == company.slug)).one_or_none()
        if id_ is not None:
            with database.writing(id_) as session:
                check_in_staff(session, company, at=at)


def _seed_company(
    database: Database,
    company: Company,
    hashes: Hashes,
    *,
    at: datetime,
    after_each_day: Callable[[], None] = lambda: None,
) -> str:
    with database.writing(uuid7()) as session:
        shifts = create_company(session, company, hashes, at=at)
        write_history(session, shifts, days=company.days, seeded_at=at, after_each_day=after_each_day)
        set_passwords(session, company, hashes)
        sign_in_on_phones(session, company, at=at)
        check_in_staff(session, company, at=at)
        session.flush()
        concerns, actions = (
            session.scalar(select(func.count()).select_from(kind)) for kind in (Concern, RecoveryAction)
        )
    return f"'{company.slug}' with {concerns} concerns and {actions} recovery actions"
