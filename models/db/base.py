"""What every table shares: constraint names, ids given at birth, the tenant, UTC times, money."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    TypeDecorator,
    Uuid,
    event,
    select,
)
from sqlalchemy.orm import (
    Composite,
    DeclarativeBase,
    Mapped,
    MappedColumn,
    Mapper,
    Relationship,
    Session,
    composite,
    declared_attr,
    mapped_column,
    relationship,
)
from sqlalchemy.sql.base import ExecutableOption
from uuid_utils.compat import uuid7

from models.access import Actor
from models.errors import NotFound

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The time of day, in UTC; everything that needs the time is given a clock or an instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Money:
    """An amount in minor units of one currency (ISO 4217): 1250 EUR is twelve euros fifty."""

    amount: int
    currency: str


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Refuses naive times on the way in; gives aware UTC times back on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 the signature is SQLAlchemy's
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 the signature is SQLAlchemy's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table of the house."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        UUID: Uuid(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        # Plain text of the value: a new member needs no migration, and both databases store the same.
        StrEnum: Enum(
            StrEnum, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members]
        ),
    }


StoreDate = tuple[UUID, date]


class CountedByDay:
    """Mixed into what belongs to a store's business day, and is counted there."""

    store_id: Any
    business_date: Any

    @property
    def rollup_day(self) -> StoreDate:
        return self.store_id, self.business_date


def tenant_fk(table: str, *, nullable: bool = False, index: bool = False) -> MappedColumn[Any]:
    """A column that holds the id of a row of the same tenant; the composite foreign key is made from it.

    `index` makes the way back fast as well. Like every index it starts with the organization.
    """
    return mapped_column(Uuid(), nullable=nullable, info={"links_to": table, "indexed": index})


def many_to_one(owner: str, column: str, target: str, **options: Any) -> Relationship[Any]:
    """Return the relationship to the row of `target` that `owner.column` points to, within the same organization.

    Only `column` is marked foreign: the organization is stamped by the session, never copied by a relationship.
    Assign either the object or the id, never both: see `_keep_objects_and_ids_equal`.
    """
    return relationship(
        target,
        primaryjoin=f"and_({target}.organization_id == {owner}.organization_id, "
        f"{target}.id == foreign({owner}.{column}))",
        info={"id_column": column},
        **options,
    )


def one_to_many(owner: str, target: str, column: str, **options: Any) -> Relationship[Any]:
    """The rows of `target` whose `column` points to `owner`, within the same organization."""
    return relationship(
        target,
        primaryjoin=f"and_({owner}.organization_id == {target}.organization_id, "
        f"{owner}.id == foreign({target}.{column}))",
        **options,
    )


def money(prefix: str) -> Composite[Any]:
    """Return the Money composite over the columns `<prefix>_amount` (minor units) and `<prefix>_currency`.

    The model declares both columns, so that queries can name them. Without an amount the value is None.
    """
    return composite(
        Money, f"{prefix}_amount", f"{prefix}_currency", return_none_on=lambda amount, _currency: amount is None
    )


