"""Sums that reports are read from, and marks of the days to be worked out: of all there are, at first."""

import sqlalchemy as sa
from alembic import op
from uuid_utils.compat import uuid7

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CONCERNS = (
    *("concerns", "unhappy", "taken", "resolved", "recovered", "lost", "lost_empty_handed", "open", "on_the_spot"),
    *("late", "reopened", "repeated", "unanswered_alerts", "lifted", "lift", "praise"),
)
LISTENING = ("checks", "covers", "transactions", "to_ask", "follow_ups_due", "follow_ups_kept")
TABLES = ("rollup_dirty", "kept_day", "kept_month", "kept_cause")
DAY = {"organization_id": sa.Uuid(), "store_id": sa.Uuid(), "business_date": sa.Date()}
COUNTED = ("concern", "follow_up", "asked_well", "store_day")


def upgrade() -> None:
    create("rollup_dirty", sa.Column("month", sa.Date(), nullable=False))
    op.create_index(
        "ix_rollup_dirty_month", "rollup_dirty", ["organization_id", "month", "store_id", "business_date"], unique=False
    )
    for table in ("kept_day", "kept_month"):
        unique = ["organization_id", "store_id", "business_date"]
        create(table, *kept(*CONCERNS, *LISTENING), sa.UniqueConstraint(*unique, name=f"uq_{table}_{'_'.join(unique)}"))
        op.create_index(f"ix_{table}_date", table, ["organization_id", "business_date"], unique=False)
    links = ("category", "cause")
    create(
        "kept_cause",
        *kept(*CONCERNS),
        *(sa.Column(f"{link}_id", sa.Uuid(), nullable=True) for link in links),
        *(foreign_key("kept_cause", link) for link in links),
    )
    op.create_index("ix_kept_cause_date", "kept_cause", ["organization_id", "business_date"], unique=False)
    op.create_index(
        "ix_kept_cause_store_date", "kept_cause", ["organization_id", "store_id", "business_date"], unique=False
    )
    mark_every_day()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            raise_wall(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def create(table: str, *columns: sa.Column | sa.Constraint) -> None:
    op.create_table(
        table,
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=f"fk_{table}_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name=f"pk_{table}"),
        foreign_key(table, "store"),
    )


def foreign_key(table: str, link: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", f"{link}_id"], [f"{link}.organization_id", f"{link}.id"], name=f"fk_{table}_{link}"
    )


def kept(*counts: str) -> list[sa.Column]:
    return [
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("seconds_to_take", sa.LargeBinary(), nullable=False),
        sa.Column("seconds_to_resolve", sa.LargeBinary(), nullable=False),
    ]


def mark_every_day() -> None:
    """Whatever was told before is counted from its rows until a worker has worked it out."""
    days = op.get_bind().execute(sa.union(*(sa.select(table(name)) for name in COUNTED))).all()
    marks = [
        {**dict(zip(DAY, row, strict=True)), "id": uuid7(), "month": row.business_date.replace(day=1)} for row in days
    ]
    op.bulk_insert(table("rollup_dirty", id=sa.Uuid(), month=sa.Date()), marks)


def table(name: str, **more: sa.types.TypeEngine) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, kind) for column, kind in {**DAY, **more}.items()))


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
