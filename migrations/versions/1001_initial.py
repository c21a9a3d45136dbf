"""The schema of version 0.1.0, package by package."""

import sqlalchemy as sa
from alembic import op

from migrations.tenant_tables import (
    INSTANT,
    NAME_KEY,
    create_roles,
    drop_function,
    drop_tables,
    grant_global,
    index,
    link,
    notify_on_insert,
    on_postgresql,
    secure,
    tenant_table,
)

revision = "1001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (  # each after those it refers to
    # organizations
    "organization",
    "catalogue_item",
    "category",
    "region",
    "store_group",
    "cause",
    "question",
    "store",
    "place",
    "store_day",
    "store_group_member",
    # staff
    "api_key",
    "staff",
    "device",
    "staff_region",
    "daily_log_subscription",
    "shift",
    "staff_session",
    "staff_store",
    # customers
    "customer",
    "customer_external_id",
    "customer_store",
    # concerns
    "wellbeing_check",
    "concern",
    "concern_event",
    "concern_item",
    # recovery
    "feedback_policy",
    "remedy",
    "remedy_limit",
    "fix",
    "qr_code",
    "feedback_request",
    "follow_up",
    "recovery_action",
    # alerts
    "alert_rule",
    "escalation_policy",
    "alert",
    "notification",
    # daily_log
    "daily_log_policy",
    "daily_log",
    "day_end_schedule",
    "daily_log_amendment",
    "daily_log_handover",
    # outbox
    "heartbeat",
    "metric_counter",
    "watchdog_run",
    "outbox_message",
    # operations
    "customer_merge",
    # reports
    "rollup_version",
    "rollup_cause",
    "rollup_day",
    "rollup_month",
    # db
    "restore_event",
    "change",
    "change_counter",
    "idempotency_key",
    "dirty_cause_month",
    "dirty_day",
)


def upgrade() -> None:
    create_roles()
    grant_versions()
    create_organizations()
    create_staff()
    create_customers()
    create_concerns()
    create_recovery()
    create_alerts()
    create_daily_log()
    create_outbox()
    create_operations()
    create_reports()
    create_db()


def downgrade() -> None:
    drop_tables(*TABLES)
    drop_function("outbox_message_inserted")


def grant_versions() -> None:
    """Let both processes read which revision the schema has."""
    if on_postgresql():
        op.execute("GRANT SELECT ON alembic_version TO amends_app, amends_worker")


