"""Screens of a phone: what its lists, notifications and unchanged answers need."""

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations

from migrations.tenant_tables import INSTANT, index

revision = "1007"
down_revision = "1006"
branch_labels = None
depends_on = None

OF_ALL_STORES = "store_id IS NULL AND kind NOT IN ('catalogue_item', 'customer')"
NOTIFICATION_LINKS = {"recovery_action_id": "recovery_action", "follow_up_id": "follow_up", "store_id": "store"}


def upgrade() -> None:
    _upgrade_notifications()
    _upgrade_names()
    _upgrade_shifts()
    _upgrade_organizations()
    _upgrade_filters()
    _upgrade_staff()


def downgrade() -> None:
    _downgrade_staff()
    _downgrade_filters()
    _downgrade_organizations()
    _downgrade_shifts()
    _downgrade_names()
    _downgrade_notifications()


def _upgrade_notifications() -> None:
    """Say what each notification is about, and which notifications are one announcement."""
    with op.batch_alter_table("notification") as batch:
        batch.add_column(sa.Column("announcement_id", sa.Uuid(), nullable=True))
        for column in NOTIFICATION_LINKS:
            batch.add_column(sa.Column(column, sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("business_date", sa.Date(), nullable=True))
        batch.add_column(sa.Column("count", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("text_digest", sa.String(16), nullable=True))
        batch.add_column(sa.Column("outdated_at", INSTANT, nullable=True))
    op.execute(
        "UPDATE notification SET outdated_at = withdrawn_at,"
        " announcement_id = CASE WHEN kind = 'ring' AND run_id IS NOT NULL THEN run_id ELSE id END"
    )
    with op.batch_alter_table("notification") as batch:
        batch.alter_column("announcement_id", existing_type=sa.Uuid(), nullable=False)
        for column, target in NOTIFICATION_LINKS.items():
            _link(batch, "notification", column, target)
    index("ix_notification_concern", "notification", "organization_id", "concern_id")
    index(
        "ix_notification_store",
        "notification",
        *("organization_id", "store_id", "queued_at"),
        where="store_id IS NOT NULL",
    )
    with op.batch_alter_table("outbox_message") as batch:
        batch.add_column(sa.Column("recovery_action_id", sa.Uuid(), nullable=True))
        _link(batch, "outbox_message", "recovery_action_id", "recovery_action")
    with op.batch_alter_table("notification_recipient") as batch:
        batch.add_column(sa.Column("queued_at", INSTANT, nullable=True))
    op.execute(
        "UPDATE notification_recipient SET queued_at = (SELECT notification.queued_at FROM notification"
        " WHERE notification.organization_id = notification_recipient.organization_id"
        " AND notification.id = notification_recipient.notification_id)"
    )
    with op.batch_alter_table("notification_recipient") as batch:
        batch.alter_column("queued_at", existing_type=INSTANT, nullable=False)
    op.drop_index("ix_notification_recipient_staff_id", "notification_recipient")
    index("ix_notification_recipient_staff", "notification_recipient", "organization_id", "staff_id", "queued_at")


def _link(batch: BatchOperations, table: str, column: str, target: str) -> None:
    name = f"fk_{table}_{column.removesuffix('_id')}"
    batch.create_foreign_key(name, target, ["organization_id", column], ["organization_id", "id"])


def _downgrade_notifications() -> None:
    op.drop_index("ix_notification_recipient_staff", "notification_recipient")
    index("ix_notification_recipient_staff_id", "notification_recipient", "organization_id", "staff_id")
    with op.batch_alter_table("notification_recipient") as batch:
        batch.drop_column("queued_at")
    with op.batch_alter_table("outbox_message") as batch:
        batch.drop_constraint("fk_outbox_message_recovery_action", type_="foreignkey")
        batch.drop_column("recovery_action_id")
    op.drop_index("ix_notification_concern", "notification")
    op.drop_index("ix_notification_store", "notification")
    with op.batch_alter_table("notification") as batch:
        for column in NOTIFICATION_LINKS:
            batch.drop_constraint(f"fk_notification_{column.removesuffix('_id')}", type_="foreignkey")
        for column in ("announcement_id", *NOTIFICATION_LINKS, "business_date", "count", "text_digest", "outdated_at"):
            batch.drop_column(column)


def _upgrade_names() -> None:
    """Note when each customer was in the store before, and who was new: whether a concern may say their name."""
    with op.batch_alter_table("concern") as batch:
        batch.add_column(sa.Column("customer_confirmed", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("last_here_on", sa.Date(), nullable=True))
    with op.batch_alter_table("concern") as batch:
        batch.alter_column("customer_confirmed", server_default=None)
    op.execute(
        """
        UPDATE concern SET last_here_on = (
            SELECT earlier.business_date FROM concern AS earlier
            WHERE earlier.organization_id = concern.organization_id AND earlier.customer_id = concern.customer_id
                AND earlier.store_id = concern.store_id AND earlier.status <> 'voided'
                AND earlier.received_at < concern.received_at
            ORDER BY earlier.received_at DESC LIMIT 1
        ) WHERE customer_id IS NOT NULL
        """
    )
    op.execute(
        """
        UPDATE concern SET customer_confirmed = true WHERE EXISTS (
            SELECT 1 FROM customer
            WHERE customer.organization_id = concern.organization_id AND customer.id = concern.customer_id
                AND customer.created_at = concern.received_at
        )
        """
    )


def _downgrade_names() -> None:
    with op.batch_alter_table("concern") as batch:
        batch.drop_column("last_here_on")
        batch.drop_column("customer_confirmed")


def _upgrade_shifts() -> None:
    """Give shifts a version, so that the change feed numbers them; index what concerns the whole organization in it."""
    with op.batch_alter_table("shift") as batch:
        batch.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("shift") as batch:
        batch.alter_column("version", server_default=None)
    index("ix_change_of_all_stores", "change", "organization_id", "seq", where=OF_ALL_STORES)


def _downgrade_shifts() -> None:
    op.drop_index("ix_change_of_all_stores", "change")
    with op.batch_alter_table("shift") as batch:
        batch.drop_column("version")


def _upgrade_filters() -> None:
    """Find concerns by who logged them, by their place, and by the order they are about."""
    index("ix_concern_reporter", "concern", "organization_id", "reported_by_id", "received_at", "id")
    index("ix_concern_place", "concern", "organization_id", "place_id", "received_at", "id")
    columns = ("organization_id", "order_key", "received_at", "id")
    index("ix_concern_order_newest", "concern", *columns, where="order_key IS NOT NULL")


def _downgrade_filters() -> None:
    for name in ("ix_concern_order_newest", "ix_concern_place", "ix_concern_reporter"):
        op.drop_index(name, "concern")


def _upgrade_organizations() -> None:
    """Note where the apps of an organization can be had."""
    with op.batch_alter_table("organization") as batch:
        batch.add_column(sa.Column("app_addresses", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("organization") as batch:
        batch.alter_column("app_addresses", server_default=None)


def _downgrade_organizations() -> None:
    with op.batch_alter_table("organization") as batch:
        batch.drop_column("app_addresses")


def _upgrade_staff() -> None:
    """Note which language a person chose to read."""
    with op.batch_alter_table("staff") as batch:
        batch.add_column(sa.Column("language", sa.String(35), nullable=True))


def _downgrade_staff() -> None:
    with op.batch_alter_table("staff") as batch:
        batch.drop_column("language")
