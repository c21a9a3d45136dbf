"""Groups of stores, by which head office compares."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "store_group",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_store_group_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_store_group"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_store_group_organization_id_slug"),
    )
    op.create_table(
        "store_in_group",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "group_id"],
            ["store_group.organization_id", "store_group.id"],
            name="fk_store_in_group_group",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_store_in_group_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_store_in_group_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_store_in_group"),
        sa.UniqueConstraint(
            "organization_id", "group_id", "store_id", name="uq_store_in_group_organization_id_group_id_store_id"
        ),
    )
    op.create_index("ix_store_in_group_store_id", "store_in_group", ["organization_id", "store_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table in ("store_group", "store_in_group"):
            raise_wall(table)


def downgrade() -> None:
    op.execute("DELETE FROM change WHERE kind = 'store_group'")
    op.drop_table("store_in_group")
    op.drop_table("store_group")


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
