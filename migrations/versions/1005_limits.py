"""Limits that hold: whom money was given to, orders, defaults for limits, counts of tries."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

from migrations.folding_1004 import fold
from migrations.tenant_tables import INSTANT, NAME_KEY, drop_tables, index, link, on_postgresql, tenant_table

revision = "1005"
down_revision = "1004"
branch_labels = None
depends_on = None

# What the version before cannot read.
NEW_SCOPES = ("settlements:write", "orders:write")
BATCH = 1_000  # rows
OWN_ORGANIZATION = "id = nullif(current_setting('app.organization_id', true), '')::uuid"


# Limits per role, in minor units: per customer, and per person and day.
DEFAULT_LIMITS = {"floor": (2_500, 10_000), "manager": (15_000, 60_000), "regional": (15_000, 60_000)}
DEFAULT_CURRENCIES = ("EUR", "GBP", "USD")
FREE_KINDS = ("apology", "explanation")


def upgrade() -> None:
    _hide_other_organizations()
    _upgrade_feedback()
    _upgrade_settlements()
    _upgrade_given_to()
    _upgrade_rate_limits()
    _upgrade_orders()
    _upgrade_outbox()
    _upgrade_addresses()
    _upgrade_limits()
    _upgrade_met_customers()
    _upgrade_known_phones()
    _upgrade_key_makers()
    _upgrade_acted_first()


def downgrade() -> None:
    _downgrade_acted_first()
    _downgrade_key_makers()
    _downgrade_known_phones()
    _downgrade_met_customers()
    _downgrade_limits()
    _downgrade_addresses()
    _downgrade_outbox()
    _downgrade_rate_limits()
    _take_new_scopes_from_keys()
    _downgrade_orders()
    _downgrade_given_to()
    _downgrade_settlements()
    _downgrade_feedback()
    _show_other_organizations()


def _hide_other_organizations() -> None:
    """Let the web read its own organization only. A sign-in, which has none yet, finds the id that one slug means."""
    if not on_postgresql():
        return
    op.execute("DROP POLICY app_reads ON organization")
    op.execute(f"CREATE POLICY app_reads ON organization FOR SELECT TO amends_app USING ({OWN_ORGANIZATION})")
    op.execute(
        """
        CREATE FUNCTION organization_id_of_slug(wanted text) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS 'SELECT id FROM public.organization WHERE slug = wanted'
        """
    )
    op.execute("REVOKE ALL ON FUNCTION organization_id_of_slug(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION organization_id_of_slug(text) TO amends_app, amends_worker")


def _upgrade_feedback() -> None:
    with op.batch_alter_table("feedback_request") as batch:
        batch.add_column(sa.Column("asked_in_session_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("asked_on_device_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("asked_from", sa.String(64), nullable=True))
        batch.add_column(sa.Column("suspect", sa.Boolean(), nullable=False, server_default=sa.false()))
    index("ix_feedback_request_asked_from", "feedback_request", "asked_at", where="asked_from IS NOT NULL")
    with op.batch_alter_table("concern") as batch:
        batch.add_column(sa.Column("rating_suspect", sa.Boolean(), nullable=False, server_default=sa.false()))


def _downgrade_feedback() -> None:
    with op.batch_alter_table("concern") as batch:
        batch.drop_column("rating_suspect")
    op.drop_index("ix_feedback_request_asked_from", "feedback_request")
    with op.batch_alter_table("feedback_request") as batch:
        for column in ("asked_in_session_id", "asked_on_device_id", "asked_from", "suspect"):
            batch.drop_column(column)


def _show_other_organizations() -> None:
    if not on_postgresql():
        return
    op.execute("DROP FUNCTION organization_id_of_slug(text)")
    op.execute("DROP POLICY app_reads ON organization")
    op.execute("CREATE POLICY app_reads ON organization FOR SELECT TO amends_app USING (true)")


def _upgrade_settlements() -> None:
    """Let a reference of the till be found however it was typed."""
    with op.batch_alter_table("recovery_action") as batch:
        batch.add_column(sa.Column("settlement_key", NAME_KEY, nullable=True))
    _fold_references("recovery_action", "settlement_reference", "settlement_key")
    index(
        "ix_recovery_action_settlement",
        "recovery_action",
        "organization_id",
        "store_id",
        "settlement_key",
        where="settlement_key IS NOT NULL",
    )


def _downgrade_settlements() -> None:
    """Reversals that wait for the money take effect, as they did before."""
    waits = "reverses_id IS NOT NULL AND requested_cost_amount IS NOT NULL"
    op.execute(
        "UPDATE recovery_action SET status = 'reversed' WHERE EXISTS (SELECT 1 FROM recovery_action AS entry"  # noqa: S608 our own text
        " WHERE entry.organization_id = recovery_action.organization_id AND entry.reverses_id = recovery_action.id"
        f" AND entry.{waits.replace('AND ', 'AND entry.')})"
    )
    op.execute(
        "UPDATE recovery_action SET cost_amount = requested_cost_amount, cost_currency = requested_cost_currency,"  # noqa: S608 our own text
        f" requested_cost_amount = NULL, requested_cost_currency = NULL, settlement = 'recorded' WHERE {waits}"
    )
    op.drop_index("ix_recovery_action_settlement", "recovery_action")
    with op.batch_alter_table("recovery_action") as batch:
        batch.drop_column("settlement_key")


def _upgrade_given_to() -> None:
    """Let what was given say to whom: so far, to the customer whom the concern names now."""
    with op.batch_alter_table("recovery_action") as batch:
        batch.add_column(sa.Column("customer_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key(
            "fk_recovery_action_customer", "customer", ["organization_id", "customer_id"], ["organization_id", "id"]
        )
    op.execute(
        "UPDATE recovery_action SET customer_id = (SELECT concern.customer_id FROM concern"
        " WHERE concern.organization_id = recovery_action.organization_id AND concern.id = recovery_action.concern_id)"
    )
    index("ix_recovery_action_customer", "recovery_action", "organization_id", "customer_id", "business_date")


def _downgrade_given_to() -> None:
    op.drop_index("ix_recovery_action_customer", "recovery_action")
    with op.batch_alter_table("recovery_action") as batch:
        batch.drop_constraint("fk_recovery_action_customer", type_="foreignkey")
        batch.drop_column("customer_id")


def _upgrade_orders() -> None:
    """Let tills tell orders, and find them by store, business day and reference, however it was typed."""
    tenant_table(
        "order_source",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("name_key", NAME_KEY, nullable=False),
        link("api_key_id", "api_key"),
        sa.UniqueConstraint("organization_id", "name_key", name="uq_order_source_organization_id_name_key"),
    )
    tenant_table(
        "customer_order",
        link("store_id", "store"),
        link("source_id", "order_source"),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.Column("reference_key", NAME_KEY, nullable=False),
        link("place_id", "place", nullable=True),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("value_amount", sa.BigInteger(), nullable=True),
        sa.Column("value_currency", sa.String(3), nullable=True),
        sa.Column("cap_amount", sa.BigInteger(), nullable=True),
        sa.Column("told_at", INSTANT, nullable=False),
        sa.UniqueConstraint(
            "organization_id",
            "store_id",
            "business_date",
            "reference_key",
            "source_id",
            name="uq_customer_order_reference",
        ),
    )
    with op.batch_alter_table("concern") as batch:
        batch.add_column(sa.Column("order_key", NAME_KEY, nullable=True))
    _fold_references("concern", "order_reference", "order_key")
    index(
        "ix_concern_order",
        "concern",
        "organization_id",
        "store_id",
        "business_date",
        "order_key",
        where="order_key IS NOT NULL",
    )


def _downgrade_orders() -> None:
    op.drop_index("ix_concern_order", "concern")
    with op.batch_alter_table("concern") as batch:
        batch.drop_column("order_key")
    drop_tables("order_source", "customer_order")


def _fold_references(table: str, reference: str, key: str) -> None:
    """Write the keys of all rows that have a reference."""
    connection = op.get_bind()
    columns = (sa.column("organization_id", sa.Uuid()), sa.column("id", sa.Uuid()))
    rows = sa.table(table, *columns, sa.column(reference, sa.String()), sa.column(key, sa.String()))
    stmt = sa.select(*columns, rows.c[reference]).select_from(rows).where(rows.c[reference].is_not(None))
    same = (columns[0] == sa.bindparam("organization"), columns[1] == sa.bindparam("row"))
    update = sa.update(rows).where(*same).values({key: sa.bindparam("folded")})
    all_rows = connection.execute(stmt).all()
    for start in range(0, len(all_rows), BATCH):
        folded = [
            {"organization": organization, "row": id_, "folded": fold(text)}
            for organization, id_, text in all_rows[start : start + BATCH]
        ]
        connection.execute(update, folded)


def _take_new_scopes_from_keys() -> None:
    key = sa.table("api_key", sa.column("id", sa.Uuid()), sa.column("scopes", sa.JSON()))
    for id_, scopes in op.get_bind().execute(sa.select(key.c.id, key.c.scopes)).all():
        left = [scope for scope in scopes if scope not in NEW_SCOPES]
        if left != scopes:
            op.execute(key.update().where(key.c.id == id_).values(scopes=left))


def _upgrade_rate_limits() -> None:
    """Count hits outside the write-ahead log of PostgreSQL: a crash of the server may forget them."""
    op.create_table(
        "rate_limit_counter",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("hits", sa.JSON(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limit_counter"),
        prefixes=["UNLOGGED"] if on_postgresql() else [],
    )
    index("ix_rate_limit_counter_expires_at", "rate_limit_counter", "expires_at")
    if on_postgresql():
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limit_counter TO amends_app")


def _downgrade_rate_limits() -> None:
    drop_tables("rate_limit_counter")


def _upgrade_outbox() -> None:
    """Write beside a message what a claim shares out by. Without it a message goes by the share of its organization."""
    with op.batch_alter_table("outbox_message") as batch:
        batch.add_column(sa.Column("share_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("channel", sa.String(20), nullable=True))
    op.execute(
        "UPDATE outbox_message SET channel = (SELECT notification.channel FROM notification"
        " WHERE notification.organization_id = outbox_message.organization_id"
        " AND notification.id = outbox_message.notification_id)"
        " WHERE done_at IS NULL AND notification_id IS NOT NULL"
    )


def _downgrade_outbox() -> None:
    with op.batch_alter_table("outbox_message") as batch:
        batch.drop_column("channel")
        batch.drop_column("share_id")


def _upgrade_limits() -> None:
    """Limit what has no limit yet: each role, for each remedy that costs something, in the currencies of the stores."""
    with op.batch_alter_table("store") as batch:
        batch.add_column(sa.Column("own_limits", sa.JSON(), nullable=True))
    with op.batch_alter_table("api_key") as batch:
        batch.add_column(sa.Column("own_budgets", sa.JSON(), nullable=True))
    with op.batch_alter_table("concern") as batch:
        batch.add_column(sa.Column("waiting_end", sa.JSON(), nullable=True))
    with op.batch_alter_table("recovery_action") as batch:
        batch.add_column(sa.Column("acted_by_key_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key(
            "fk_recovery_action_acted_by_key",
            "api_key",
            ["organization_id", "acted_by_key_id"],
            ["organization_id", "id"],
        )
    index("ix_recovery_action_store_day", "recovery_action", "organization_id", "store_id", "business_date")
    columns = ("organization_id", "id", "remedy_id")
    limit = sa.table(
        "remedy_limit",
        *(sa.column(name, sa.Uuid()) for name in columns),
        *(sa.column(name) for name in ("role", "currency", "most_per_customer", "most_per_staff")),
    )
    missing = op.get_bind().execute(
        sa.text(
            "SELECT DISTINCT remedy.organization_id, remedy.id, store.currency, roles.role"  # noqa: S608 our own query
            " FROM remedy JOIN store ON store.organization_id = remedy.organization_id"
            f" CROSS JOIN ({' UNION ALL '.join(f'SELECT {role!r} AS role' for role in DEFAULT_LIMITS)}) AS roles"
            f" WHERE remedy.kind NOT IN {FREE_KINDS} AND store.currency IN {DEFAULT_CURRENCIES}"
            " AND NOT EXISTS (SELECT 1 FROM remedy_limit WHERE remedy_limit.organization_id = remedy.organization_id"
            " AND remedy_limit.remedy_id = remedy.id AND remedy_limit.role = roles.role"
            " AND remedy_limit.currency = store.currency)"
        ).columns(
            sa.column("organization_id", sa.Uuid()),
            sa.column("id", sa.Uuid()),
            sa.column("currency"),
            sa.column("role"),
        )
    )
    rows = [
        {
            "organization_id": row.organization_id,
            "id": uuid4(),
            "remedy_id": row.id,
            "role": row.role,
            "currency": row.currency,
            "most_per_customer": DEFAULT_LIMITS[row.role][0],
            "most_per_staff": DEFAULT_LIMITS[row.role][1],
        }
        for row in missing
    ]
    if rows:
        op.bulk_insert(limit, rows)


def _downgrade_limits() -> None:
    """The limits that were added stay: they are good limits in the version before, too."""
    op.execute("UPDATE concern_event SET step = 'edited', details = '{}' WHERE step = 'outcome_waits'")
    op.execute("UPDATE concern_event SET step = 'action_approved' WHERE step = 'action_reviewed'")
    notifications = "SELECT id FROM notification WHERE kind = 'day_limit'"
    op.execute(f"DELETE FROM notification_recipient WHERE notification_id IN ({notifications})")  # noqa: S608 our own query
    op.execute(
        f"DELETE FROM outbox_message WHERE notification_kind = 'day_limit' OR notification_id IN ({notifications})"  # noqa: S608 our own query
    )
    op.execute("DELETE FROM notification WHERE kind = 'day_limit'")
    with op.batch_alter_table("concern") as batch:
        batch.drop_column("waiting_end")
    op.drop_index("ix_recovery_action_store_day", "recovery_action")
    with op.batch_alter_table("recovery_action") as batch:
        batch.drop_constraint("fk_recovery_action_acted_by_key", type_="foreignkey")
        batch.drop_column("acted_by_key_id")
    with op.batch_alter_table("api_key") as batch:
        batch.drop_column("own_budgets")
    with op.batch_alter_table("store") as batch:
        batch.drop_column("own_limits")


def _upgrade_met_customers() -> None:
    """What a store could read before stays open to it."""
    with op.batch_alter_table("customer_store") as batch:
        batch.add_column(sa.Column("opened_at", INSTANT, nullable=True))
        batch.add_column(sa.Column("opened_by_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key(
            "fk_customer_store_opened_by", "staff", ["organization_id", "opened_by_id"], ["organization_id", "id"]
        )
    op.execute("UPDATE customer_store SET opened_at = met_at")
    _meet_customers_of_concerns()


def _meet_customers_of_concerns() -> None:
    """Let each store know the customers of its concerns: a downgrade has forgotten those whose profile was not open."""
    ids = ("organization_id", "customer_id", "store_id")
    customer_store = sa.table(
        "customer_store", *(sa.column(name, sa.Uuid()) for name in ("id", *ids)), sa.column("met_at", INSTANT)
    )
    concern = sa.table("concern", *(sa.column(name, sa.Uuid()) for name in ids), sa.column("received_at", INSTANT))
    customer = sa.table(
        "customer", *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "first_store_id"))
    )
    same_customer = (customer.c.organization_id == concern.c.organization_id) & (customer.c.id == concern.c.customer_id)
    is_known = sa.exists().where(*(customer_store.c[name] == concern.c[name] for name in ids))
    unknown = (
        sa.select(*(concern.c[name] for name in ids), sa.func.min(concern.c.received_at).label("met_at"))
        .join_from(concern, customer, same_customer)
        .where(customer.c.first_store_id.is_distinct_from(concern.c.store_id), ~is_known)
        .group_by(*(concern.c[name] for name in ids))
    )
    for rows in op.get_bind().execute(unknown).mappings().partitions(BATCH):
        op.bulk_insert(customer_store, [{"id": uuid4(), **row} for row in rows])


def _downgrade_met_customers() -> None:
    """The version before opens a profile to every store that has met the customer: it was met where it is open."""
    op.execute("DELETE FROM customer_store WHERE opened_at IS NULL")
    with op.batch_alter_table("customer_store") as batch:
        batch.drop_constraint("fk_customer_store_opened_by", type_="foreignkey")
        batch.drop_column("opened_by_id")
        batch.drop_column("opened_at")


def _upgrade_known_phones() -> None:
    with op.batch_alter_table("staff") as batch:
        batch.add_column(sa.Column("phones_known_from", INSTANT, nullable=True))


def _downgrade_known_phones() -> None:
    with op.batch_alter_table("staff") as batch:
        batch.drop_column("phones_known_from")


def _upgrade_addresses() -> None:
    """Note when an address was registered, and let the worker find who else has it."""
    with op.batch_alter_table("device") as batch:
        batch.add_column(sa.Column("addressed_at", INSTANT, nullable=True))
    index("ix_device_address", "device", "address", where="address IS NOT NULL")


def _downgrade_addresses() -> None:
    last = "SELECT id FROM notification WHERE kind = 'phone_elsewhere'"
    op.execute(f"DELETE FROM notification_recipient WHERE notification_id IN ({last})")  # noqa: S608 our own query
    op.execute(
        f"DELETE FROM outbox_message WHERE notification_kind = 'phone_elsewhere' OR notification_id IN ({last})"  # noqa: S608 our own query
    )
    op.execute("DELETE FROM notification WHERE kind = 'phone_elsewhere'")
    op.drop_index("ix_device_address", "device")
    with op.batch_alter_table("device") as batch:
        batch.drop_column("addressed_at")


def _upgrade_key_makers() -> None:
    """Let a key say who rotated it."""
    with op.batch_alter_table("api_key") as batch:
        batch.add_column(sa.Column("rotated_by", sa.JSON(), nullable=True))


def _downgrade_key_makers() -> None:
    with op.batch_alter_table("api_key") as batch:
        batch.drop_column("rotated_by")


def _upgrade_acted_first() -> None:
    """Let what was done beyond a limit say so apart from what is found to be beyond one later: so far all of it was."""
    with op.batch_alter_table("recovery_action") as batch:
        batch.add_column(sa.Column("acted_first", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE recovery_action SET acted_first = over_limit"
        " WHERE over_limit AND expires_at IS NULL AND reverses_id IS NULL"
    )


def _downgrade_acted_first() -> None:
    with op.batch_alter_table("recovery_action") as batch:
        batch.drop_column("acted_first")
