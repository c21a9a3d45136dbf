"""Every table of the house, and the wall between tenants."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GLOBAL = ("organization", "heartbeat")
TENANT_OWNED = (
    "answered_request",
    "api_key",
    "category",
    "change",
    "change_counter",
    "question",
    "region",
    "remedy",
    "staff",
    "cause",
    "device",
    "staff_region",
    "store",
    "customer",
    "customer_store",
    "place",
    "shift",
    "staff_session",
    "staff_store",
    "concern",
    "alert",
    "concern_event",
    "concern_item",
    "recovery_action",
    "notification",
    "outbox",
)
# Rows of these are only ever added by the application.
APPEND_ONLY = ("change", "concern_event")


def upgrade() -> None:
    create_tables()
    if op.get_bind().dialect.name == "postgresql":
        create_roles()
        for table in TENANT_OWNED:
            raise_wall(table)
        grant_the_rest()
        wake_the_worker()


def downgrade() -> None:
    for table in reversed((*GLOBAL, *TENANT_OWNED)):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION amends_outbox_written()")


def create_roles() -> None:
    """The roles that web and worker become. They belong to the server, not to this database, so they may exist."""
    for role in ("amends_app", "amends_worker"):
        op.execute(
            f"""
            DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
            """
        )
        # Two databases of one server may be migrated at once.
        op.execute("SELECT pg_advisory_xact_lock(1634559342)")
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def raise_wall(table: str) -> None:
    """Row level security: the web sees one organization per transaction, the worker all."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    rights = "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f'GRANT {rights} ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')


def grant_the_rest() -> None:
    op.execute("GRANT SELECT ON organization, heartbeat, alembic_version TO amends_app")
    op.execute("GRANT SELECT ON alembic_version TO amends_worker")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON organization, heartbeat TO amends_worker")


