"""The end of a store's day: when it is due, which day a letter tells of, and who gets the log by mail."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ("day_ending", "daily_log_reader")
DAILY_LOG = sa.text("kind = 'daily_log'")


def upgrade() -> None:
    op.create_table(
        "day_ending",
        *key(),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("organization_id", "store_id", name="uq_day_ending_organization_id_store_id"),
        *keys("day_ending", store="store"),
    )
    op.create_index("ix_day_ending_due", "day_ending", ["due_at"], unique=False)
    op.create_table(
        "daily_log_reader",
        *key(),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.UniqueConstraint(
            "organization_id", "staff_id", "store_id", name="uq_daily_log_reader_organization_id_staff_id_store_id"
        ),
        *keys("daily_log_reader", staff="staff", store="store"),
    )
    op.create_index("ix_daily_log_reader_store_id", "daily_log_reader", ["organization_id", "store_id"], unique=False)
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("store_id", sa.Uuid(), nullable=True))
        outbox.add_column(sa.Column("business_date", sa.Date(), nullable=True))
        outbox.create_foreign_key(
            "fk_outbox_store", "store", ["organization_id", "store_id"], ["organization_id", "id"]
        )
    columns = ["organization_id", "store_id", "business_date", "staff_id"]
    op.create_index(
        "uq_outbox_daily_log", "outbox", columns, unique=True, postgresql_where=DAILY_LOG, sqlite_where=DAILY_LOG
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            raise_wall(table)


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE business_date IS NOT NULL")
    op.execute("DELETE FROM notification WHERE kind IN ('carried_over', 'daily_log')")
    op.drop_index("uq_outbox_daily_log", table_name="outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint("fk_outbox_store", type_="foreignkey")
        outbox.drop_column("business_date")
        outbox.drop_column("store_id")
    for table in reversed(TABLES):
        op.drop_table(table)


def key() -> tuple[sa.Column, sa.Column]:
    return sa.Column("organization_id", sa.Uuid(), nullable=False), sa.Column("id", sa.Uuid(), nullable=False)


def keys(table: str, **links: str) -> list[sa.Constraint]:
    """The primary key and the links of a tenant's table; each is named after its column without `_id`."""
    return [
        sa.PrimaryKeyConstraint("organization_id", "id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=f"fk_{table}_organization_id"),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", f"{name}_id"],
                [f"{target}.organization_id", f"{target}.id"],
                name=f"fk_{table}_{name}",
            )
            for name, target in links.items()
        ),
    ]


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
