"""The export of what changed: when a backup was restored; and the feed tells of the questions of before it did."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "restoration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restoration"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT ON restoration TO amends_app")
        op.execute("GRANT SELECT, INSERT ON restoration TO amends_worker")
    tell_of_questions()


def tell_of_questions() -> None:
    """Questions have a version since 0011: a reader of the feed never heard of the older ones."""
    database = op.get_bind()
    told = sa.text(
        "SELECT organization_id, id, version FROM question WHERE NOT EXISTS (SELECT 1 FROM change WHERE"
        " change.organization_id = question.organization_id AND kind = 'question' AND object_id = question.id)"
        " ORDER BY organization_id, id"
    ).columns(organization_id=sa.Uuid(), id=sa.Uuid())
    counting = sa.text(
        "UPDATE change_counter SET last_seq = last_seq + 1 WHERE organization_id = :organization_id RETURNING last_seq"
    ).bindparams(sa.bindparam("organization_id", type_=sa.Uuid()))
    change = sa.table(
        "change",
        *(sa.column(name, sa.Uuid()) for name in ("organization_id", "object_id")),
        *(sa.column(name) for name in ("seq", "kind", "version", "op")),
        sa.column("at", sa.DateTime(timezone=True)),
    )
    for organization_id, id_, version in database.execute(told).all():
        seq = database.execute(counting, {"organization_id": organization_id}).scalar_one()
        facts = {"kind": "question", "object_id": id_, "version": version, "op": "upsert", "at": datetime.now(UTC)}
        database.execute(sa.insert(change).values(organization_id=organization_id, seq=seq, **facts))


def downgrade() -> None:
    op.drop_table("restoration")
