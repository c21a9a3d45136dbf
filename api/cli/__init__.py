"""Command line, `flask --app wsgi ...`: thin commands that call the same operations as the API."""

from flask import Flask

from api.cli import access, db, inspect_setup, openapi, organizations, outbox, reports, rescue
from api.cli.demo import command as demo_command

COMMANDS = (
    db.db,
    demo_command.demo,
    organizations.organization,
    organizations.store,
    organizations.staff,
    organizations.api_key,
    inspect_setup.inspect,
    openapi.openapi,
    access.access,
    outbox.outbox,
    reports.reports,
)


organizations.organization.add_command(rescue.rescue)


def register(app: Flask) -> None:
    for command in COMMANDS:
        app.cli.add_command(command)
