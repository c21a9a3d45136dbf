"""What was typed and matched nothing, concerns that were void, shifts that end by the clock, extensions of phones."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from migrations.folding_1004 import fold_again, fold_as_before
from migrations.tenant_tables import INSTANT, NAME_KEY, drop_tables, index, link, tenant_table

revision = "1004"
down_revision = "1003"
branch_labels = None
depends_on = None

# What version 0.1.0 cannot read: kinds of notification, and a scope of API keys.
NEW_KINDS = ("unanswered_severe", "contact_missing", "still_here", "shift_ended")
NEW_SCOPE = "shifts:write"
OPEN_PRAISE = "concern.kind = 'praise' AND concern.status <> 'resolved'"
LONGEST_SHIFT = "16 hours"
PHONE_KEY = sa.String(20).with_variant(sa.String(20, collation="C"), "postgresql")


def upgrade() -> None:
    _upgrade_customers()
    with op.batch_alter_table("store") as batch:
        batch.add_column(sa.Column("shifts_end_daily", sa.Boolean(), nullable=False, server_default=sa.true()))
    _upgrade_shifts()
    for table in ("rollup_day", "rollup_month"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("voided", sa.Integer(), nullable=False, server_default="0"))
            batch.add_column(sa.Column("reclassified", sa.Integer(), nullable=False, server_default="0"))
    _upgrade_concerns()


def _upgrade_customers() -> None:
    """Look names and numbers up in their new form. The keys are written before any other table is locked."""
    tenant_table(
        "customer_name_word",
        link("customer_id", "customer"),
        sa.Column("word", NAME_KEY, nullable=False),
        sa.UniqueConstraint("organization_id", "customer_id", "word", name="uq_customer_name_word"),
    )
    fold_again(op.get_bind())
    index("ix_customer_name_word_word", "customer_name_word", "organization_id", "word", "customer_id")
    with op.batch_alter_table("customer") as batch:
        batch.add_column(sa.Column("phone_extension", sa.String(20), nullable=False, server_default=""))
        batch.drop_constraint("uq_customer_organization_id_phone", type_="unique")
        batch.create_unique_constraint("uq_customer_phone", ["organization_id", "phone", "phone_extension"])
        batch.alter_column("phone_key", existing_type=sa.String(20), type_=PHONE_KEY)


def _upgrade_concerns() -> None:
    """Last of all: from here to the end nobody else reads a concern."""
    _resolve_praise()
    with op.batch_alter_table("concern") as batch:
        batch.add_column(sa.Column("as_typed", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("ambiguous_customer", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("urgent_as_typed", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("reclassified", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("became_concern_at", INSTANT, nullable=True))
        batch.drop_index("ix_concern_open")
    index(
        "ix_concern_open",
        "concern",
        "organization_id",
        "store_id",
        "business_date",
        where="status IN ('open', 'taken')",
    )
    index("ix_concern_as_typed", "concern", "received_at", where="as_typed IS NOT NULL")


def _resolve_praise() -> None:
    """Praise is over when it is told. Each is a new version in the change feed: phones and copies learn of it."""
    of_organization = f"concern.organization_id = counter.organization_id AND {OPEN_PRAISE}"
    op.execute(
        "UPDATE change_counter AS counter SET last_seq = last_seq"  # noqa: S608 our own query
        f" + (SELECT count(*) FROM concern WHERE {of_organization})"
        f" WHERE EXISTS (SELECT 1 FROM concern WHERE {of_organization})"
    )
    op.execute(
        sa.text(
            "INSERT INTO change (organization_id, seq, store_id, kind, object_id, version, op, at)"  # noqa: S608 our own
            " SELECT concern.organization_id, counter.last_seq + 1"
            " - row_number() OVER (PARTITION BY concern.organization_id ORDER BY concern.id DESC),"
            " concern.store_id, 'concern', concern.id, concern.version + 1, 'upsert', :at"
            f" FROM concern JOIN change_counter AS counter ON {of_organization}"
        ).bindparams(sa.bindparam("at", datetime.now(UTC), INSTANT))
    )
    op.execute(
        "UPDATE concern SET status = 'resolved', resolved_at = received_at, taken_by_id = NULL, version = version + 1"  # noqa: S608 our own
        f" WHERE {OPEN_PRAISE}"
    )


def _upgrade_shifts() -> None:
    """Give each shift an end: whoever forgot to check out is off shift after the longest one."""
    with op.batch_alter_table("shift") as batch:
        batch.add_column(sa.Column("ends_at", INSTANT, nullable=True))
        batch.add_column(sa.Column("end_reason", sa.String(20), nullable=True))
        batch.add_column(sa.Column("asked_at", INSTANT, nullable=True))
        batch.add_column(sa.Column("source", sa.String(60), nullable=True))
        batch.add_column(sa.Column("reference", sa.String(100), nullable=True))
        batch.add_column(sa.Column("ended_by_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key(
            "fk_shift_ended_by", "staff", ["organization_id", "ended_by_id"], ["organization_id", "id"]
        )
        batch.create_unique_constraint("uq_shift_reference", ["organization_id", "source", "reference"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"UPDATE shift SET ends_at = coalesce(ended_at, started_at + interval '{LONGEST_SHIFT}')")  # noqa: S608 our own text
    else:
        later = f"strftime('%Y-%m-%d %H:%M:%f', started_at, '+{LONGEST_SHIFT}') || '000'"
        op.execute(f"UPDATE shift SET ends_at = coalesce(ended_at, {later})")  # noqa: S608 our own text
    with op.batch_alter_table("shift") as batch:
        batch.alter_column("ends_at", existing_type=INSTANT, nullable=False)
    index("ix_shift_ends_at", "shift", "ends_at", where="ended_at IS NULL")
    index("ix_shift_staff", "shift", "organization_id", "staff_id", "started_at")


def downgrade() -> None:
    _delete_what_has_no_place_before()
    drop_tables("customer_name_word")
    fold_as_before(op.get_bind())
    for name, table in (("ix_shift_staff", "shift"), ("ix_shift_ends_at", "shift"), ("ix_concern_as_typed", "concern")):
        op.drop_index(name, table)
    with op.batch_alter_table("shift") as batch:
        batch.drop_constraint("uq_shift_reference", type_="unique")
        batch.drop_constraint("fk_shift_ended_by", type_="foreignkey")
        for column in ("ends_at", "end_reason", "asked_at", "source", "reference", "ended_by_id"):
            batch.drop_column(column)
    with op.batch_alter_table("store") as batch:
        batch.drop_column("shifts_end_daily")
    with op.batch_alter_table("customer") as batch:
        batch.drop_constraint("uq_customer_phone", type_="unique")
        batch.drop_column("phone_extension")
        batch.alter_column("phone_key", existing_type=PHONE_KEY, type_=sa.String(20))
        batch.create_unique_constraint("uq_customer_organization_id_phone", ["organization_id", "phone"])
    for table in ("rollup_day", "rollup_month"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("voided")
            batch.drop_column("reclassified")
    op.drop_index("ix_concern_open", "concern")
    with op.batch_alter_table("concern") as batch:
        for column in ("as_typed", "ambiguous_customer", "urgent_as_typed", "reclassified", "became_concern_at"):
            batch.drop_column(column)
    index("ix_concern_open", "concern", "organization_id", "store_id", "business_date", where="status != 'resolved'")


def _delete_what_has_no_place_before() -> None:
    """Delete what only this version can read, or say it in words of before.

    What is void reads as resolved. One profile of those behind one switchboard keeps its number.
    """
    _resolve_what_is_void()
    op.execute("UPDATE concern SET channel = 'in_person' WHERE channel = 'qr'")
    op.execute(
        "UPDATE customer SET phone = NULL, phone_key = NULL WHERE phone_extension <> '' AND EXISTS ("
        "SELECT 1 FROM customer AS other WHERE other.organization_id = customer.organization_id"
        " AND other.phone = customer.phone"
        " AND (other.phone_extension, other.id) < (customer.phone_extension, customer.id))"
    )
    op.execute("UPDATE shift SET ended_at = ends_at WHERE ended_at IS NULL AND ends_at < CURRENT_TIMESTAMP")
    _delete_new_kinds_of_notification()
    _take_new_scope_from_keys()


def _resolve_what_is_void() -> None:
    """Let its timeline say so too: the reason why it was void stays in the details."""
    op.execute(
        "UPDATE concern SET status = 'resolved', resolved_at = coalesce(resolved_at, (SELECT max(event.at)"
        " FROM concern_event AS event WHERE event.organization_id = concern.organization_id"
        " AND event.concern_id = concern.id AND event.step = 'voided')) WHERE status = 'voided'"
    )
    op.execute("UPDATE concern_event SET step = 'resolved' WHERE step = 'voided'")


def _delete_new_kinds_of_notification() -> None:
    kinds = ", ".join(f"'{kind}'" for kind in NEW_KINDS)
    notifications = f"SELECT id FROM notification WHERE kind IN ({kinds})"  # noqa: S608 our own query
    op.execute(f"DELETE FROM notification_recipient WHERE notification_id IN ({notifications})")  # noqa: S608 our own query
    op.execute(
        f"DELETE FROM outbox_message WHERE notification_kind IN ({kinds})"  # noqa: S608 our own query
        f" OR notification_id IN ({notifications})"
    )
    op.execute(f"DELETE FROM notification WHERE kind IN ({kinds})")  # noqa: S608 our own query


def _take_new_scope_from_keys() -> None:
    key = sa.table("api_key", sa.column("id", sa.Uuid()), sa.column("scopes", sa.JSON()))
    for id_, scopes in op.get_bind().execute(sa.select(key.c.id, key.c.scopes)).all():
        if NEW_SCOPE in scopes:
            left = [scope for scope in scopes if scope != NEW_SCOPE]
            op.execute(key.update().where(key.c.id == id_).values(scopes=left))
