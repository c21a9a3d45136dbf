"""Figures: what reports count in addition, and rollups that are computed anew."""

from collections.abc import Iterator
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

from migrations.tenant_tables import index, on_postgresql

revision = "1006"
down_revision = "1005"
branch_labels = None
depends_on = None

BATCH = 1_000  # rows
# Figures by table: of all rollups, and of those of whole stores only.
ALL_ROLLUPS = ("rollup_day", "rollup_month", "rollup_cause")
NEW_FIGURES: tuple[str, ...] = (
    "taken_in_time",
    "taken_after_unanswered",
    "with_customer",
    "feedback_asked",
    "feedback_suspect",
    "rated_1",
    "rated_2",
    "rated_3",
    "rated_4",
    "rated_5",
    "promoters",
    "passives",
    "detractors",
    "recommend_total",
)
STORE_ROLLUPS = ("rollup_day", "rollup_month")
NEW_STORE_FIGURES: tuple[str, ...] = (
    "logged_unhappy",
    "quick_own",
    "corrected_up",
    "taken_back",
    "days_with_concerns",
    "unsigned_days",
)


ANSWER_INDEXES = {
    "ix_feedback_request_answer": ("organization_id", "answered_at", "id"),
    "ix_feedback_request_store_answer": ("organization_id", "store_id", "answered_at", "id"),
}


def upgrade() -> None:
    _upgrade_concerns()
    _upgrade_alerts()
    _upgrade_rollups()
    _upgrade_feedback()
    _upgrade_items()
    _upgrade_questions()


def downgrade() -> None:
    _downgrade_questions()
    _downgrade_items()
    _downgrade_feedback()
    _downgrade_rollups()
    _downgrade_alerts()
    _downgrade_concerns()


def _new_columns() -> Iterator[tuple[str, tuple[str, ...]]]:
    for table in ALL_ROLLUPS:
        yield table, NEW_FIGURES + (NEW_STORE_FIGURES if table in STORE_ROLLUPS else ())


def _upgrade_rollups() -> None:
    """Add the new figures, and mark every day dirty that has a rollup: its rows count until it is computed anew."""
    for table, columns in _new_columns():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
    _mark_days_dirty()


def _mark_days_dirty() -> None:
    names = {"organization_id": sa.Uuid(), "store_id": sa.Uuid(), "business_date": sa.Date()}
    rollup_day = sa.table("rollup_day", *(sa.column(name, kind) for name, kind in names.items()))
    new = {"id": sa.Uuid(), "month": sa.Date(), **names}
    dirty_day = sa.table("dirty_day", *(sa.column(name, kind) for name, kind in new.items()))
    connection = op.get_bind()
    days = connection.execute(sa.select(rollup_day).distinct()).mappings().all()
    for start in range(0, len(days), BATCH):
        rows = [
            {**day, "id": uuid4(), "month": day["business_date"].replace(day=1)} for day in days[start : start + BATCH]
        ]
        connection.execute(sa.insert(dirty_day), rows)


def _downgrade_rollups() -> None:
    for table, columns in _new_columns():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)


def _upgrade_feedback() -> None:
    """Let each feedback request know the day of its concern, and find what customers answered by store."""
    with op.batch_alter_table("feedback_request") as batch:
        batch.add_column(sa.Column("business_date", sa.Date(), nullable=True))
    op.execute(
        "UPDATE feedback_request SET business_date = (SELECT concern.business_date FROM concern"
        " WHERE concern.organization_id = feedback_request.organization_id"
        " AND concern.id = feedback_request.concern_id)"
    )
    with op.batch_alter_table("feedback_request") as batch:
        batch.alter_column("business_date", existing_type=sa.Date(), nullable=False)
    for name, columns in ANSWER_INDEXES.items():
        index(name, "feedback_request", *columns, where="answered_at IS NOT NULL")


def _downgrade_feedback() -> None:
    for name in ANSWER_INDEXES:
        op.drop_index(name, "feedback_request")
    with op.batch_alter_table("feedback_request") as batch:
        batch.drop_column("business_date")


