"""What whoever watches the house reads: figures of the workers, what was found stuck; and old outbox rows go."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PARTIAL = {  # index: table, column, condition
    "ix_alert_stopped": ("alert", "raised_at", "state = 'open' AND next_step_at IS NULL"),
    "ix_outbox_done": ("outbox", "done_at", "done_at IS NOT NULL"),
    "ix_outbox_set_aside": ("outbox", "set_aside_at", "set_aside_at IS NOT NULL"),
}


def upgrade() -> None:
    for column in ("channels", "figures"):
        op.add_column("heartbeat", sa.Column(column, sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
    op.create_table(
        "inspection",
        sa.Column("of", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("of", name="pk_inspection"),
    )
    op.create_table(
        "tally",
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("of", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", "of", "outcome", name="pk_tally"),
    )
    for name, (table, column, condition) in PARTIAL.items():
        where = sa.text(condition)
        op.create_index(name, table, [column], unique=False, postgresql_where=where, sqlite_where=where)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT ON inspection, tally TO amends_app")
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON inspection, tally TO amends_worker")


def downgrade() -> None:
    for name, (table, _, _) in PARTIAL.items():
        op.drop_index(name, table_name=table)
    op.drop_table("tally")
    op.drop_table("inspection")
    for column in ("figures", "channels"):
        op.drop_column("heartbeat", column)
