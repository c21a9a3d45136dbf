"""What was promised to customers, 'asked, all well', and what a store tells of its day."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("follow_up", "asked_well", "store_day")
STEPS = ("promised", "promise_kept", "promise_broken", "promise_cancelled", "promise_handed_over")
INDEXES = {
    "ix_follow_up_concern": ["concern_id", "due_at", "id"],
    "ix_follow_up_due": ["due_at", "id"],
    "ix_follow_up_store_due": ["store_id", "due_at", "id"],
    "ix_follow_up_owner_due": ["owner_id", "due_at", "id"],
    "ix_follow_up_store_day": ["store_id", "business_date"],
}


def upgrade() -> None:
    op.create_table(
        "follow_up",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promised_by_id", sa.Uuid(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        *keys("follow_up", concern="concern", store="store", owner="staff", promised_by="staff"),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "follow_up", ["organization_id", *columns], unique=False)
    op.create_table(
        "asked_well",
        *key(),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        *keys("asked_well", store="store", asked_by="staff"),
    )
    op.create_index(
        "ix_asked_well_store_day", "asked_well", ["organization_id", "store_id", "business_date"], unique=False
    )
    op.create_table(
        "store_day",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("covers", sa.Integer(), nullable=True),
        sa.Column("transactions", sa.Integer(), nullable=True),
        sa.Column("sales_amount", sa.BigInteger(), nullable=True),
        sa.Column("sales_currency", sa.String(length=3), nullable=True),
        sa.UniqueConstraint(
            "organization_id", "store_id", "business_date", name="uq_store_day_organization_id_store_id_business_date"
        ),
        *keys("store_day", store="store"),
    )
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("follow_up_id", sa.Uuid(), nullable=True))
        outbox.create_foreign_key(
            "fk_outbox_follow_up", "follow_up", ["organization_id", "follow_up_id"], ["organization_id", "id"]
        )
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            raise_wall(table)


def downgrade() -> None:
    steps = ", ".join(f"'{step}'" for step in STEPS)
    op.execute(f"DELETE FROM concern_event WHERE step IN ({steps})")  # noqa: S608 our own words
    op.execute("DELETE FROM outbox WHERE follow_up_id IS NOT NULL OR task IN ('remind', 'overdue')")
    op.execute("DELETE FROM notification WHERE kind IN ('follow_up', 'broken')")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint("fk_outbox_follow_up", type_="foreignkey")
        outbox.drop_column("follow_up_id")
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