def _upgrade_items() -> None:
    """Confirm the names that an administrator gave. What may be as staff typed it waits for a manager's tick.

    Two things made a new version of an item: a better name, and, once, that it was hidden no more. So the third has a
    name that was given; the second has one if the item is hidden still, or never was: the concern that brought it was
    at no time sensitive.
    """
    with op.batch_alter_table("catalogue_item") as batch:
        batch.add_column(sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.false()))
    index("ix_concern_item_item_id", "concern_item", "organization_id", "item_id")
    marked = "event.details ->> 'sensitive'" if on_postgresql() else "json_extract(event.details, '$.sensitive')"
    op.execute(
        "UPDATE catalogue_item SET confirmed = true WHERE version > 2 OR version = 2 AND (hidden OR EXISTS ("  # noqa: S608 our own text
        "SELECT 1 FROM concern_item AS named JOIN concern ON concern.organization_id = named.organization_id"
        " AND concern.id = named.concern_id WHERE named.organization_id = catalogue_item.organization_id"
        " AND named.item_id = catalogue_item.id AND concern.received_at = catalogue_item.created_at"
        " AND NOT concern.sensitive AND NOT EXISTS (SELECT 1 FROM concern_event AS event"
        " WHERE event.organization_id = concern.organization_id AND event.concern_id = concern.id"
        f" AND {marked} IS NOT NULL)))"
    )


def _downgrade_items() -> None:
    op.drop_index("ix_concern_item_item_id", "concern_item")
    with op.batch_alter_table("catalogue_item") as batch:
        batch.drop_column("confirmed")


def _upgrade_questions() -> None:
    """Mark the question that asks for the whole story, where an organization has it as it was given."""
    with op.batch_alter_table("question") as batch:
        batch.add_column(sa.Column("from_the_beginning", sa.Boolean(), nullable=False, server_default=sa.false()))
    question = sa.table("question", sa.column("slug", sa.String()), sa.column("from_the_beginning", sa.Boolean()))
    op.execute(sa.update(question).where(question.c.slug == "what-happened").values(from_the_beginning=True))


def _downgrade_questions() -> None:
    with op.batch_alter_table("question") as batch:
        batch.drop_column("from_the_beginning")


def _upgrade_concerns() -> None:
    """Keep the mood with which a concern was logged where it was corrected. The timeline of those of before has it."""
    with op.batch_alter_table("concern") as batch:
        batch.add_column(sa.Column("mood_as_logged", sa.SmallInteger(), nullable=True))
    logged = "event.details ->> 'mood'" if on_postgresql() else "json_extract(event.details, '$.mood')"
    op.execute(
        f"UPDATE concern SET mood_as_logged = CAST({logged} AS smallint) FROM concern_event AS event"  # noqa: S608 our own text
        " WHERE event.organization_id = concern.organization_id AND event.concern_id = concern.id"
        f" AND event.step = 'logged' AND CAST({logged} AS smallint) <> concern.mood"
    )


def _downgrade_concerns() -> None:
    with op.batch_alter_table("concern") as batch:
        batch.drop_column("mood_as_logged")


def _upgrade_alerts() -> None:
    """Say of each alert whether it ever rang. Those of before did, but for what came too late and never called.

    It called, whether it found a phone or none, if somebody was looked up, or nobody answered, or it calls now.
    """
    with op.batch_alter_table("alert") as batch:
        batch.add_column(sa.Column("rang", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(
        "UPDATE alert SET rang = false WHERE (state = 'late' OR EXISTS (SELECT 1 FROM concern"
        " WHERE concern.organization_id = alert.organization_id AND concern.id = alert.concern_id AND concern.late))"
        " AND recipients_found_at IS NULL AND unanswered_at IS NULL AND state NOT IN ('open', 'unanswered')"
        " AND NOT EXISTS (SELECT 1 FROM notification"
        " WHERE notification.organization_id = alert.organization_id AND notification.alert_id = alert.id)"
    )


def _downgrade_alerts() -> None:
    with op.batch_alter_table("alert") as batch:
        batch.drop_column("rang")
