"""A catalogue of what concerns are about: what was typed before is brought over, spellings of one thing together."""

import hashlib
import re
import unicodedata
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from uuid_utils.compat import uuid7

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NAME = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
TOLD = {"slug": sa.String(60), "name": sa.String(200)}
LONGEST, MARK = 60, 8


def upgrade() -> None:
    item = op.create_table(
        "item",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_key", NAME, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_item_organization_id"),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_item"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_item_organization_id_slug"),
    )
    op.create_index("ix_item_name_key", "item", ["organization_id", "name_key", "id"], unique=False)
    with op.batch_alter_table("concern_item") as part:
        part.add_column(sa.Column("item_id", sa.Uuid(), nullable=True))
    bring_over(item)
    with op.batch_alter_table("concern_item") as part:
        part.alter_column("item_id", nullable=False, existing_type=sa.Uuid())
        part.create_foreign_key(
            "fk_concern_item_item", "item", ["organization_id", "item_id"], ["organization_id", "id"]
        )
        for name in TOLD:
            part.drop_column(name)
    if op.get_bind().dialect.name == "postgresql":
        raise_wall("item")


def downgrade() -> None:
    with op.batch_alter_table("concern_item") as part:
        for name, kind in TOLD.items():
            part.add_column(sa.Column(name, kind, nullable=True))
    for name in TOLD:
        op.execute(
            f"UPDATE concern_item SET {name} = (SELECT item.{name} FROM item"  # noqa: S608 our own words
            " WHERE item.organization_id = concern_item.organization_id AND item.id = concern_item.item_id)"
        )
    with op.batch_alter_table("concern_item") as part:
        part.drop_constraint("fk_concern_item_item", type_="foreignkey")
        part.drop_column("item_id")
    op.execute("DELETE FROM change WHERE kind = 'item'")
    op.drop_table("item")


def bring_over(item: sa.Table) -> None:
    """One item for each thing that was named, by the name it was first told by; each row then points to its own."""
    connection = op.get_bind()
    led = op.create_table(
        "told_item",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("slug", sa.String(60), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("item_id", sa.Uuid(), nullable=False),
    )
    part, concern = (
        sa.table(name, *map(sa.column, columns))
        for name, columns in (
            ("concern_item", ("organization_id", "concern_id", "slug", "name", "item_id")),
            ("concern", ("organization_id", "id", "received_at", "sensitive")),
        )
    )
    same = (concern.c.organization_id == part.c.organization_id) & (concern.c.id == part.c.concern_id)
    first = sa.func.min(concern.c.received_at, type_=sa.DateTime(timezone=True)).label("first")
    organization_id = sa.type_coerce(part.c.organization_id, sa.Uuid()).label("organization_id")
    columns = (organization_id, part.c.slug, part.c.name)
    openly = sa.func.sum(sa.case((concern.c.sensitive, 0), else_=1)).label("openly")
    found = connection.execute(sa.select(*columns, first, openly).join(concern, same).group_by(*columns)).all()
    told = sorted(found, key=lambda row: (row.first, row.name or row.slug))
    items: dict[tuple[UUID, str], dict[str, object]] = {}
    for row in told:
        name = row.name or row.slug
        new = {"organization_id": row.organization_id, "id": uuid7(), "version": 1, "slug": slug_for(row.slug or name)}
        new |= {"name": name, "name_key": folded(name), "created_at": row.first, "hidden": True}
        kept = items.setdefault((row.organization_id, new["slug"]), new)
        kept["hidden"] = kept["hidden"] and not row.openly
    if not items:
        op.drop_table("told_item")
        return
    connection.execute(item.insert(), list(items.values()))
    connection.execute(
        led.insert(),
        [
            {
                "organization_id": row.organization_id,
                "slug": row.slug or "",
                "name": row.name or "",
                "item_id": items[row.organization_id, slug_for(row.slug or row.name)]["id"],
            }
            for row in told
        ],
    )
    mine = (
        (led.c.organization_id == part.c.organization_id)
        & (led.c.slug == sa.func.coalesce(part.c.slug, ""))
        & (led.c.name == sa.func.coalesce(part.c.name, ""))
    )
    op.execute(part.update().values(item_id=sa.select(led.c.item_id).where(mine).scalar_subquery()))
    op.drop_table("told_item")


def folded(name: str) -> str:
    letters = (sign for sign in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(sign))
    return (" ".join("".join(letters).split()) or name)[:200]


def slug_for(text: str) -> str:
    plain = folded(text)
    letters = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode().lower()
    readable = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")
    if readable and len(readable) <= LONGEST and all(sign.isascii() for sign in plain if sign.isalnum()):
        return readable
    mark = hashlib.sha256(plain.encode()).hexdigest()[:MARK]
    return f"{readable[: LONGEST - MARK - 1].strip('-')}-{mark}".strip("-")


def raise_wall(table: str) -> None:
    """Row level security, as for every table of a tenant."""
    mine = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({mine}) WITH CHECK ({mine})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')
