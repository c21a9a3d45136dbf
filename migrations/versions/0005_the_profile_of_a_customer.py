"""How to speak with a customer, what they agreed to, what others call them, and two profiles that are one person."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BYTES = sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql")
KEYS = {
    "name_key": BYTES,
    "phone_key": sa.String(length=20),
    "email_key": sa.String(length=254),
    "loyalty_number_key": sa.String(length=60),
}
LISTS = ("languages", "tags")
NULLABLE = {
    **KEYS,
    "preferred_name": sa.String(length=200),
    "pronunciation": sa.String(length=200),
    "preferences": sa.Text(),
    "may_contact": sa.Boolean(),
    "consent_at": sa.DateTime(timezone=True),
    "consent_source": sa.String(length=20),
    "consent_by_id": sa.Uuid(),
    "allergies": sa.Text(),
    "allergies_consent_at": sa.DateTime(timezone=True),
    "merged_into_id": sa.Uuid(),
    "merged_at": sa.DateTime(timezone=True),
}
LINKS = {"consent_by": "staff", "merged_into": "customer"}
PER_BATCH = 1000


def upgrade() -> None:
    with op.batch_alter_table("customer") as customer:
        for name, kind in NULLABLE.items():
            customer.add_column(sa.Column(name, kind, nullable=True))
        for name in LISTS:
            customer.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
        for name, table in LINKS.items():
            customer.create_foreign_key(
                f"fk_customer_{name}", table, ["organization_id", f"{name}_id"], ["organization_id", "id"]
            )
    with op.batch_alter_table("customer") as customer:
        for name in LISTS:
            customer.alter_column(name, server_default=None)
    make_keys()
    for name in (*KEYS, "merged_into_id"):
        op.create_index(f"ix_customer_{name}", "customer", ["organization_id", name], unique=False)
    op.create_table(
        "customer_reference",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"],
            ["customer.organization_id", "customer.id"],
            name="fk_customer_reference_customer",
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_customer_reference_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_customer_reference"),
        sa.UniqueConstraint(
            "organization_id", "source", "reference", name="uq_customer_reference_organization_id_source_reference"
        ),
    )
    op.create_index("ix_customer_reference_customer_id", "customer_reference", ["organization_id", "customer_id"])
    op.create_table(
        "customer_merge",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.Column("taken_over", sa.JSON(), nullable=False),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_by_id", sa.Uuid(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", f"{name}_id"],
                [f"{table}.organization_id", f"{table}.id"],
                name=f"fk_customer_merge_{name}",
            )
            for name, table in (
                ("survivor", "customer"),
                ("merged", "customer"),
                ("merged_by", "staff"),
                ("undone_by", "staff"),
            )
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_customer_merge_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_customer_merge"),
    )
    op.create_index("ix_customer_merge_survivor", "customer_merge", ["organization_id", "survivor_id", "merged_at"])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("customer_reference", "customer_merge"):
            raise_wall(table)


def downgrade() -> None:
    """Who was merged into another customer is a profile of their own again, without what was moved."""
    for table in ("customer_merge", "customer_reference"):
        op.drop_table(table)
    for name in (*KEYS, "merged_into_id"):
        op.drop_index(f"ix_customer_{name}", table_name="customer")
    with op.batch_alter_table("customer") as customer:
        for name in LINKS:
            customer.drop_constraint(f"fk_customer_{name}", type_="foreignkey")
        for name in (*NULLABLE, *LISTS):
            customer.drop_column(name)


def make_keys() -> None:
    """For those who are known already, as `models/contact.py` makes them for the others."""
    names = ("organization_id", "id", "name", "phone", "email", "loyalty_number", *KEYS)
    customer = sa.table("customer", *(sa.column(name, KEYS.get(name)) for name in names))
    connection = op.get_bind()
    mine = (
        customer.c.organization_id == sa.bindparam("of_organization"),
        customer.c.id == sa.bindparam("of_customer"),
    )
    change = customer.update().where(*mine).values({name: sa.bindparam(f"new_{name}") for name in KEYS})
    found = connection.execute(sa.select(*customer.c)).all()
    for first in range(0, len(found), PER_BATCH):
        connection.execute(
            change,
            [
                {
                    "of_organization": row.organization_id,
                    "of_customer": row.id,
                    "new_name_key": row.name and folded(row.name),
                    "new_phone_key": row.phone and row.phone[-8:],
                    "new_email_key": row.email and without_dots(row.email),
                    "new_loyalty_number_key": row.loyalty_number and letters_of(row.loyalty_number),
                }
                for row in found[first : first + PER_BATCH]
            ],
        )


def folded(name: str) -> str:
    letters = (sign for sign in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(sign))
    return (" ".join("".join(letters).split()) or name)[:200]


def without_dots(email: str) -> str:
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '') or local}@{domain}"


def letters_of(number: str) -> str:
    letters = "".join(sign for sign in number.casefold() if sign.isalnum())
    return (letters.lstrip("0") or number)[:60]


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
