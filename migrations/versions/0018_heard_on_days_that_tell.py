"""Kept sums know what was heard on the days that tell how many came; those days are worked out anew."""

import sqlalchemy as sa
from alembic import op
from uuid_utils.compat import uuid7

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES, COLUMNS = ("kept_day", "kept_month"), ("heard", "receipted")
DAY = {"organization_id": sa.Uuid(), "store_id": sa.Uuid(), "business_date": sa.Date()}


def upgrade() -> None:
    for name in TABLES:
        with op.batch_alter_table(name) as kept:
            for column in COLUMNS:
                kept.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
        with op.batch_alter_table(name) as kept:
            for column in COLUMNS:
                kept.alter_column(column, server_default=None)
    days = op.get_bind().execute(sa.select(table("store_day"))).all()
    marks = [{**row._asdict(), "id": uuid7(), "month": row.business_date.replace(day=1)} for row in days]
    op.bulk_insert(table("rollup_dirty", id=sa.Uuid(), month=sa.Date()), marks)


def downgrade() -> None:
    for name in TABLES:
        with op.batch_alter_table(name) as kept:
            for column in COLUMNS:
                kept.drop_column(column)


def table(name: str, **more: sa.types.TypeEngine) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, kind) for column, kind in {**DAY, **more}.items()))
