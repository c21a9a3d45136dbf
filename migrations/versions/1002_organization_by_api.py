"""What an organization changes by API: its settings, stores, places, vocabulary and keys."""

import sqlalchemy as sa
from alembic import op

from migrations.tenant_tables import INSTANT, drop_tables, index, link, on_postgresql, tenant_table

revision = "1002"
down_revision = "1001"
branch_labels = None
depends_on = None

OWN_ROW = "id = nullif(current_setting('app.organization_id', true), '')::uuid"
VOCABULARY = ("category", "cause", "question", "remedy")
FOR_ONE_KIND_OF_STORE = ("category", "question", "remedy")
MERGEABLE = ("category", "cause")
ROLLUPS = ("rollup_day", "rollup_month", "rollup_cause")
# Unique keys of rollups; rollup_cause has none, for its category and cause may be empty.
UNIQUE_ROLLUPS = ("rollup_day", "rollup_month")


def upgrade() -> None:
    _upgrade_organization()
    op.add_column("store", sa.Column("closed_at", INSTANT, nullable=True))
    op.add_column("store", sa.Column("terms_from", sa.Date(), nullable=True))
    op.add_column("store", sa.Column("earlier_terms", sa.JSON(), nullable=True))
    op.add_column("place", sa.Column("names", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("place", sa.Column("retired_at", INSTANT, nullable=True))
    for table in VOCABULARY:
        op.add_column(table, sa.Column("names", sa.JSON(), nullable=False, server_default="{}"))
        op.add_column(table, sa.Column("position", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("icon", sa.String(40), nullable=True))
        op.add_column(table, sa.Column("retired_at", INSTANT, nullable=True))
    for table in FOR_ONE_KIND_OF_STORE:
        op.add_column(table, sa.Column("store_kind", sa.String(20), nullable=True))
    for table in MERGEABLE:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("merged_into_id", sa.Uuid(), nullable=True))
            batch.create_foreign_key(
                f"fk_{table}_merged_into", table, ["organization_id", "merged_into_id"], ["organization_id", "id"]
            )
    tenant_table(
        "slug_alias",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.UniqueConstraint(
            "organization_id", "kind", "scope_id", "slug", name="uq_slug_alias_organization_id_kind_scope_id_slug"
        ),
    )
    tenant_table(
        "vocabulary_merge",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("into_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        link("by_id", "staff", nullable=True),
        sa.Column("refiled_to_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", INSTANT, nullable=True),
    )
    index("ix_vocabulary_merge_pending", "vocabulary_merge", "organization_id", where="done_at IS NULL")
    _upgrade_api_keys()
    _upgrade_rollups()


def _upgrade_organization() -> None:
    op.add_column("organization", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("organization", sa.Column("languages", sa.JSON(), nullable=False, server_default='["en"]'))
    op.add_column("organization", sa.Column("phone_region", sa.String(2), nullable=True))
    op.add_column("organization", sa.Column("session_days", sa.Integer(), nullable=False, server_default="30"))
    op.add_column("organization", sa.Column("session_idle_days", sa.Integer(), nullable=True))
    op.add_column("organization", sa.Column("password_min_length", sa.Integer(), nullable=False, server_default="10"))
    op.add_column("organization", sa.Column("minimum_app_versions", sa.JSON(), nullable=False, server_default="{}"))
    if on_postgresql():
        # A sign-in finds its organization among all; only its own may be changed.
        op.execute("ALTER TABLE organization ENABLE ROW LEVEL SECURITY")
        op.execute("CREATE POLICY app_reads ON organization FOR SELECT TO amends_app USING (true)")
        op.execute(
            "CREATE POLICY app_changes ON organization FOR UPDATE TO amends_app"
            f" USING ({OWN_ROW}) WITH CHECK ({OWN_ROW})"
        )
        op.execute("CREATE POLICY worker ON organization TO amends_worker USING (true) WITH CHECK (true)")
        op.execute("GRANT UPDATE ON organization TO amends_app")


def _upgrade_api_keys() -> None:
    with op.batch_alter_table("api_key") as batch:
        batch.add_column(sa.Column("expires_at", INSTANT, nullable=True))
        batch.add_column(sa.Column("previous_digest", sa.LargeBinary(32), nullable=True))
        batch.add_column(sa.Column("previous_until", INSTANT, nullable=True))
        batch.add_column(sa.Column("created_by_id", sa.Uuid(), nullable=True))
        batch.create_foreign_key(
            "fk_api_key_created_by", "staff", ["organization_id", "created_by_id"], ["organization_id", "id"]
        )
        batch.create_unique_constraint(
            "uq_api_key_organization_id_previous_digest", ["organization_id", "previous_digest"]
        )
    tenant_table(
        "api_key_store",
        link("api_key_id", "api_key"),
        link("store_id", "store"),
        sa.UniqueConstraint(
            "organization_id", "api_key_id", "store_id", name="uq_api_key_store_organization_id_api_key_id_store_id"
        ),
    )


def _upgrade_rollups() -> None:
    """Give each rollup its currency: until now it was the only one of its store."""
    for table in ROLLUPS:
        op.add_column(table, sa.Column("currency", sa.String(3), nullable=True))
        op.execute(
            f"UPDATE {table} SET currency = (SELECT store.currency FROM store"  # noqa: S608 our own table names
            f" WHERE store.organization_id = {table}.organization_id AND store.id = {table}.store_id)"
        )
        with op.batch_alter_table(table) as batch:
            batch.alter_column("currency", existing_type=sa.String(3), nullable=False)
            if table in UNIQUE_ROLLUPS:
                batch.drop_constraint(f"uq_{table}_organization_id_store_id_business_date", type_="unique")
                batch.create_unique_constraint(
                    f"uq_{table}_organization_id_store_id_business_date_currency",
                    ["organization_id", "store_id", "business_date", "currency"],
                )


def downgrade() -> None:
    _downgrade_rollups()
    drop_tables("slug_alias", "vocabulary_merge", "api_key_store")
    _downgrade_api_keys()
    for table in MERGEABLE:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_merged_into", type_="foreignkey")
            batch.drop_column("merged_into_id")
    for table in FOR_ONE_KIND_OF_STORE:
        op.drop_column(table, "store_kind")
    for table in VOCABULARY:
        for column in ("names", "position", "icon", "retired_at"):
            op.drop_column(table, column)
    for column in ("names", "retired_at"):
        op.drop_column("place", column)
    for column in ("closed_at", "terms_from", "earlier_terms"):
        op.drop_column("store", column)
    _downgrade_organization()


def _downgrade_rollups() -> None:
    for table in ROLLUPS:
        # Costs in a second currency have no place in the schema before.
        op.execute(
            f"DELETE FROM {table} WHERE currency != (SELECT store.currency FROM store"  # noqa: S608 our own table names
            f" WHERE store.organization_id = {table}.organization_id AND store.id = {table}.store_id)"
        )
        with op.batch_alter_table(table) as batch:
            if table in UNIQUE_ROLLUPS:
                batch.drop_constraint(f"uq_{table}_organization_id_store_id_business_date_currency", type_="unique")
                batch.create_unique_constraint(
                    f"uq_{table}_organization_id_store_id_business_date",
                    ["organization_id", "store_id", "business_date"],
                )
            batch.drop_column("currency")


def _downgrade_api_keys() -> None:
    with op.batch_alter_table("api_key") as batch:
        batch.drop_constraint("uq_api_key_organization_id_previous_digest", type_="unique")
        batch.drop_constraint("fk_api_key_created_by", type_="foreignkey")
        for column in ("expires_at", "previous_digest", "previous_until", "created_by_id"):
            batch.drop_column(column)


def _downgrade_organization() -> None:
    if on_postgresql():
        op.execute("REVOKE UPDATE ON organization FROM amends_app")
        for policy in ("app_reads", "app_changes", "worker"):
            op.execute(f"DROP POLICY {policy} ON organization")
        op.execute("ALTER TABLE organization DISABLE ROW LEVEL SECURITY")
    for column in (
        "version",
        "languages",
        "phone_region",
        "session_days",
        "session_idle_days",
        "password_min_length",
        "minimum_app_versions",
    ):
        op.drop_column("organization", column)
