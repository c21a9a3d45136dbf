"""Command that lets an administrator in again, loudly."""

import click
import structlog
from flask.cli import with_appcontext

from api.cli.base import Words, organization_by_slug, print_json, worker_database
from api.cli.organizations import of_organization
from api.links import public_url
from models.operations.people.rescue_organization import rescue_organization

log = structlog.get_logger(__name__)
WARNING = """\
WARNING: whoever has the code below can administer {slug!r}. It is valid until {until} and works once.
All administrators are told of it on their phones and by mail.{second_factor}"""


@click.command("rescue")
@with_appcontext
@of_organization
@click.option("--login", help="Of which administrator; of a new one where none works there.")
@click.option("--name", type=Words(), help="The name of a new administrator.")
def rescue(of: str, login: str | None, name: str | None) -> None:
    """Make a one-time code for an administrator who cannot sign in."""
    with worker_database() as database:
        its_organization = organization_by_slug(database, of)
        with database.writing(its_organization.id) as session:
            done = rescue_organization(session, login=login, name=name, at=database.clock())
    log.warning(
        "administrator rescued",
        organization_id=str(its_organization.id),
        staff=str(done.staff.id),
        new=done.is_new,
        second_factor_removed=done.lost_second_factor,
    )
    removed = f"\nThe second factor of {done.staff.login!r} was removed." if done.lost_second_factor else ""
    until = done.invitation.expires_at.isoformat(timespec="minutes")
    click.echo(WARNING.format(slug=of, until=until, second_factor=removed), err=True)
    code = str(done.invitation.secret)
    print_json(
        {
            "staff": {"id": done.staff.id, "login": done.staff.login, "name": done.staff.name},
            "created": done.is_new,
            "second_factor_removed": done.lost_second_factor,
            "code": code,
            "link": public_url("i", code),
            "expires_at": done.invitation.expires_at,
        }
    )
