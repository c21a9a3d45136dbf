"""The command line, `flask --app wsgi ...`: thin, calls the same verbs as the API."""

from flask import Flask

from api.cli import db, openapi, outbox, reports
from api.cli import organizations as founding
from api.cli.demo import command as demo_command

GROUPS = (
    db.db,
    demo_command.demo,
    founding.organization,
    founding.store,
    founding.staff,
    founding.api_key,
    openapi.openapi,
)


def register(app: Flask) -> None:
    for group in (*GROUPS, outbox.outbox, reports.reports):
        app.cli.add_command(group)
