"""Causes that were fixed, and which promises are the thank-yous for them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LINKS = {"cause": "cause", "store": "store", "told_by": "staff"}


def upgrade() -> None:
    op.create_table(
        "fix",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_by_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_fix"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_fix_organization_id"),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", f"{name}_id"], [f"{target}.organization_id", f"{target}.id"], name=f"fk_fix_{name}"
            )
            for name, target in LINKS.items()
        ),
    )
    op.create_index("ix_fix_newest", "fix", ["organization_id", "fixed_at", "id"], unique=False)
    with op.batch_alter_table("follow_up") as follow_up:
        follow_up.add_column(sa.Column("fix_id", sa.Uuid(), nullable=True))
        follow_up.create_foreign_key(
            "fk_follow_up_fix", "fix", ["organization_id", "fix_id"], ["organization_id", "id"]
        )
    op.create_index("ix_follow_up_fix", "follow_up", ["organization_id", "fix_id", "concern_id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        raise_wall("fix")


def downgrade() -> None:
    op.execute("DELETE FROM change WHERE kind = 'fix'")
    op.drop_index("ix_follow_up_fix", table_name="follow_up")
    with op.batch_alter_table("follow_up") as follow_up:
        follow_up.drop_constraint("fk_follow_up_fix", type_="foreignkey")
        follow_up.drop_column("fix_id")
    op.drop_table("fix")


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
