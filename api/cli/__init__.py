"""Command line, `flask --app wsgi ...`: thin commands that call the same operations as the API."""

from flask import Flask

from api.cli import db, openapi, organizations, outbox, reports
from api.cli.demo import command as demo_command

GROUPS = (
    db.db,
    demo_command.demo,
    organizations.organization,
    organizations.store,
    organizations.staff,
    organizations.api_key,
    openapi.openapi,
    outbox.outbox,
    reports.reports,
)


def register(app: Flask) -> None:
    for group in GROUPS:
        app.cli.add_command(group)