def wake_the_worker() -> None:
    """Whoever writes an outbox row wakes the worker, at commit, without a statement of its own."""
    op.execute(
        """
        CREATE FUNCTION amends_outbox_written() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('amends_outbox', '');
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER outbox_written AFTER INSERT ON outbox"
        " FOR EACH STATEMENT EXECUTE FUNCTION amends_outbox_written()"
    )


def create_tables() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("worker", sa.String(length=100), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overdue_steps", sa.Integer(), nullable=False),
        sa.Column("push", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("worker", name="pk_heartbeat"),
    )
    op.create_table(
        "organization",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organization"),
        sa.UniqueConstraint("slug", name="uq_organization_slug"),
    )
    op.create_table(
        "answered_request",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("asker_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("key", sa.String(length=260), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_answered_request_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_answered_request"),
        sa.UniqueConstraint(
            "organization_id",
            "asker_id",
            "method",
            "path",
            "key",
            name="uq_answered_request_organization_id_asker_id_method_path_key",
        ),
    )
    op.create_index("ix_answered_request_at", "answered_request", ["at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_api_key_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_api_key"),
        sa.UniqueConstraint("organization_id", "digest", name="uq_api_key_organization_id_digest"),
    )
    op.create_table(
        "category",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_category_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_category"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_category_organization_id_slug"),
    )
    op.create_table(
        "change",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_change_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "seq", name="pk_change"),
    )
    op.create_index("ix_change_store", "change", ["organization_id", "store_id", "seq"], unique=False)
    op.create_table(
        "change_counter",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_change_counter_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", name="pk_change_counter"),
    )
    op.create_table(
        "question",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_question_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_question"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_question_organization_id_slug"),
    )
    op.create_table(
        "region",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_region_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_region"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_region_organization_id_slug"),
    )
    op.create_table(
        "remedy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("default_cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("default_cost_currency", sa.String(length=3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_remedy_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_remedy"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_remedy_organization_id_slug"),
    )
    op.create_table(
        "staff",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_staff_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_staff"),
        sa.UniqueConstraint("organization_id", "login", name="uq_staff_organization_id_login"),
    )
    op.create_table(
        "cause",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "category_id"], ["category.organization_id", "category.id"], name="fk_cause_category"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_cause_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_cause"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_cause_organization_id_slug"),
    )
    op.create_index("ix_cause_category_id", "cause", ["organization_id", "category_id"], unique=False)
    op.create_table(
        "device",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("installation_id", sa.String(length=200), nullable=False),
        sa.Column("platform", sa.String(20), nullable=False),
        sa.Column("address", sa.String(length=1024), nullable=True),
        sa.Column("address_kind", sa.String(20), nullable=False),
        sa.Column("app_version", sa.String(length=60), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_reason", sa.String(length=60), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "staff_id"], ["staff.organization_id", "staff.id"], name="fk_device_staff"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_device_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_device"),
        sa.UniqueConstraint("organization_id", "installation_id", name="uq_device_organization_id_installation_id"),
    )
    op.create_index("ix_device_staff_id", "device", ["organization_id", "staff_id"], unique=False)
    op.create_index(
        "uq_device_address",
        "device",
        ["organization_id", "address"],
        unique=True,
        postgresql_where=sa.text("address IS NOT NULL"),
        sqlite_where=sa.text("address IS NOT NULL"),
    )
    op.create_table(
        "staff_region",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "region_id"], ["region.organization_id", "region.id"], name="fk_staff_region_region"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "staff_id"], ["staff.organization_id", "staff.id"], name="fk_staff_region_staff"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_staff_region_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_staff_region"),
        sa.UniqueConstraint(
            "organization_id", "staff_id", "region_id", name="uq_staff_region_organization_id_staff_id_region_id"
        ),
    )
    op.create_index("ix_staff_region_region_id", "staff_region", ["organization_id", "region_id"], unique=False)
    op.create_table(
        "store",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("region_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("day_starts_at", sa.Time(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "region_id"], ["region.organization_id", "region.id"], name="fk_store_region"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_store_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_store"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_store_organization_id_slug"),
    )
    op.create_index("ix_store_region_id", "store", ["organization_id", "region_id"], unique=False)
    op.create_table(
        "customer",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("loyalty_number", sa.String(length=60), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_store_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "first_store_id"], ["store.organization_id", "store.id"], name="fk_customer_first_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_customer_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_customer"),
        sa.UniqueConstraint("organization_id", "email", name="uq_customer_organization_id_email"),
        sa.UniqueConstraint("organization_id", "loyalty_number", name="uq_customer_organization_id_loyalty_number"),
        sa.UniqueConstraint("organization_id", "phone", name="uq_customer_organization_id_phone"),
    )
    op.create_index("ix_customer_first_store_id", "customer", ["organization_id", "first_store_id"], unique=False)
    op.create_index("ix_customer_newest", "customer", ["organization_id", "created_at", "id"], unique=False)
    op.create_table(
        "customer_store",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customer.organization_id", "customer.id"],
            name="fk_customer_store_customer",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_customer_store_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_customer_store_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_customer_store"),
        sa.UniqueConstraint(
            "organization_id", "customer_id", "store_id", name="uq_customer_store_organization_id_customer_id_store_id"
        ),
    )
    op.create_index("ix_customer_store_store_id", "customer_store", ["organization_id", "store_id"], unique=False)
    op.create_table(
        "place",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_place_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_place_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_place"),
        sa.UniqueConstraint("organization_id", "store_id", "slug", name="uq_place_organization_id_store_id_slug"),
    )
    op.create_table(
        "shift",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "staff_id"], ["staff.organization_id", "staff.id"], name="fk_shift_staff"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_shift_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_shift_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_shift"),
    )
    op.create_index("ix_shift_store_id_ended_at", "shift", ["organization_id", "store_id", "ended_at"], unique=False)
    op.create_index(
        "uq_shift_open",
        "shift",
        ["organization_id", "staff_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "staff_session",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "device_id"], ["device.organization_id", "device.id"], name="fk_staff_session_device"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "staff_id"], ["staff.organization_id", "staff.id"], name="fk_staff_session_staff"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_staff_session_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_staff_session"),
        sa.UniqueConstraint("organization_id", "digest", name="uq_staff_session_organization_id_digest"),
    )
    op.create_index("ix_staff_session_staff_id", "staff_session", ["organization_id", "staff_id"], unique=False)
    op.create_table(
        "staff_store",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "staff_id"], ["staff.organization_id", "staff.id"], name="fk_staff_store_staff"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_staff_store_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_staff_store_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_staff_store"),
        sa.UniqueConstraint(
            "organization_id", "staff_id", "store_id", name="uq_staff_store_organization_id_staff_id_store_id"
        ),
    )
    op.create_index("ix_staff_store_store_id", "staff_store", ["organization_id", "store_id"], unique=False)
    op.create_table(
        "concern",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("handling", sa.String(20), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("mood_after", sa.SmallInteger(), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("reported_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_by_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("time_adjusted", sa.Boolean(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by_id", sa.Uuid(), nullable=True),
        sa.Column("reopened_count", sa.SmallInteger(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("seconds_to_take", sa.Integer(), nullable=True),
        sa.Column("seconds_to_resolve", sa.Integer(), nullable=True),
        sa.Column("mood", sa.SmallInteger(), nullable=False),
        sa.Column("their_words", sa.Text(), nullable=True),
        sa.Column("our_reading", sa.Text(), nullable=True),
        sa.Column("stake", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("read_back", sa.Boolean(), nullable=False),
        sa.Column("times_told", sa.SmallInteger(), nullable=True),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("order_reference", sa.String(length=100), nullable=True),
        sa.Column("category_id", sa.Uuid(), nullable=True),
        sa.Column("cause_id", sa.Uuid(), nullable=True),
        sa.Column("place_id", sa.Uuid(), nullable=True),
        sa.Column("question_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("order_value_amount", sa.BigInteger(), nullable=True),
        sa.Column("order_value_currency", sa.String(length=3), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "category_id"], ["category.organization_id", "category.id"], name="fk_concern_category"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "cause_id"], ["cause.organization_id", "cause.id"], name="fk_concern_cause"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"], name="fk_concern_customer"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "place_id"], ["place.organization_id", "place.id"], name="fk_concern_place"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "question_id"], ["question.organization_id", "question.id"], name="fk_concern_question"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reported_by_id"], ["staff.organization_id", "staff.id"], name="fk_concern_reported_by"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "resolved_by_id"], ["staff.organization_id", "staff.id"], name="fk_concern_resolved_by"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_concern_store"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "taken_by_id"], ["staff.organization_id", "staff.id"], name="fk_concern_taken_by"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_concern_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_concern"),
    )
    op.create_index("ix_concern_customer", "concern", ["organization_id", "customer_id", "received_at"], unique=False)
    op.create_index("ix_concern_newest", "concern", ["organization_id", "received_at", "id"], unique=False)
    op.create_index("ix_concern_store_day", "concern", ["organization_id", "store_id", "business_date"], unique=False)
    op.create_index(
        "ix_concern_store_newest", "concern", ["organization_id", "store_id", "received_at", "id"], unique=False
    )
    op.create_table(
        "alert",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unanswered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "concern_id"], ["concern.organization_id", "concern.id"], name="fk_alert_concern"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_alert_store"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "taken_by_id"], ["staff.organization_id", "staff.id"], name="fk_alert_taken_by"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_alert_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_alert"),
        sa.UniqueConstraint("organization_id", "concern_id", name="uq_alert_organization_id_concern_id"),
    )
    op.create_index(
        "ix_alert_due",
        "alert",
        ["next_step_at"],
        unique=False,
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
        sqlite_where=sa.text("next_step_at IS NOT NULL"),
    )
    op.create_index("ix_alert_newest", "alert", ["organization_id", "raised_at", "id"], unique=False)
    op.create_index("ix_alert_store_newest", "alert", ["organization_id", "store_id", "raised_at", "id"], unique=False)
    op.create_table(
        "concern_event",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_staff_id", sa.Uuid(), nullable=True),
        sa.Column("by_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "by_api_key_id"],
            ["api_key.organization_id", "api_key.id"],
            name="fk_concern_event_by_api_key",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "by_staff_id"], ["staff.organization_id", "staff.id"], name="fk_concern_event_by_staff"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "concern_id"],
            ["concern.organization_id", "concern.id"],
            name="fk_concern_event_concern",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "device_id"], ["device.organization_id", "device.id"], name="fk_concern_event_device"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_concern_event_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_concern_event_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_concern_event"),
    )
    op.create_index(
        "ix_concern_event_concern", "concern_event", ["organization_id", "concern_id", "number"], unique=False
    )
    op.create_table(
        "concern_item",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "concern_id"], ["concern.organization_id", "concern.id"], name="fk_concern_item_concern"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_concern_item_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_concern_item"),
    )
    op.create_index("ix_concern_item_concern_id", "concern_item", ["organization_id", "concern_id"], unique=False)
    op.create_table(
        "recovery_action",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("remedy_id", sa.Uuid(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("cost_amount", sa.BigInteger(), nullable=True),
        sa.Column("cost_currency", sa.String(length=3), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acted_by_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "acted_by_id"],
            ["staff.organization_id", "staff.id"],
            name="fk_recovery_action_acted_by",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "concern_id"],
            ["concern.organization_id", "concern.id"],
            name="fk_recovery_action_concern",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "remedy_id"], ["remedy.organization_id", "remedy.id"], name="fk_recovery_action_remedy"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "reverses_id"],
            ["recovery_action.organization_id", "recovery_action.id"],
            name="fk_recovery_action_reverses",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "store_id"], ["store.organization_id", "store.id"], name="fk_recovery_action_store"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_recovery_action_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_recovery_action"),
    )
    op.create_index("ix_recovery_action_concern", "recovery_action", ["organization_id", "concern_id"], unique=False)
    op.create_index(
        "ix_recovery_action_newest", "recovery_action", ["organization_id", "recorded_at", "id"], unique=False
    )
    op.create_index(
        "ix_recovery_action_store_newest",
        "recovery_action",
        ["organization_id", "store_id", "recorded_at", "id"],
        unique=False,
    )
    op.create_index("uq_recovery_action_reverses", "recovery_action", ["organization_id", "reverses_id"], unique=True)
    op.create_table(
        "notification",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_id", sa.String(length=300), nullable=True),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "alert_id"], ["alert.organization_id", "alert.id"], name="fk_notification_alert"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "device_id"], ["device.organization_id", "device.id"], name="fk_notification_device"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "staff_id"], ["staff.organization_id", "staff.id"], name="fk_notification_staff"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_notification_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_notification"),
        sa.UniqueConstraint(
            "organization_id",
            "alert_id",
            "run_id",
            "step",
            "device_id",
            name="uq_notification_organization_id_alert_id_run_id_step_device_id",
        ),
    )
    op.create_index("ix_notification_staff", "notification", ["organization_id", "staff_id", "queued_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.String(20), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("poisonings", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "alert_id"], ["alert.organization_id", "alert.id"], name="fk_outbox_alert"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "notification_id"],
            ["notification.organization_id", "notification.id"],
            name="fk_outbox_notification",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_outbox_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
        sqlite_where=sa.text("done_at IS NULL"),
    )