class TenantOwned(Base):
    """A row that belongs to one organization. Its key starts with the organization, and so does every link."""

    __abstract__ = True

    # A link whose id is empty points nowhere: without this the organization alone would be looked up.
    __mapper_args__ = {"allow_partial_pks": False}

    id: Mapped[UUID] = mapped_column(primary_key=True)

    @declared_attr
    def organization_id(cls) -> Mapped[UUID]:  # noqa: N805 declared_attr hands over the class
        return mapped_column(ForeignKey("organization.id"), primary_key=True, sort_order=-1)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        table = cls.__dict__.get("__table__")
        if isinstance(table, Table):
            _make_composite_keys(table)

    @property
    def rollup_day(self) -> StoreDate | None:
        """The store and business date whose figures a change of this row moves; None for what is not counted."""
        return None

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:  # noqa: ARG003 for those that narrow it
        """Criteria that keep the rows this actor may see; all of the tenant's by default."""
        return ()

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        """What has to be loaded along to show a row: so that a page costs the same whatever its length."""
        return ()

    @classmethod
    def get_visible(
        cls,
        session: Session,
        id_: UUID,
        *,
        actor: Actor,
        lock: bool = False,
        pointer: str | None = None,
        options: Sequence[ExecutableOption] = (),
    ) -> Self:
        """The row with this id, or NotFound when there is none or this actor may not see it.

        `lock` holds the row for update, for verbs that have one winner. `pointer` says where in a body the id stood,
        `options` what to load along besides what shows the row.

        The lock leaves the key alone, so that rows which point here can be written meanwhile. It is a look-up of its
        own: who had to wait for it would otherwise see the row as it is now beside the taker and the alert of before.
        """
        stmt = select(cls).where(cls.id == id_, *cls.visible_to(actor)).options(*cls.eager_options(), *options)
        if lock:
            session.execute(select(cls.id).where(cls.id == id_).with_for_update(key_share=True))
            stmt = stmt.execution_options(populate_existing=True)
        found = session.scalars(stmt).unique().one_or_none()
        if found is None:
            raise cls.not_visible_error(id_, pointer=pointer)
        return found

    @classmethod
    def not_visible_error(cls, id_: UUID, *, pointer: str | None) -> NotFound:
        thing = cls.__tablename__.replace("_", " ")
        return NotFound(f"There is no {thing} {id_} within reach of this sign-in.", pointer=pointer)


def _make_composite_keys(table: Table) -> None:
    for column in list(table.columns):
        if target := column.info.get("links_to"):
            table.append_constraint(
                ForeignKeyConstraint(
                    ["organization_id", column.name],
                    [f"{target}.organization_id", f"{target}.id"],
                    name=f"fk_{table.name}_{column.name.removesuffix('_id')}",
                )
            )
        if column.info.get("indexed"):
            Index(f"ix_{table.name}_{column.name}", table.c.organization_id, column)


class Aggregate(TenantOwned):
    """A thing people share: it has a version, and each change of it is numbered in the change feed."""

    __abstract__ = True

    version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 declared_attr hands over the class
        return {
            **TenantOwned.__mapper_args__,
            "version_id_col": cls.__dict__.get("version", cls.version),
            "version_id_generator": False,
        }

    @property
    def feed_store_id(self) -> UUID | None:
        """The store whose phones hear of this change; None for what concerns the whole organization."""
        return getattr(self, "store_id", None)

    def bump_version(self) -> None:
        """Count one more version: the verbs call it, so that an answer shows it before anything is flushed."""
        self.version += 1


@event.listens_for(Base, "init", propagate=True)
def _give_id_and_defaults_at_birth(target: Base, _args: Any, keywords: dict[str, Any]) -> None:
    """Ids and plain defaults exist before the flush, so rows can be linked and shown at once."""
    for column in type(target).__table__.columns:
        if column.key == "id" and isinstance(column.type, Uuid):
            keywords.setdefault("id", uuid7())
        elif column.default is not None and column.default.is_scalar:
            keywords.setdefault(column.key, column.default.arg)


@event.listens_for(TenantOwned, "mapper_configured", propagate=True)
def _keep_objects_and_ids_equal(mapper: Mapper[Any], model: type[TenantOwned]) -> None:
    """Make the object of each `many_to_one` and the column with its id follow each other before the flush.

    Assigning the object copies its id at once. Assigning another id forgets the loaded object, so that the next
    access loads the right one instead of showing the stale one.
    """
    for relation in mapper.relationships:
        if id_column := relation.info.get("id_column"):
            event.listen(getattr(model, relation.key), "set", partial(_copy_id, id_column))
            event.listen(getattr(model, id_column), "set", partial(_forget_stale_object, relation.key))


def _copy_id(id_column: str, owner: TenantOwned, value: TenantOwned | None, _old: Any, _initiator: Any) -> None:
    setattr(owner, id_column, None if value is None else value.id)


def _forget_stale_object(relation: str, owner: TenantOwned, value: UUID | None, _old: Any, _initiator: Any) -> None:
    if relation in owner.__dict__:
        loaded = owner.__dict__[relation]
        if value != (None if loaded is None else loaded.id):
            del owner.__dict__[relation]
