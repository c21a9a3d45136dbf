"""Whom praise is for, which concerns belong to one story, and what was learned from those with the same cause."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LINKS = {"praised_id": ("fk_concern_praised", "staff"), "linked_id": ("fk_concern_linked", "concern")}


def upgrade() -> None:
    with op.batch_alter_table("concern") as concern:
        for column, (name, table) in LINKS.items():
            concern.add_column(sa.Column(column, sa.Uuid(), nullable=True))
            concern.create_foreign_key(name, table, ["organization_id", column], ["organization_id", "id"])
    op.create_index("ix_concern_cause", "concern", ["organization_id", "cause_id", "received_at"], unique=False)
    with op.batch_alter_table("category") as category:
        category.add_column(sa.Column("about_money", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE category SET about_money = true WHERE slug = 'bill'")
    with op.batch_alter_table("category") as category:
        category.alter_column("about_money", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("category") as category:
        category.drop_column("about_money")
    op.drop_index("ix_concern_cause", table_name="concern")
    op.execute("DELETE FROM outbox WHERE kind = 'praise'")
    told = "SELECT id FROM notification WHERE kind = 'praise'"
    op.execute(f"DELETE FROM outbox WHERE notification_id IN ({told})")  # noqa: S608 our own words
    op.execute("DELETE FROM notification WHERE kind = 'praise'")
    with op.batch_alter_table("concern") as concern:
        for column, (name, _) in LINKS.items():
            concern.drop_constraint(name, type_="foreignkey")
            concern.drop_column(column)
