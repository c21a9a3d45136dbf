"""Limits that hold: whom money was given to, orders, defaults for limits, counts of tries."""

revision = "1005"
down_revision = "1004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
