"""How much anybody may give without asking, who allowed more, and whether money was really paid."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

PARTIAL = {  # index: columns, condition
    "ix_recovery_action_pending": (["organization_id", "recorded_at", "id"], "status = 'pending'"),
    "ix_recovery_action_unpaid": (
        ["organization_id", "recorded_at", "id"],
        "settlement IN ('recorded', 'requested', 'failed')",
    ),
}
NULLABLE = {
    "asked_amount": sa.BigInteger(),
    "asked_currency": sa.String(length=3),
    "settlement_reference": sa.String(length=100),
    "expires_at": sa.DateTime(timezone=True),
    "decided_at": sa.DateTime(timezone=True),
    "decided_by_id": sa.Uuid(),
    "decision_note": sa.Text(),
}


def upgrade() -> None:
    op.create_table(
        "remedy_limit",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("remedy_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("most_per_customer", sa.BigInteger(), nullable=False),
        sa.Column("most_per_staff", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "remedy_id"], ["remedy.organization_id", "remedy.id"], name="fk_remedy_limit_remedy"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_remedy_limit_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_remedy_limit"),
        sa.UniqueConstraint(
            "organization_id",
            "remedy_id",
            "role",
            "currency",
            name="uq_remedy_limit_organization_id_remedy_id_role_currency",
        ),
    )
    with op.batch_alter_table("store") as store:
        store.add_column(sa.Column("above_limit", sa.String(20), nullable=False, server_default="ask_first"))
    with op.batch_alter_table("recovery_action") as action:
        for name, kind in NULLABLE.items():
            action.add_column(sa.Column(name, kind, nullable=True))
        action.add_column(sa.Column("beyond", sa.Boolean(), nullable=False, server_default=sa.false()))
        action.add_column(sa.Column("business_date", sa.Date(), nullable=False, server_default="1970-01-01"))
        # What was recorded before anybody followed the money is nobody's task now.
        action.add_column(sa.Column("settlement", sa.String(20), nullable=False, server_default="none"))
        action.create_foreign_key(
            "fk_recovery_action_decided_by", "staff", ["organization_id", "decided_by_id"], ["organization_id", "id"]
        )
    take_over_days()
    with op.batch_alter_table("store") as store:
        store.alter_column("above_limit", server_default=None)
    with op.batch_alter_table("recovery_action") as action:
        for column in ("beyond", "business_date", "settlement"):
            action.alter_column(column, server_default=None)
    op.create_index(
        "ix_recovery_action_giver", "recovery_action", ["organization_id", "acted_by_id", "business_date"], unique=False
    )
    for name, (columns, condition) in PARTIAL.items():
        where = sa.text(condition)
        op.create_index(name, "recovery_action", columns, unique=False, postgresql_where=where, sqlite_where=where)
    if op.get_bind().dialect.name == "postgresql":
        raise_wall("remedy_limit")


def downgrade() -> None:
    op.execute("DELETE FROM concern_event WHERE step IN ('action_approved', 'action_declined', 'action_expired')")
    op.execute("DELETE FROM concern_event WHERE step = 'action_settled'")
    op.execute("DELETE FROM recovery_action WHERE status IN ('pending', 'declined', 'expired')")
    op.execute("DELETE FROM outbox WHERE task = 'expire' OR kind IN ('approval', 'decision')")
    told = "SELECT id FROM notification WHERE kind IN ('approval', 'decision')"
    op.execute(f"DELETE FROM outbox WHERE notification_id IN ({told})")  # noqa: S608 our own words
    op.execute("DELETE FROM notification WHERE kind IN ('approval', 'decision')")
    for name in (*PARTIAL, "ix_recovery_action_giver"):
        op.drop_index(name, table_name="recovery_action")
    with op.batch_alter_table("recovery_action") as action:
        action.drop_constraint("fk_recovery_action_decided_by", type_="foreignkey")
        for column in (*NULLABLE, "beyond", "business_date", "settlement"):
            action.drop_column(column)
    with op.batch_alter_table("store") as store:
        store.drop_column("above_limit")
    op.drop_table("remedy_limit")


def take_over_days() -> None:
    """The business day of the concern; which it was is not told by the action itself."""
    action, concern = (
        sa.table(name, *map(sa.column, ("organization_id", "id", "concern_id", "business_date")))
        for name in ("recovery_action", "concern")
    )
    same = (concern.c.organization_id == action.c.organization_id) & (concern.c.id == action.c.concern_id)
    day = sa.select(concern.c.business_date).where(same).scalar_subquery()
    op.execute(action.update().values(business_date=day))


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
