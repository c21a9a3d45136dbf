"""Promises that are owed, found by store and day however many were kept."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

OWED = sa.text("status IN ('open', 'broken')")


def upgrade() -> None:
    columns = ["organization_id", "store_id", "business_date"]
    op.create_index("ix_follow_up_owed", "follow_up", columns, unique=False, postgresql_where=OWED, sqlite_where=OWED)


def downgrade() -> None:
    op.drop_index("ix_follow_up_owed", table_name="follow_up")
