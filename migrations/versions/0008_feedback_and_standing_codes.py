"""What customers say themselves: links after a recovery, standing QR codes, and how often one customer is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("feedback_policy", "feedback_request", "standing_qr")


def upgrade() -> None:
    op.create_table(
        "feedback_policy",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("days_between", sa.SmallInteger(), nullable=False),
        sa.UniqueConstraint("organization_id", name="uq_feedback_policy_organization_id"),
        *keys("feedback_policy"),
    )
    op.create_table(
        "feedback_request",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(length=38), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("recommend", sa.SmallInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.UniqueConstraint("organization_id", "token", name="uq_feedback_request_organization_id_token"),
        *keys("feedback_request", concern="concern", store="store", asked_by="staff"),
    )
    columns = ["organization_id", "concern_id", "asked_at", "id"]
    op.create_index("ix_feedback_request_concern", "feedback_request", columns, unique=False)
    op.create_table(
        "standing_qr",
        *key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("token", sa.String(length=38), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("organization_id", "token", name="uq_standing_qr_organization_id_token"),
        *keys("standing_qr", store="store", place="place", made_by="staff"),
    )
    columns = ["organization_id", "store_id", "made_at", "id"]
    op.create_index("ix_standing_qr_store", "standing_qr", columns, unique=False)
    with op.batch_alter_table("concern") as concern:
        concern.add_column(sa.Column("rating", sa.SmallInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            raise_wall(table)


def downgrade() -> None:
    kinds = ", ".join(f"'{table}'" for table in TABLES)
    op.execute(f"DELETE FROM change WHERE kind IN ({kinds})")  # noqa: S608 our own words
    op.execute("DELETE FROM concern_event WHERE step IN ('feedback_asked', 'feedback_given')")
    # What rang because a customer said so rings as what it would have been without them.
    op.execute("UPDATE alert SET reason = 'mood', rule = 'unhappy' WHERE reason = 'feedback'")
    with op.batch_alter_table("concern") as concern:
        concern.drop_column("rating")
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
