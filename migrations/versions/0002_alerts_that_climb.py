"""Rules of one's own, climbs of several steps, hours, and notifications that are not rings."""

import sqlalchemy as sa
from alembic import op
from uuid_utils.compat import uuid7

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW_TABLES = ("alert_rule", "escalation_policy")

# What every organization has rung by so far, now in rows it can change; and what is new with them.
RULES = (
    {"slug": "unhappy", "name": "Unhappy", "mood_at_most": 2},
    {"slug": "very-unhappy", "name": "Very unhappy", "severity": "severe", "mood_at_most": 1},
    {
        "slug": "urgent-category",
        "name": "Urgent category",
        "severity": "severe",
        "urgent_category": True,
        "rings_mine": True,
    },
    {
        "slug": "second-failure",
        "name": "Second concern within 30 days",
        "repeat_within_days": 30,
        "managers_at_once": True,
        "rings_mine": True,
    },
    {
        "slug": "large-order",
        "name": "Large order",
        "enabled": False,
        "order_value_amount": 20_000,
        "order_value_currency": "EUR",
    },
)
PLAIN = {
    "severity": "normal",
    "enabled": True,
    "built_in": True,
    "managers_at_once": False,
    "rings_mine": False,
    "mood_at_most": None,
    "urgent_category": False,
    "repeat_within_days": None,
    "order_value_amount": None,
    "order_value_currency": None,
    "version": 1,
}
EVERY = ["normal", "severe"]
TIMES = {
    "rounds": 1,
    "unanswered_after_seconds": 1200,
    "reach_within_seconds": 45,
    "remind_after_seconds": 600,
    "release_after_seconds": 900,
}
STEPS = [
    {"after_seconds": 0, "whom": ["on_shift"], "staff_ids": [], "severities": EVERY},
    {"after_seconds": 120, "whom": ["lead"], "staff_ids": [], "severities": EVERY},
    {"after_seconds": 300, "whom": ["managers"], "staff_ids": [], "severities": EVERY},
    {"after_seconds": 600, "whom": ["regional"], "staff_ids": [], "severities": ["severe"]},
]
# What a call that is out at this moment began with.
ONE_STEP = [{"after_seconds": 0, "whom": ["on_shift", "managers"], "staff_ids": [], "severities": EVERY}]


def upgrade() -> None:
    create_tables()
    add_columns()
    op.get_bind().execute(
        sa.text("UPDATE alert SET policy = :policy WHERE state IN ('open', 'taken', 'unanswered')").bindparams(
            sa.bindparam("policy", type_=sa.JSON())
        ),
        {"policy": {"steps": ONE_STEP, **TIMES}},
    )
    op.get_bind().execute(sa.text("UPDATE alert SET rule = 'urgent-category' WHERE reason = 'urgent_category'"))
    for table in ("notification", "outbox"):
        name_the_concern(table)
    teach_rules()
    if op.get_bind().dialect.name == "postgresql":
        for table in NEW_TABLES:
            raise_wall(table)


