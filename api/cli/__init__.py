"""The command line, `flask --app wsgi ...`: thin, calls the same verbs as the API."""

from flask import Flask

from api.cli import db, demo, founding, openapi, outbox, reports

GROUPS = (db.db, demo.demo, founding.organization, founding.store, founding.staff, founding.api_key, openapi.openapi)


def register(app: Flask) -> None:
    for group in (*GROUPS, outbox.outbox, reports.reports):
        app.cli.add_command(group)
