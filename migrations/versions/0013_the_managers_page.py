"""The manager's page of a day: notes, sign-off, what is handed over to tomorrow, amendments."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("log_policy", "log_page", "log_hand_over", "log_amendment")
APPEND_ONLY = ("log_hand_over", "log_amendment")
OPEN = sa.text("status != 'resolved'")


def upgrade() -> None:
    op.create_table(
        "log_policy",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.UniqueConstraint("organization_id", name="uq_log_policy_organization_id"),
        *keys("log_policy"),
    )
    op.create_table(
        "log_page",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_id", sa.Uuid(), nullable=True),
        sa.Column("signed_figures", sa.JSON(), nullable=True),
        sa.Column("signed_steps", sa.JSON(), nullable=True),
        sa.UniqueConstraint(
            "organization_id", "store_id", "business_date", name="uq_log_page_organization_id_store_id_business_date"
        ),
        *keys("log_page", store="store", signed_by="staff"),
    )
    op.create_table(
        "log_hand_over",
        *key(),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.UniqueConstraint(
            "organization_id",
            "store_id",
            "business_date",
            "concern_id",
            name="uq_log_hand_over_day",
        ),
        *keys("log_hand_over", store="store", concern="concern"),
    )
    op.create_table(
        "log_amendment",
        *key(),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        *keys("log_amendment", page="log_page", store="store", by="staff"),
    )
    op.create_index("ix_log_amendment_page", "log_amendment", ["organization_id", "page_id", "at", "id"], unique=False)
    columns = ["organization_id", "store_id", "business_date"]
    op.create_index("ix_concern_open", "concern", columns, unique=False, postgresql_where=OPEN, sqlite_where=OPEN)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            raise_wall(table)


def downgrade() -> None:
    op.execute("DELETE FROM change WHERE kind IN ('log_policy', 'log_page')")
    op.drop_index("ix_concern_open", table_name="concern")
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
    """Row level security, as for every table of a tenant; of what is said for good nobody takes anything back."""
    rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT {rights} ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
