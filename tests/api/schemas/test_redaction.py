"""What a schema withholds depends on the reader and the object, and on no request."""

from uuid import uuid4

import pytest

from api.schemas.concerns import AlertSummarySchema
from api.schemas.redaction import shown_to
from models.access import GRANTS, Actor, Role
from models.alerts.enums import AlertState

SUMMARY = "Table 12 waits for a manager."
ALERT = {"id": uuid4(), "state": AlertState.OPEN, "summary_in": lambda _: SUMMARY}


def actor(role: Role) -> Actor:
    return Actor(uuid4(), GRANTS[role], None, staff_id=uuid4(), role=role)


def test_who_reads_figures_only_sees_no_words():
    with shown_to(actor(Role.HEAD_OFFICE)):
        assert AlertSummarySchema().dump(ALERT)["summary"] is None
    with shown_to(actor(Role.MANAGER)):
        assert AlertSummarySchema().dump(ALERT)["summary"] == SUMMARY


def test_the_innermost_reader_counts():
    with shown_to(actor(Role.MANAGER)):
        with shown_to(actor(Role.HEAD_OFFICE)):
            pass
        assert AlertSummarySchema().dump(ALERT)["summary"] == SUMMARY


def test_without_a_reader_nothing_is_shown():
    with pytest.raises(LookupError):
        AlertSummarySchema().dump(ALERT)
