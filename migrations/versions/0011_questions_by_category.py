"""Open questions have a version, and may belong to a category."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("question") as question:
        question.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        question.add_column(sa.Column("category_id", sa.Uuid(), nullable=True))
        question.create_foreign_key(
            "fk_question_category", "category", ["organization_id", "category_id"], ["organization_id", "id"]
        )
    with op.batch_alter_table("question") as question:
        question.alter_column("version", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("question") as question:
        question.drop_constraint("fk_question_category", type_="foreignkey")
        question.drop_column("category_id")
        question.drop_column("version")
