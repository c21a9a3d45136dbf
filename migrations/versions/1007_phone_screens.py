"""Screens of a phone: what its lists, notifications and unchanged answers need."""

revision = "1007"
down_revision = "1006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
