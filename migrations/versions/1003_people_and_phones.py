"""People who are invited, move and leave; shared phones; second factors."""

import sqlalchemy as sa
from alembic import op

from migrations.tenant_tables import INSTANT, drop_tables, index, link, tenant_table

revision = "1003"
down_revision = "1002"
branch_labels = None
depends_on = None

# Of 32 random bytes that were thrown away: nobody knows this password.
NOBODYS_HASH = "$argon2id$v=19$m=65536,t=3,p=4$HbCWVsbg1iA95JTJ5vMhGQ$tEZGc6keeUhVP8T/tXzEBANUrRar0qriBpXzVsUdVUM"
# What version 0.1.0 cannot read: kinds of notification, and a scope of API keys.
NEW_KINDS = ("code_made", "factor_removed", "code_by_mail", "phone_taken", "sign_in_expired")
NEW_SCOPE = "staff:write"
# Columns that an id of another table of the same organization is added to: table, column, the table it names.
LINKS = (
    ("staff", "leave_recorded_by_id", "staff"),
    ("staff", "leave_hand_over_to_id", "staff"),
    ("staff", "email_set_by_id", "staff"),
    ("device", "store_id", "store"),
    ("device", "enrolled_by_id", "staff"),
    ("shift", "device_id", "device"),
)