def downgrade() -> None:
    op.execute("UPDATE alert SET reason = 'mood' WHERE reason NOT IN ('mood', 'urgent_category')")
    op.execute("DELETE FROM concern_event WHERE step = 'handed_over'")
    op.execute("DELETE FROM outbox WHERE kind IS NOT NULL OR task = 'give_back'")
    op.execute("DELETE FROM outbox WHERE notification_id IN (SELECT id FROM notification WHERE kind <> 'ring')")
    op.execute("DELETE FROM notification WHERE kind <> 'ring'")
    with op.batch_alter_table("store") as store:
        store.drop_column("longest_pause_minutes")
        store.drop_column("hours")
    with op.batch_alter_table("staff") as staff:
        for column in ("muted", "quiet_until", "quiet_from", "email"):
            staff.drop_column(column)
    with op.batch_alter_table("shift") as shift:
        shift.drop_column("paused_until")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint("fk_outbox_staff", type_="foreignkey")
        outbox.drop_constraint("fk_outbox_concern", type_="foreignkey")
        for column in ("kind", "staff_id", "concern_id"):
            outbox.drop_column(column)
        outbox.alter_column("alert_id", existing_type=sa.Uuid(), nullable=False)
        outbox.alter_column("run_id", existing_type=sa.Uuid(), nullable=False)
        outbox.alter_column("step", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("notification") as notification:
        notification.drop_constraint("fk_notification_concern", type_="foreignkey")
        notification.drop_column("concern_id")
        notification.drop_column("kind")
        notification.alter_column("alert_id", existing_type=sa.Uuid(), nullable=False)
        notification.alter_column("device_id", existing_type=sa.Uuid(), nullable=False)
        notification.alter_column("run_id", existing_type=sa.Uuid(), nullable=False)
        notification.alter_column("step", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("concern") as concern:
        concern.drop_constraint("fk_concern_previous", type_="foreignkey")
        concern.drop_column("seconds_since_previous")
        concern.drop_column("previous_id")
    with op.batch_alter_table("alert") as alert:
        for column in ("reminded_at", "climbed", "round", "rule"):
            alert.drop_column(column)
    for table in NEW_TABLES:
        op.drop_table(table)


def create_tables() -> None:
    op.create_table(
        "alert_rule",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("built_in", sa.Boolean(), nullable=False),
        sa.Column("managers_at_once", sa.Boolean(), nullable=False),
        sa.Column("rings_mine", sa.Boolean(), nullable=False),
        sa.Column("mood_at_most", sa.Integer(), nullable=True),
        sa.Column("urgent_category", sa.Boolean(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("repeat_within_days", sa.Integer(), nullable=True),
        sa.Column("order_value_amount", sa.BigInteger(), nullable=True),
        sa.Column("order_value_currency", sa.String(length=3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "category_id"],
            ["category.organization_id", "category.id"],
            name="fk_alert_rule_category",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_alert_rule_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_alert_rule"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_alert_rule_organization_id_slug"),
    )
    op.create_table(
        "escalation_policy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("unanswered_after_seconds", sa.Integer(), nullable=False),
        sa.Column("reach_within_seconds", sa.Integer(), nullable=False),
        sa.Column("remind_after_seconds", sa.Integer(), nullable=False),
        sa.Column("release_after_seconds", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_escalation_policy_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_escalation_policy_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_escalation_policy"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_escalation_policy_organization_id_slug"),
        sa.UniqueConstraint("organization_id", "store_id", name="uq_escalation_policy_organization_id_store_id"),
    )
    op.create_index(
        "uq_escalation_policy_of_all",
        "escalation_policy",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("store_id IS NULL"),
        sqlite_where=sa.text("store_id IS NULL"),
    )


def add_columns() -> None:
    """A column that has to have a value gets one for the rows there are; the default is not kept."""
    with op.batch_alter_table("alert") as alert:
        alert.add_column(sa.Column("rule", sa.String(length=60), nullable=False, server_default="unhappy"))
        alert.add_column(sa.Column("round", sa.Integer(), nullable=False, server_default="0"))
        alert.add_column(sa.Column("climbed", sa.JSON(), nullable=False, server_default="[]"))
        alert.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("concern") as concern:
        concern.add_column(sa.Column("previous_id", sa.Uuid(), nullable=True))
        concern.add_column(sa.Column("seconds_since_previous", sa.Integer(), nullable=True))
        concern.create_foreign_key(
            "fk_concern_previous", "concern", ["organization_id", "previous_id"], ["organization_id", "id"]
        )
    with op.batch_alter_table("notification") as notification:
        notification.add_column(sa.Column("kind", sa.String(20), nullable=False, server_default="ring"))
        notification.add_column(sa.Column("concern_id", sa.Uuid(), nullable=True))
        notification.alter_column("alert_id", existing_type=sa.Uuid(), nullable=True)
        notification.alter_column("device_id", existing_type=sa.Uuid(), nullable=True)
        notification.alter_column("run_id", existing_type=sa.Uuid(), nullable=True)
        notification.alter_column("step", existing_type=sa.Integer(), nullable=True)
        notification.create_foreign_key(
            "fk_notification_concern", "concern", ["organization_id", "concern_id"], ["organization_id", "id"]
        )
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("concern_id", sa.Uuid(), nullable=True))
        outbox.add_column(sa.Column("staff_id", sa.Uuid(), nullable=True))
        outbox.add_column(sa.Column("kind", sa.String(20), nullable=True))
        outbox.alter_column("alert_id", existing_type=sa.Uuid(), nullable=True)
        outbox.alter_column("run_id", existing_type=sa.Uuid(), nullable=True)
        outbox.alter_column("step", existing_type=sa.Integer(), nullable=True)
        outbox.create_foreign_key(
            "fk_outbox_concern", "concern", ["organization_id", "concern_id"], ["organization_id", "id"]
        )
        outbox.create_foreign_key(
            "fk_outbox_staff", "staff", ["organization_id", "staff_id"], ["organization_id", "id"]
        )
    with op.batch_alter_table("shift") as shift:
        shift.add_column(sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("staff") as staff:
        staff.add_column(sa.Column("email", sa.String(length=254), nullable=True))
        staff.add_column(sa.Column("quiet_from", sa.Time(), nullable=True))
        staff.add_column(sa.Column("quiet_until", sa.Time(), nullable=True))
        staff.add_column(sa.Column("muted", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("store") as store:
        store.add_column(sa.Column("hours", sa.JSON(), nullable=True))
        store.add_column(sa.Column("longest_pause_minutes", sa.Integer(), nullable=False, server_default="5"))
    defaults = {"alert": ("rule", "round", "climbed"), "notification": ("kind",), "staff": ("muted",)}
    for table, columns in {**defaults, "store": ("longest_pause_minutes",)}.items():
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.alter_column(column, server_default=None)


def name_the_concern(table: str) -> None:
    rows, alert = (
        sa.table(name, *map(sa.column, ("organization_id", "id", "alert_id", "concern_id")))
        for name in (table, "alert")
    )
    same = (alert.c.organization_id == rows.c.organization_id) & (alert.c.id == rows.c.alert_id)
    op.execute(rows.update().values(concern_id=sa.select(alert.c.concern_id).where(same).scalar_subquery()))


def teach_rules() -> None:
    """Give every organization there is what a new one starts with."""
    bind = op.get_bind()
    rule = sa.table("alert_rule", *_ids(), sa.column("slug"), sa.column("name"), *map(sa.column, PLAIN))
    named = map(sa.column, ("slug", "name", "version", *TIMES))
    policy = sa.table("escalation_policy", *_ids(), *named, sa.column("steps", sa.JSON()))
    for organization_id in bind.execute(sa.text("SELECT id FROM organization").columns(id=sa.Uuid())).scalars():
        own = {"organization_id": organization_id}
        bind.execute(rule.insert().values([{**own, "id": uuid7(), **PLAIN, **values} for values in RULES]))
        standard = {"slug": "standard", "name": "Standard", "steps": STEPS, "version": 1, **TIMES}
        bind.execute(policy.insert().values({**own, "id": uuid7(), **standard}))


def _ids() -> list[sa.ColumnClause]:
    return [sa.column("organization_id", sa.Uuid()), sa.column("id", sa.Uuid())]


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
