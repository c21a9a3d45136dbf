"""Commands that create an organization, its stores, its staff and its API keys."""

from datetime import UTC, datetime, time
from uuid import UUID

import click
from uuid_utils.compat import uuid7

from api.cli.base import (
    Group,
    Words,
    organization_by_slug,
    organization_id,
    password_from_stdin,
    print_json,
    worker_database,
)
from api.schemas.api_keys import ApiKeySchema
from api.schemas.places import MAX_NAME_LENGTH as MAX_PLACE_LENGTH
from models.access import KeyScope, Role
from models.errors import NotFound
from models.operations.change_store import add_store
from models.operations.create_organization import create_organization
from models.organizations.organization import Region
from models.organizations.store import Store, StoreKind
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.password import hash_password
from models.staff.staff import Staff

organization = Group("organization", help="Organizations: the tenants of this installation.")
store = Group("store", help="The stores of an organization.")
staff = Group("staff", help="The people of an organization.")
api_key = Group("api-key", help="API keys for machines, such as head office's reports or the till.")

of_organization = click.option("--organization", "of", required=True, metavar="SLUG", help="Of which organization.")


class CivilTime(click.ParamType):
    """Option type for a time of day such as 04:00."""

    name = "HH:MM"

    def convert(self, value: str | time, param: click.Parameter | None, ctx: click.Context | None) -> time:
        try:
            return value if isinstance(value, time) else time.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time of day; 04:00 is.", param, ctx)


class Instant(click.ParamType):
    """Option type for a time with its offset, or a date, which begins in UTC."""

    name = "DATE|TIME"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and len(value) == len("2027-01-31"):
            at = at.replace(tzinfo=UTC)
        if at is None or at.tzinfo is None:
            self.fail(
                f"{value!r} is no date such as 2027-01-31 and no time such as 2027-01-31T18:00+01:00.", param, ctx
            )
        return at


@organization.command("create")
@click.option("--slug", required=True, help="Its short name, which people sign in with.")
@click.option("--name", required=True, type=Words())
@click.option("--admin-login", required=True)
@click.option("--admin-name", type=Words(), default="Administrator", show_default=True)
@click.option("--admin-password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
def create(slug: str, name: str, admin_login: str, admin_name: str, **_: bool) -> None:
    """Create an organization with a default vocabulary and an administrator."""
    password_hash = hash_password(password_from_stdin())
    with worker_database() as database, database.writing(uuid7()) as session:
        created, admin = create_organization(
            session,
            slug=slug,
            name=name,
            admin_login=admin_login,
            admin_name=admin_name,
            password_hash=password_hash,
            at=database.clock(),
        )
    print_json(
        {
            "organization": {"id": created.id, "slug": created.slug, "name": created.name},
            "admin": {"id": admin.id, "login": admin.login, "name": admin.name},
        }
    )


@store.command("create")
@of_organization
@click.option("--region", required=True, metavar="SLUG", help="Its region, which is created if it does not exist.")
@click.option("--region-name", type=Words(), help="The name of a new region.")
@click.option("--slug", required=True)
@click.option("--name", required=True, type=Words())
@click.option("--kind", required=True, type=click.Choice([kind.value for kind in StoreKind]))
@click.option("--time-zone", required=True, help="An IANA name such as Europe/Lisbon.")
@click.option("--country", required=True, help="Two letters; phone numbers are read with it.")
@click.option("--currency", required=True, help="Three letters.")
@click.option("--day-starts-at", type=CivilTime(), default="04:00", show_default=True)
@click.option(
    "--place",
    "places",
    multiple=True,
    type=Words(MAX_PLACE_LENGTH),
    help="A place in the store, such as 'table 12'; may be repeated.",
)
def create_store(of: str, region: str, region_name: str | None, kind: str, **details: object) -> None:
    """Create a store."""
    with worker_database() as database, database.writing(organization_id(database, of)) as session:
        its_region = Region.get_or_create(session, region, region_name)
        created = add_store(session, region=its_region, kind=StoreKind(kind), **details)
        places = [place.slug for place in created.places]
    print_json(
        {
            "store": {"id": created.id, "slug": created.slug, "name": created.name, "places": places},
            "region": {"id": its_region.id, "slug": its_region.slug, "name": its_region.name},
        }
    )


@staff.command("create")
@of_organization
@click.option("--login", required=True)
@click.option("--name", required=True, type=Words())
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--store", "stores", multiple=True, metavar="SLUG", help="A store where they work; may be repeated.")
@click.option("--region", "regions", multiple=True, metavar="SLUG", help="A region they manage; may be repeated.")
@click.option("--password-stdin", is_flag=True, required=True, help="Read the password from standard input.")
def create_staff(
    of: str, login: str, name: str, role: str, stores: tuple[str, ...], regions: tuple[str, ...], **_: bool
) -> None:
    """Create a member of staff."""
    with worker_database() as database:
        its_organization = organization_by_slug(database, of)
        password_hash = hash_password(password_from_stdin(), min_length=its_organization.password_min_length)
        with database.writing(its_organization.id) as session:
            created = Staff.hire(
                session,
                login=login,
                name=name,
                role=Role(role),
                password_hash=password_hash,
                stores=[Store.by_slug(session, slug) for slug in stores],
                regions=[Region.by_slug(session, slug) for slug in regions],
            )
    print_json({"staff": {"id": created.id, "login": created.login, "name": created.name, "role": created.role}})


@api_key.command("create")
@of_organization
@click.option("--name", required=True, type=Words(), help="Its purpose or owner; shown in lists and logs.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in KeyScope]))
@click.option("--store", "stores", multiple=True, metavar="SLUG", help="A store it is limited to; may be repeated.")
@click.option("--expires", "expires_at", type=Instant(), help="From when it is refused; never by default.")
def create_api_key(
    of: str, name: str, scopes: tuple[str, ...], stores: tuple[str, ...], expires_at: datetime | None
) -> None:
    """Create an API key. Its token is shown only this once."""
    with worker_database() as database:
        owner = organization_id(database, of)
        with database.writing(owner) as session:
            key = ApiKey.create(
                session,
                organization_id=owner,
                name=name,
                scopes={KeyScope(scope) for scope in scopes},
                store_ids=[Store.by_slug(session, slug).id for slug in stores] or None,
                expires_at=expires_at,
                at=database.clock(),
            )
            shown = _without_token(key)
    print_json({"api_key": shown, "token": key.secret})


@api_key.command("list")
@of_organization
def list_api_keys(of: str) -> None:
    """List the API keys, newest first, revoked ones too."""
    with worker_database() as database, database.reading(organization_id(database, of)) as session:
        keys = session.scalars(ApiKey.select_visible().order_by(ApiKey.created_at.desc(), ApiKey.id.desc()))
        print_json({"api_keys": [_without_token(key) for key in keys]})


@api_key.command("revoke")
@of_organization
@click.argument("key_id", metavar="ID", type=click.UUID)
def revoke_api_key(of: str, key_id: UUID) -> None:
    """Revoke an API key: it is refused from its next request on."""
    with worker_database() as database:
        owner = organization_id(database, of)
        with database.writing(owner) as session:
            key = session.get(ApiKey, (owner, key_id), with_for_update=True)
            if key is None:
                raise NotFound(f"This organization has no API key {key_id}; `api-key list` shows those it has.")
            key.revoke(at=database.clock())
            shown = _without_token(key)
    print_json({"api_key": shown})


def _without_token(key: ApiKey) -> dict[str, object]:
    """Return the key as the API shows it, but for the token."""
    shown: dict[str, object] = ApiKeySchema(exclude=("token",)).dump(key)
    return shown