def upgrade() -> None:
    with op.batch_alter_table("staff") as batch:
        batch.alter_column("password_hash", existing_type=sa.String(200), nullable=True)
        batch.add_column(sa.Column("pin_digest", sa.LargeBinary(32), nullable=True))
        batch.add_column(sa.Column("employee_number", sa.String(60), nullable=True))
        batch.add_column(sa.Column("second_factor_at", INSTANT, nullable=True))
        batch.add_column(sa.Column("leaves_at", INSTANT, nullable=True))
        batch.create_unique_constraint(
            "uq_staff_organization_id_employee_number", ["organization_id", "employee_number"]
        )
    index("ix_staff_leaves_at", "staff", "leaves_at", where="left_at IS NULL AND leaves_at IS NOT NULL")
    index("ix_staff_left_at", "staff", "left_at", where="left_at IS NOT NULL")
    with op.batch_alter_table("staff_session") as batch:
        batch.add_column(sa.Column("method", sa.String(20), nullable=False, server_default="password"))
        batch.add_column(sa.Column("tapped_at", INSTANT, nullable=True))
        batch.add_column(sa.Column("locked_at", INSTANT, nullable=True))
    index("ix_staff_session_device_id", "staff_session", "organization_id", "device_id")
    with op.batch_alter_table("device") as batch:
        batch.alter_column("staff_id", existing_type=sa.Uuid(), nullable=True)
        batch.alter_column("address_kind", existing_type=sa.String(20), nullable=True)
        batch.add_column(sa.Column("name", sa.String(60), nullable=True))
        batch.add_column(sa.Column("secret_digest", sa.LargeBinary(32), nullable=True))
        batch.add_column(sa.Column("failed_pins", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("failed_pins_since", INSTANT, nullable=True))
        batch.create_unique_constraint("uq_device_organization_id_secret_digest", ["organization_id", "secret_digest"])
    for table, column, target in LINKS:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(column, sa.Uuid(), nullable=True))
            name = f"fk_{table}_{column.removesuffix('_id')}"
            batch.create_foreign_key(name, target, ["organization_id", column], ["organization_id", "id"])
    index("ix_device_store_id", "device", "organization_id", "store_id")
    with op.batch_alter_table("notification") as batch:
        batch.alter_column("staff_id", existing_type=sa.Uuid(), nullable=True)
    tenant_table(
        "notification_recipient",
        link("notification_id", "notification"),
        link("staff_id", "staff"),
        sa.UniqueConstraint(
            "organization_id",
            "notification_id",
            "staff_id",
            name="uq_notification_recipient",
        ),
    )
    index("ix_notification_recipient_staff_id", "notification_recipient", "organization_id", "staff_id")
    tenant_table(
        "invitation",
        link("staff_id", "staff"),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        link("created_by_id", "staff", nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("redeemed_at", INSTANT, nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("by_mail", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("organization_id", "digest", name="uq_invitation_organization_id_digest"),
    )
    index("ix_invitation_staff_id", "invitation", "organization_id", "staff_id", "created_at")
    tenant_table(
        "enrolment",
        link("store_id", "store"),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        link("created_by_id", "staff"),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("redeemed_at", INSTANT, nullable=True),
        link("device_id", "device", nullable=True),
        sa.UniqueConstraint("organization_id", "digest", name="uq_enrolment_organization_id_digest"),
    )
    index("ix_enrolment_store_id", "enrolment", "organization_id", "store_id")
    tenant_table(
        "second_factor",
        link("staff_id", "staff"),
        sa.Column("encrypted_secret", sa.LargeBinary(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("last_time_step", sa.BigInteger(), nullable=True),
        sa.Column("recovery_digests", sa.JSON(), nullable=False),
        sa.UniqueConstraint("organization_id", "staff_id", name="uq_second_factor_organization_id_staff_id"),
    )


def downgrade() -> None:
    _delete_what_has_no_place_before()
    drop_tables("notification_recipient", "invitation", "enrolment", "second_factor")
    with op.batch_alter_table("notification") as batch:
        batch.alter_column("staff_id", existing_type=sa.Uuid(), nullable=False)
    for name, table in (
        ("ix_staff_leaves_at", "staff"),
        ("ix_staff_left_at", "staff"),
        ("ix_staff_session_device_id", "staff_session"),
        ("ix_device_store_id", "device"),
    ):
        op.drop_index(name, table)
    for table, column, _ in LINKS:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_{column.removesuffix('_id')}", type_="foreignkey")
            batch.drop_column(column)
    with op.batch_alter_table("device") as batch:
        batch.drop_constraint("uq_device_organization_id_secret_digest", type_="unique")
        for column in ("name", "secret_digest", "failed_pins", "failed_pins_since"):
            batch.drop_column(column)
        batch.alter_column("staff_id", existing_type=sa.Uuid(), nullable=False)
        batch.alter_column("address_kind", existing_type=sa.String(20), nullable=False)
    with op.batch_alter_table("staff_session") as batch:
        for column in ("method", "tapped_at", "locked_at"):
            batch.drop_column(column)
    with op.batch_alter_table("staff") as batch:
        batch.drop_constraint("uq_staff_organization_id_employee_number", type_="unique")
        for column in ("pin_digest", "employee_number", "second_factor_at", "leaves_at"):
            batch.drop_column(column)
        batch.alter_column("password_hash", existing_type=sa.String(200), nullable=False)


def _delete_what_has_no_place_before() -> None:
    """Delete shared phones, what was sent to them, and what only this version can read.

    Those without a password get one that nobody knows.
    """
    shared = "SELECT id FROM device WHERE staff_id IS NULL"
    op.execute("UPDATE shift SET device_id = NULL")
    op.execute(f"UPDATE concern_event SET device_id = NULL WHERE device_id IN ({shared})")  # noqa: S608 our own query
    op.execute("DELETE FROM enrolment")
    op.execute(f"DELETE FROM staff_session WHERE device_id IN ({shared})")  # noqa: S608 our own query
    op.execute("DELETE FROM notification_recipient")
    kinds = ", ".join(f"'{kind}'" for kind in NEW_KINDS)
    nobodys = f"staff_id IS NULL OR device_id IN ({shared}) OR kind IN ({kinds})"
    op.execute(
        f"DELETE FROM outbox_message WHERE notification_kind IN ({kinds})"  # noqa: S608 our own query
        f" OR notification_id IN (SELECT id FROM notification WHERE {nobodys})"
    )
    op.execute(f"DELETE FROM notification WHERE {nobodys}")  # noqa: S608 our own query
    op.execute("DELETE FROM device WHERE staff_id IS NULL")
    op.execute("UPDATE device SET address_kind = 'log' WHERE address_kind IS NULL")
    op.execute(f"UPDATE staff SET password_hash = '{NOBODYS_HASH}' WHERE password_hash IS NULL")  # noqa: S608 our own text
    _take_new_scope_from_keys()


def _take_new_scope_from_keys() -> None:
    key = sa.table("api_key", sa.column("id", sa.Uuid()), sa.column("scopes", sa.JSON()))
    for id_, scopes in op.get_bind().execute(sa.select(key.c.id, key.c.scopes)).all():
        if NEW_SCOPE in scopes:
            left = [scope for scope in scopes if scope != NEW_SCOPE]
            op.execute(key.update().where(key.c.id == id_).values(scopes=left))