def create_organizations() -> None:
    """Organizations and what they configure."""
    op.create_table(
        "organization",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organization"),
        sa.UniqueConstraint("slug", name="uq_organization_slug"),
    )
    grant_global("organization")
    tenant_table(
        "catalogue_item",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_key", NAME_KEY, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_catalogue_item_organization_id_slug"),
    )
    index("ix_catalogue_item_name_key", "catalogue_item", "organization_id", "name_key", "id")
    tenant_table(
        "category",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("about_money", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_category_organization_id_slug"),
    )
    tenant_table(
        "region",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_region_organization_id_slug"),
    )
    tenant_table(
        "store_group",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_store_group_organization_id_slug"),
    )
    tenant_table(
        "cause",
        link("category_id", "category"),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_cause_organization_id_slug"),
    )
    index("ix_cause_category_id", "cause", "organization_id", "category_id")
    tenant_table(
        "question",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        link("category_id", "category", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_question_organization_id_slug"),
    )
    tenant_table(
        "store",
        link("region_id", "region"),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("time_zone", sa.String(60), nullable=False),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("day_starts_at", sa.Time(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=True),
        sa.Column("longest_pause_minutes", sa.Integer(), nullable=False),
        sa.Column("above_limit", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_store_organization_id_slug"),
    )
    index("ix_store_region_id", "store", "organization_id", "region_id")
    tenant_table(
        "place",
        link("store_id", "store"),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "store_id", "slug", name="uq_place_organization_id_store_id_slug"),
    )
    tenant_table(
        "store_day",
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("covers", sa.Integer(), nullable=True),
        sa.Column("transactions", sa.Integer(), nullable=True),
        sa.Column("sales_amount", sa.BigInteger(), nullable=True),
        sa.Column("sales_currency", sa.String(3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint(
            "organization_id", "store_id", "business_date", name="uq_store_day_organization_id_store_id_business_date"
        ),
    )
    tenant_table(
        "store_group_member",
        link("group_id", "store_group"),
        link("store_id", "store"),
        sa.UniqueConstraint(
            "organization_id", "group_id", "store_id", name="uq_store_group_member_organization_id_group_id_store_id"
        ),
    )
    index("ix_store_group_member_store_id", "store_group_member", "organization_id", "store_id")


def create_staff() -> None:
    """People, their shifts, devices and credentials."""
    tenant_table(
        "api_key",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("seen_at", INSTANT, nullable=True),
        sa.UniqueConstraint("organization_id", "digest", name="uq_api_key_organization_id_digest"),
    )
    tenant_table(
        "staff",
        sa.Column("login", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("muted", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "login", name="uq_staff_organization_id_login"),
    )
    tenant_table(
        "device",
        link("staff_id", "staff"),
        sa.Column("installation_id", sa.String(200), nullable=False),
        sa.Column("platform", sa.String(20), nullable=False),
        sa.Column("address", sa.String(1024), nullable=True),
        sa.Column("address_kind", sa.String(20), nullable=False),
        sa.Column("app_version", sa.String(60), nullable=True),
        sa.Column("locale", sa.String(35), nullable=True),
        sa.Column("registered_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("retired_at", INSTANT, nullable=True),
        sa.Column("retired_reason", sa.String(60), nullable=True),
        sa.UniqueConstraint("organization_id", "installation_id", name="uq_device_organization_id_installation_id"),
    )
    index("ix_device_staff_id", "device", "organization_id", "staff_id")
    index("uq_device_address", "device", "organization_id", "address", unique=True, where="address IS NOT NULL")
    tenant_table(
        "staff_region",
        link("staff_id", "staff"),
        link("region_id", "region"),
        sa.UniqueConstraint(
            "organization_id", "staff_id", "region_id", name="uq_staff_region_organization_id_staff_id_region_id"
        ),
    )
    index("ix_staff_region_region_id", "staff_region", "organization_id", "region_id")
    tenant_table(
        "daily_log_subscription",
        link("staff_id", "staff"),
        link("store_id", "store"),
        sa.UniqueConstraint(
            "organization_id",
            "staff_id",
            "store_id",
            name="uq_daily_log_subscription_organization_id_staff_id_store_id",
        ),
    )
    index("ix_daily_log_subscription_store_id", "daily_log_subscription", "organization_id", "store_id")
    tenant_table(
        "shift",
        link("staff_id", "staff"),
        link("store_id", "store"),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("paused_until", INSTANT, nullable=True),
    )
    index("ix_shift_store_id_ended_at", "shift", "organization_id", "store_id", "ended_at")
    index("uq_shift_open", "shift", "organization_id", "staff_id", unique=True, where="ended_at IS NULL")
    tenant_table(
        "staff_session",
        link("staff_id", "staff"),
        link("device_id", "device", nullable=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.UniqueConstraint("organization_id", "digest", name="uq_staff_session_organization_id_digest"),
    )
    index("ix_staff_session_staff_id", "staff_session", "organization_id", "staff_id")
    tenant_table(
        "staff_store",
        link("staff_id", "staff"),
        link("store_id", "store"),
        sa.UniqueConstraint(
            "organization_id", "staff_id", "store_id", name="uq_staff_store_organization_id_staff_id_store_id"
        ),
    )
    index("ix_staff_store_store_id", "staff_store", "organization_id", "store_id")


def create_customers() -> None:
    """Customer profiles."""
    tenant_table(
        "customer",
        sa.Column("name", sa.String(200), nullable=True),
        sa.Column("phone", sa.String(20), nullable=True),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("loyalty_number", sa.String(60), nullable=True),
        sa.Column("name_key", NAME_KEY, nullable=True),
        sa.Column("phone_key", sa.String(20), nullable=True),
        sa.Column("email_key", sa.String(254), nullable=True),
        sa.Column("loyalty_number_key", sa.String(60), nullable=True),
        sa.Column("preferred_name", sa.String(200), nullable=True),
        sa.Column("pronunciation", sa.String(200), nullable=True),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("preferences", sa.Text(), nullable=True),
        sa.Column("may_contact", sa.Boolean(), nullable=True),
        sa.Column("consent_at", INSTANT, nullable=True),
        sa.Column("consent_source", sa.String(20), nullable=True),
        link("consent_by_id", "staff", nullable=True),
        sa.Column("allergies", sa.Text(), nullable=True),
        sa.Column("allergies_consent_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        link("first_store_id", "store", nullable=True),
        link("merged_into_id", "customer", nullable=True),
        sa.Column("merged_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "email", name="uq_customer_organization_id_email"),
        sa.UniqueConstraint("organization_id", "loyalty_number", name="uq_customer_organization_id_loyalty_number"),
        sa.UniqueConstraint("organization_id", "phone", name="uq_customer_organization_id_phone"),
    )
    index("ix_customer_email_key", "customer", "organization_id", "email_key")
    index("ix_customer_first_store_id", "customer", "organization_id", "first_store_id")
    index("ix_customer_loyalty_number_key", "customer", "organization_id", "loyalty_number_key")
    index("ix_customer_merged_into_id", "customer", "organization_id", "merged_into_id")
    index("ix_customer_name_key", "customer", "organization_id", "name_key")
    index("ix_customer_newest", "customer", "organization_id", "created_at", "id")
    index("ix_customer_phone_key", "customer", "organization_id", "phone_key")
    tenant_table(
        "customer_external_id",
        link("customer_id", "customer"),
        sa.Column("source", sa.String(60), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.UniqueConstraint(
            "organization_id", "source", "reference", name="uq_customer_external_id_organization_id_source_reference"
        ),
    )
    index("ix_customer_external_id_customer_id", "customer_external_id", "organization_id", "customer_id")
    tenant_table(
        "customer_store",
        link("customer_id", "customer"),
        link("store_id", "store"),
        sa.Column("met_at", INSTANT, nullable=False),
        sa.UniqueConstraint(
            "organization_id", "customer_id", "store_id", name="uq_customer_store_organization_id_customer_id_store_id"
        ),
    )
    index("ix_customer_store_store_id", "customer_store", "organization_id", "store_id")


def create_concerns() -> None:
    """Concerns, their events, items and checks."""
    tenant_table(
        "wellbeing_check",
        link("store_id", "store"),
        link("checked_by_id", "staff", nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
    )
    index("ix_wellbeing_check_store_day", "wellbeing_check", "organization_id", "store_id", "business_date")
    tenant_table(
        "concern",
        sa.Column("mood", sa.SmallInteger(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("their_words", sa.Text(), nullable=True),
        sa.Column("our_reading", sa.Text(), nullable=True),
        sa.Column("stake", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("read_back", sa.Boolean(), nullable=False),
        sa.Column("times_told", sa.SmallInteger(), nullable=True),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("order_reference", sa.String(100), nullable=True),
        link("category_id", "category", nullable=True),
        link("cause_id", "cause", nullable=True),
        link("place_id", "place", nullable=True),
        link("question_id", "question", nullable=True),
        link("customer_id", "customer", nullable=True),
        link("praised_id", "staff", nullable=True),
        link("linked_id", "concern", nullable=True),
        sa.Column("order_value_amount", sa.BigInteger(), nullable=True),
        sa.Column("order_value_currency", sa.String(3), nullable=True),
        link("store_id", "store"),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("handling", sa.String(20), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("mood_after", sa.SmallInteger(), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        link("reported_by_id", "staff", nullable=True),
        link("taken_by_id", "staff", nullable=True),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("time_adjusted", sa.Boolean(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("taken_at", INSTANT, nullable=True),
        sa.Column("resolved_at", INSTANT, nullable=True),
        link("resolved_by_id", "staff", nullable=True),
        sa.Column("reopened_count", sa.SmallInteger(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("seconds_to_take", sa.Integer(), nullable=True),
        sa.Column("seconds_to_resolve", sa.Integer(), nullable=True),
        link("previous_id", "concern", nullable=True),
        sa.Column("seconds_since_previous", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    index("ix_concern_cause", "concern", "organization_id", "cause_id", "received_at")
    index("ix_concern_customer", "concern", "organization_id", "customer_id", "received_at")
    index("ix_concern_newest", "concern", "organization_id", "received_at", "id")
    index("ix_concern_open", "concern", "organization_id", "store_id", "business_date", where="status != 'resolved'")
    index("ix_concern_store_day", "concern", "organization_id", "store_id", "business_date")
    index("ix_concern_store_newest", "concern", "organization_id", "store_id", "received_at", "id")
    tenant_table(
        "concern_event",
        link("concern_id", "concern"),
        link("store_id", "store"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        link("by_staff_id", "staff", nullable=True),
        link("by_api_key_id", "api_key", nullable=True),
        link("device_id", "device", nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        append_only=True,
    )
    index("ix_concern_event_concern", "concern_event", "organization_id", "concern_id", "number")
    tenant_table(
        "concern_item",
        link("concern_id", "concern"),
        link("item_id", "catalogue_item"),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
    )
    index("ix_concern_item_concern_id", "concern_item", "organization_id", "concern_id")


def create_recovery() -> None:
    """Remedies, actions, follow-ups, fixes, feedback and QR codes."""
    tenant_table(
        "feedback_policy",
        sa.Column("days_between", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", name="uq_feedback_policy_organization_id"),
    )
    tenant_table(
        "remedy",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("default_cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("default_cost_currency", sa.String(3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_remedy_organization_id_slug"),
    )
    tenant_table(
        "remedy_limit",
        link("remedy_id", "remedy"),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("most_per_customer", sa.BigInteger(), nullable=False),
        sa.Column("most_per_staff", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint(
            "organization_id",
            "remedy_id",
            "role",
            "currency",
            name="uq_remedy_limit_organization_id_remedy_id_role_currency",
        ),
    )
    tenant_table(
        "fix",
        link("cause_id", "cause"),
        link("store_id", "store", nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("fixed_at", INSTANT, nullable=False),
        link("told_by_id", "staff"),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    index("ix_fix_newest", "fix", "organization_id", "fixed_at", "id")
    tenant_table(
        "qr_code",
        link("store_id", "store"),
        link("place_id", "place", nullable=True),
        sa.Column("token", sa.String(38), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        link("made_by_id", "staff", nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "token", name="uq_qr_code_organization_id_token"),
    )
    index("ix_qr_code_store", "qr_code", "organization_id", "store_id", "made_at", "id")
    tenant_table(
        "feedback_request",
        sa.Column("token", sa.String(38), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        link("asked_by_id", "staff", nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("recommend", sa.SmallInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        link("concern_id", "concern"),
        link("store_id", "store"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "token", name="uq_feedback_request_organization_id_token"),
    )
    index("ix_feedback_request_concern", "feedback_request", "organization_id", "concern_id", "asked_at", "id")
    tenant_table(
        "follow_up",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        link("owner_id", "staff"),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("promised_at", INSTANT, nullable=False),
        link("promised_by_id", "staff", nullable=True),
        sa.Column("kept_at", INSTANT, nullable=True),
        sa.Column("broken_at", INSTANT, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        link("fix_id", "fix", nullable=True),
        link("concern_id", "concern"),
        link("store_id", "store"),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    index("ix_follow_up_concern", "follow_up", "organization_id", "concern_id", "due_at", "id")
    index("ix_follow_up_due", "follow_up", "organization_id", "due_at", "id")
    index("ix_follow_up_fix", "follow_up", "organization_id", "fix_id", "concern_id")
    index(
        "ix_follow_up_owed",
        "follow_up",
        "organization_id",
        "store_id",
        "business_date",
        where="status IN ('open', 'broken')",
    )
    index("ix_follow_up_owner_due", "follow_up", "organization_id", "owner_id", "due_at", "id")
    index("ix_follow_up_store_day", "follow_up", "organization_id", "store_id", "business_date")
    index("ix_follow_up_store_due", "follow_up", "organization_id", "store_id", "due_at", "id")
    tenant_table(
        "recovery_action",
        link("remedy_id", "remedy"),
        link("reverses_id", "recovery_action", nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("cost_currency", sa.String(3), nullable=True),
        sa.Column("requested_cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("requested_cost_currency", sa.String(3), nullable=True),
        sa.Column("over_limit", sa.Boolean(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("settlement", sa.String(20), nullable=False),
        sa.Column("settlement_reference", sa.String(100), nullable=True),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        link("decided_by_id", "staff", nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("acted_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        link("acted_by_id", "staff", nullable=True),
        link("concern_id", "concern"),
        link("store_id", "store"),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    index("ix_recovery_action_concern", "recovery_action", "organization_id", "concern_id")
    index("ix_recovery_action_giver", "recovery_action", "organization_id", "acted_by_id", "business_date")
    index("ix_recovery_action_newest", "recovery_action", "organization_id", "recorded_at", "id")
    index(
        "ix_recovery_action_pending",
        "recovery_action",
        "organization_id",
        "recorded_at",
        "id",
        where="status = 'pending'",
    )
    index("ix_recovery_action_store_newest", "recovery_action", "organization_id", "store_id", "recorded_at", "id")
    index(
        "ix_recovery_action_unpaid",
        "recovery_action",
        "organization_id",
        "recorded_at",
        "id",
        where="settlement IN ('recorded', 'requested', 'failed')",
    )
    index("uq_recovery_action_reverses", "recovery_action", "organization_id", "reverses_id", unique=True)


def create_alerts() -> None:
    """Alerts, their rules, policies and notifications."""
    tenant_table(
        "alert_rule",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("built_in", sa.Boolean(), nullable=False),
        sa.Column("managers_at_once", sa.Boolean(), nullable=False),
        sa.Column("rings_mine", sa.Boolean(), nullable=False),
        sa.Column("mood_at_most", sa.Integer(), nullable=True),
        sa.Column("urgent_category", sa.Boolean(), nullable=False),
        link("category_id", "category", nullable=True),
        sa.Column("repeat_within_days", sa.Integer(), nullable=True),
        sa.Column("order_value_amount", sa.BigInteger(), nullable=True),
        sa.Column("order_value_currency", sa.String(3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_alert_rule_organization_id_slug"),
    )
    tenant_table(
        "escalation_policy",
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        link("store_id", "store", nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("unanswered_after_seconds", sa.Integer(), nullable=False),
        sa.Column("reach_within_seconds", sa.Integer(), nullable=False),
        sa.Column("remind_after_seconds", sa.Integer(), nullable=False),
        sa.Column("release_after_seconds", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "slug", name="uq_escalation_policy_organization_id_slug"),
        sa.UniqueConstraint("organization_id", "store_id", name="uq_escalation_policy_organization_id_store_id"),
    )
    index("uq_escalation_policy_of_all", "escalation_policy", "organization_id", unique=True, where="store_id IS NULL")
    tenant_table(
        "alert",
        link("concern_id", "concern"),
        link("store_id", "store"),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("step_log", sa.JSON(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("run_started_at", INSTANT, nullable=False),
        sa.Column("recipients_found_at", INSTANT, nullable=True),
        sa.Column("next_step_at", INSTANT, nullable=True),
        link("taken_by_id", "staff", nullable=True),
        sa.Column("taken_at", INSTANT, nullable=True),
        sa.Column("reminded_at", INSTANT, nullable=True),
        sa.Column("unanswered_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "concern_id", name="uq_alert_organization_id_concern_id"),
    )
    index("ix_alert_due", "alert", "next_step_at", where="next_step_at IS NOT NULL")
    index("ix_alert_newest", "alert", "organization_id", "raised_at", "id")
    index("ix_alert_stopped", "alert", "raised_at", where="state = 'open' AND next_step_at IS NULL")
    index("ix_alert_store_newest", "alert", "organization_id", "store_id", "raised_at", "id")
    tenant_table(
        "notification",
        sa.Column("kind", sa.String(20), nullable=False),
        link("alert_id", "alert", nullable=True),
        link("concern_id", "concern", nullable=True),
        sa.Column("channel", sa.String(20), nullable=False),
        link("device_id", "device", nullable=True),
        link("staff_id", "staff"),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("queued_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("accepted_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=True),
        sa.Column("shown_at", INSTANT, nullable=True),
        sa.Column("opened_at", INSTANT, nullable=True),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("provider_id", sa.String(300), nullable=True),
        sa.Column("failure", sa.String(60), nullable=True),
        sa.UniqueConstraint(
            "organization_id",
            "alert_id",
            "run_id",
            "step",
            "device_id",
            name="uq_notification_organization_id_alert_id_run_id_step_device_id",
        ),
    )
    index("ix_notification_staff", "notification", "organization_id", "staff_id", "queued_at")


def create_daily_log() -> None:
    """Daily logs, their policy, amendments and handovers, and when days end."""
    tenant_table(
        "daily_log_policy",
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", name="uq_daily_log_policy_organization_id"),
    )
    tenant_table(
        "daily_log",
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("signed_at", INSTANT, nullable=True),
        link("signed_by_id", "staff", nullable=True),
        sa.Column("signed_figures", sa.JSON(), nullable=True),
        sa.Column("signed_steps", sa.JSON(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint(
            "organization_id", "store_id", "business_date", name="uq_daily_log_organization_id_store_id_business_date"
        ),
    )
    tenant_table(
        "day_end_schedule",
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.UniqueConstraint("organization_id", "store_id", name="uq_day_end_schedule_organization_id_store_id"),
    )
    index("ix_day_end_schedule_due", "day_end_schedule", "due_at")
    tenant_table(
        "daily_log_amendment",
        link("daily_log_id", "daily_log"),
        link("store_id", "store"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        link("by_id", "staff"),
        append_only=True,
    )
    index("ix_daily_log_amendment_daily_log", "daily_log_amendment", "organization_id", "daily_log_id", "at", "id")
    tenant_table(
        "daily_log_handover",
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        link("concern_id", "concern"),
        sa.UniqueConstraint(
            "organization_id", "store_id", "business_date", "concern_id", name="uq_daily_log_handover_day"
        ),
        append_only=True,
    )


def create_outbox() -> None:
    """What workers have to do, and what they say of themselves."""
    op.create_table(
        "heartbeat",
        sa.Column("worker", sa.String(100), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("overdue_steps", sa.Integer(), nullable=False),
        sa.Column("push", sa.String(20), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("figures", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
        sa.PrimaryKeyConstraint("worker", name="pk_heartbeat"),
    )
    grant_global("heartbeat")
    op.create_table(
        "metric_counter",
        sa.Column("metric", sa.String(20), nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("metric", "label", "outcome", name="pk_metric_counter"),
    )
    grant_global("metric_counter")
    op.create_table(
        "watchdog_run",
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watchdog_run"),
    )
    grant_global("watchdog_run")
    tenant_table(
        "outbox_message",
        sa.Column("kind", sa.String(20), nullable=False),
        link("alert_id", "alert", nullable=True),
        link("concern_id", "concern", nullable=True),
        link("staff_id", "staff", nullable=True),
        link("follow_up_id", "follow_up", nullable=True),
        link("notification_id", "notification", nullable=True),
        link("store_id", "store", nullable=True),
        sa.Column("business_date", sa.Date(), nullable=True),
        sa.Column("notification_kind", sa.String(20), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.Column("dead_lettered_at", INSTANT, nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
    )
    index("ix_outbox_message_dead_lettered", "outbox_message", "dead_lettered_at", where="dead_lettered_at IS NOT NULL")
    index("ix_outbox_message_done", "outbox_message", "done_at", where="done_at IS NOT NULL")
    index("ix_outbox_message_due", "outbox_message", "due_at", where="done_at IS NULL")
    index(
        "uq_outbox_message_daily_log",
        "outbox_message",
        "organization_id",
        "store_id",
        "business_date",
        "staff_id",
        unique=True,
        where="notification_kind = 'daily_log'",
    )
    notify_on_insert("outbox_message", "amends_outbox")


def create_operations() -> None:
    """Merges of customers."""
    tenant_table(
        "customer_merge",
        link("survivor_id", "customer"),
        link("merged_id", "customer"),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("taken_over", sa.JSON(), nullable=False),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("merged_at", INSTANT, nullable=True),
        link("merged_by_id", "staff", nullable=True),
        sa.Column("undone_at", INSTANT, nullable=True),
        link("undone_by_id", "staff", nullable=True),
    )
    index("ix_customer_merge_survivor", "customer_merge", "organization_id", "survivor_id", "merged_at")


def create_reports() -> None:
    """Rollups."""
    tenant_table(
        "rollup_version",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.UniqueConstraint("organization_id", "month", name="uq_rollup_version_organization_id_month"),
    )
    tenant_table(
        "rollup_cause",
        link("category_id", "category", nullable=True),
        link("cause_id", "cause", nullable=True),
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("concerns", sa.Integer(), nullable=False),
        sa.Column("unhappy", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lost_without_offer", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("on_the_spot", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("unanswered_alerts", sa.Integer(), nullable=False),
        sa.Column("mood_after_known", sa.Integer(), nullable=False),
        sa.Column("mood_change", sa.Integer(), nullable=False),
        sa.Column("praise", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("seconds_to_take", sa.LargeBinary(), nullable=False),
        sa.Column("seconds_to_resolve", sa.LargeBinary(), nullable=False),
    )
    index("ix_rollup_cause_date", "rollup_cause", "organization_id", "business_date")
    index("ix_rollup_cause_store_date", "rollup_cause", "organization_id", "store_id", "business_date")
    tenant_table(
        "rollup_day",
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("covers", sa.Integer(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("ask_denominator", sa.Integer(), nullable=False),
        sa.Column("ask_numerator", sa.Integer(), nullable=False),
        sa.Column("concerns_on_receipt_days", sa.Integer(), nullable=False),
        sa.Column("follow_ups_due", sa.Integer(), nullable=False),
        sa.Column("follow_ups_kept", sa.Integer(), nullable=False),
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("concerns", sa.Integer(), nullable=False),
        sa.Column("unhappy", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lost_without_offer", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("on_the_spot", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("unanswered_alerts", sa.Integer(), nullable=False),
        sa.Column("mood_after_known", sa.Integer(), nullable=False),
        sa.Column("mood_change", sa.Integer(), nullable=False),
        sa.Column("praise", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("seconds_to_take", sa.LargeBinary(), nullable=False),
        sa.Column("seconds_to_resolve", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint(
            "organization_id", "store_id", "business_date", name="uq_rollup_day_organization_id_store_id_business_date"
        ),
    )
    index("ix_rollup_day_date", "rollup_day", "organization_id", "business_date")
    tenant_table(
        "rollup_month",
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("covers", sa.Integer(), nullable=False),
        sa.Column("transactions", sa.Integer(), nullable=False),
        sa.Column("ask_denominator", sa.Integer(), nullable=False),
        sa.Column("ask_numerator", sa.Integer(), nullable=False),
        sa.Column("concerns_on_receipt_days", sa.Integer(), nullable=False),
        sa.Column("follow_ups_due", sa.Integer(), nullable=False),
        sa.Column("follow_ups_kept", sa.Integer(), nullable=False),
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("concerns", sa.Integer(), nullable=False),
        sa.Column("unhappy", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("lost_without_offer", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("on_the_spot", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("unanswered_alerts", sa.Integer(), nullable=False),
        sa.Column("mood_after_known", sa.Integer(), nullable=False),
        sa.Column("mood_change", sa.Integer(), nullable=False),
        sa.Column("praise", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("seconds_to_take", sa.LargeBinary(), nullable=False),
        sa.Column("seconds_to_resolve", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint(
            "organization_id",
            "store_id",
            "business_date",
            name="uq_rollup_month_organization_id_store_id_business_date",
        ),
    )
    index("ix_rollup_month_date", "rollup_month", "organization_id", "business_date")


def create_db() -> None:
    """Change feed, rollup marks, idempotency keys and restores."""
    op.create_table(
        "restore_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restore_event"),
    )
    grant_global("restore_event", worker="SELECT, INSERT")
    op.create_table(
        "change",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(20), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_change_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "seq", name="pk_change"),
    )
    index("ix_change_store", "change", "organization_id", "store_id", "seq")
    secure("change", append_only=True)
    op.create_table(
        "change_counter",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_change_counter_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", name="pk_change_counter"),
    )
    secure("change_counter")
    tenant_table(
        "idempotency_key",
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("key", sa.String(260), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.UniqueConstraint(
            "organization_id",
            "requester_id",
            "method",
            "path",
            "key",
            name="uq_idempotency_key_organization_id_requester_id_method_path_key",
        ),
    )
    index("ix_idempotency_key_at", "idempotency_key", "at")
    tenant_table(
        "dirty_cause_month",
        link("store_id", "store"),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
    )
    index("ix_dirty_cause_month_due", "dirty_cause_month", "organization_id", "due_at")
    index("ix_dirty_cause_month_month", "dirty_cause_month", "organization_id", "month", "store_id")
    tenant_table(
        "dirty_day",
        link("store_id", "store"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
    )
    index("ix_dirty_day_month", "dirty_day", "organization_id", "month", "store_id", "business_date")
