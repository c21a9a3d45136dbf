"""Command that inspects how organizations are set up, for what will hurt."""

from dataclasses import asdict

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from api.cli.base import Command, print_json, worker_database
from models.db.session import ALL_TENANTS
from models.errors import NotFound
from models.operations.inspect_setup import inspect_setup
from models.organizations.organization import Organization


@click.command("inspect", cls=Command)
@click.option("--organization", "of", metavar="SLUG", help="Of one organization only.")
@with_appcontext
def inspect(of: str | None) -> None:
    """Show what is set up in a way that will hurt, such as stores without hours, places or anybody to ring.

    Ends with 1 when something is found.
    """
    with worker_database() as database:
        with database.reading(ALL_TENANTS) as session:
            stmt = select(Organization.slug, Organization.id).order_by(Organization.slug)
            organizations = dict(session.execute(stmt if of is None else stmt.where(Organization.slug == of)).all())
        if of is not None and not organizations:
            raise NotFound(f"There is no organization {of!r}.")
        findings = {}
        for slug, organization_id in organizations.items():
            with database.reading(organization_id) as session:
                findings[slug] = [asdict(finding) for finding in inspect_setup(session, at=database.clock())]
    print_json(findings)
    if any(findings.values()):
        raise SystemExit(1)
