"""Each month's sums have an edition, which says whether what was made of them still holds; its causes rest a while."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from uuid_utils.compat import uuid7

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("kept_edition", "cause_dirty")


def upgrade() -> None:
    edition = op.create_table(
        "kept_edition",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("edition", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_kept_edition"),
        sa.UniqueConstraint("organization_id", "month", name="uq_kept_edition_organization_id_month"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_kept_edition_organization_id"),
    )
    op.create_table(
        "cause_dirty",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_cause_dirty"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_cause_dirty_organization_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_cause_dirty_store"
        ),
    )
    op.create_index("ix_cause_dirty_month", "cause_dirty", ["organization_id", "month", "store_id"], unique=False)
    op.create_index("ix_cause_dirty_due", "cause_dirty", ["organization_id", "due_at"], unique=False)
    kept = sa.table("kept_month", sa.column("organization_id", sa.Uuid()), sa.column("business_date", sa.Date()))
    months = op.get_bind().execute(sa.select(kept.c.organization_id, kept.c.business_date.label("month")).distinct())
    editions = [{**row._asdict(), "id": uuid7(), "edition": uuid4()} for row in months]
    op.bulk_insert(edition, editions)
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            raise_wall(table)


def downgrade() -> None:
    # Of what had not been worked out yet the days are marked, or it would be believed.
    op.execute(
        "INSERT INTO rollup_dirty (organization_id, id, store_id, business_date, month)"
        " SELECT organization_id, id, store_id, month, month FROM cause_dirty"
    )
    for table in reversed(TABLES):
        op.drop_table(table)


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
