"""Declarative base: constraint names, composite keys of the tenant, ids and defaults, UTC times, money, look-up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache, partial
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
    InstrumentedAttribute,
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
    """Return the current time in UTC. Whatever needs the time takes a clock or an instant as an argument."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Money:
    """An amount in minor units of one currency (ISO 4217): 1250 EUR is twelve euros fifty."""

    amount: int
    currency: str


class UtcDateTime(TypeDecorator[datetime]):
    """Column type of an instant. Refuses naive times; returns aware UTC times on both databases."""

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
    """Base class of every table."""

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
        # Stored as the plain text of the value, so that a new member needs no migration.
        StrEnum: Enum(
            StrEnum, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members]
        ),
    }


StoreDate = tuple[UUID, date]


class CountedByDay:
    """Mixin for rows that are counted in the figures of a store's business day."""

    store_id: Any
    business_date: Any

    @property
    def rollup_day(self) -> StoreDate:
        return self.store_id, self.business_date


def has_value(column: InstrumentedAttribute[Any], value: Any) -> ColumnElement[bool]:
    """Return the criterion that a column has this value, or one of these."""
    return column.in_(value if isinstance(value, list) else [value])


def tenant_fk(table: str, *, nullable: bool = False, index: bool = False) -> MappedColumn[Any]:
    """Return a column that holds the id of a row of the same tenant.

    The composite foreign key `(organization_id, column)` is added when the table is mapped: the second isolation layer.
    `index` adds an index for the way back, which starts with the organization as every index does.
    """
    return mapped_column(Uuid(), nullable=nullable, info={"links_to": table, "indexed": index})


def many_to_one(owner: str, column: str, target: str, **options: Any) -> Relationship[Any]:
    """Return the relationship to the row of `target` that `owner.column` points to, within the same organization.

    Only `column` is marked foreign: the session sets the organization, no relationship copies it.
    Assign either the object or the id, never both: see `_keep_objects_and_ids_equal`.
    """
    return relationship(
        target,
        # `remote` says which of the two rows is the target where both are of one table.
        primaryjoin=f"and_(remote({target}.organization_id) == {owner}.organization_id, "
        f"remote({target}.id) == foreign({owner}.{column}))",
        info={"id_column": column},
        **options,
    )


def one_to_many(owner: str, target: str, column: str, *, only: str | None = None, **options: Any) -> Relationship[Any]:
    """Return the relationship to the rows of `target` whose `column` points to `owner`, in the same organization.

    `only` is a condition that selects some of them, written as for `primaryjoin`.
    """
    condition = f", {only}" if only else ""
    return relationship(
        target,
        primaryjoin=f"and_({owner}.organization_id == {target}.organization_id, "
        f"{owner}.id == foreign({target}.{column}){condition})",
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
    """Base class of rows that belong to one organization. Every key and foreign key starts with the organization."""

    __abstract__ = True

    # A foreign key whose id is null points nowhere. Without this, SQLAlchemy would look the organization alone up.
    __mapper_args__ = {"allow_partial_pks": False}

    # Word for such a row in a refusal; by default the name of the table.
    noun: ClassVar[str | None] = None

    id: Mapped[UUID] = mapped_column(primary_key=True)

    @declared_attr
    def organization_id(cls) -> Mapped[UUID]:  # noqa: N805 declared_attr hands over the class
        return mapped_column(ForeignKey("organization.id"), primary_key=True, sort_order=-1)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        table = cls.__dict__.get("__table__")
        if isinstance(table, Table):
            _add_tenant_constraints(table)

    @property
    def rollup_day(self) -> StoreDate | None:
        """The store and business date whose figures a change of this row moves; None for rows that are not counted."""
        return None

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:  # noqa: ARG003 subclasses use it
        """Return the criteria for the rows that this actor may see. By default all rows of the tenant."""
        return ()

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        """Return what to load together with a row that is shown, so that a page costs the same whatever its length."""
        return ()

    @classmethod
    def get_visible(
        cls,
        session: Session,
        row_id: UUID,
        *,
        actor: Actor,
        lock: bool = False,
        pointer: str | None = None,
        options: Sequence[ExecutableOption] = (),
    ) -> Self:
        """Return the row with this id. NotFound when there is none or this actor may not see it.

        Args:
            session: The session of the row's organization.
            row_id: The id to look up.
            actor: Whoever asks.
            lock: Lock the row for update, for verbs that have one winner. The lock leaves the key alone, so that rows
                which point here can still be written. It is a statement of its own: a single locking select that had
                to wait would return the row as it is now, joined with rows as they were before the wait.
            pointer: JSON pointer of the id in the request body, for the refusal.
            options: What to load besides `eager_options`.

        Subclasses adapt the look-up by `lock_parent` and `not_found_error`.
        """
        stmt = select(cls).where(cls.id == row_id, *cls.visible_to(actor)).options(*cls.eager_options(), *options)
        if lock:
            cls.lock_parent(session, row_id)
            session.execute(select(cls.id).where(cls.id == row_id).with_for_update(key_share=True))
            stmt = stmt.execution_options(populate_existing=True)
        row = session.scalars(stmt).unique().one_or_none()
        if row is None:
            raise cls.not_found_error(session, row_id, actor=actor, pointer=pointer)
        return row

    @classmethod
    def lock_parent(cls, session: Session, row_id: UUID) -> None:
        """Lock what has to be locked before the row with this id. By default nothing."""

    @classmethod
    def not_found_error(
        cls,
        session: Session,  # noqa: ARG003 subclasses use it
        row_id: UUID,
        *,
        actor: Actor,  # noqa: ARG003 subclasses use it
        pointer: str | None,
    ) -> NotFound:
        """Return the refusal of `get_visible`."""
        return cls.not_visible_error(row_id, pointer=pointer)

    @classmethod
    def not_visible_error(cls, row_id: UUID, *, pointer: str | None) -> NotFound:
        """Return a refusal that says the same whether the row does not exist or is out of reach."""
        noun = cls.noun or cls.__tablename__.replace("_", " ")
        return NotFound(f"There is no {noun} '{row_id}' within reach of this sign-in.", pointer=pointer)


def _add_tenant_constraints(table: Table) -> None:
    """Add the composite foreign keys and indexes that the columns made by `tenant_fk` stand for."""
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
    """Base class of objects that people share. They have a version, and the change feed numbers their changes."""

    __abstract__ = True

    version: Mapped[int] = mapped_column(default=1)
    is_new = False  # inserted by this transaction

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 declared_attr hands over the class
        return {
            **TenantOwned.__mapper_args__,
            "version_id_col": cls.__dict__.get("version", cls.version),
            "version_id_generator": False,
        }

    @property
    def feed_store_id(self) -> UUID | None:
        """The store whose phones learn of a change; None for objects of the whole organization."""
        return getattr(self, "store_id", None)

    def be_born(self) -> None:
        """Start at version 1, whatever happened before the row is inserted."""
        self.version, self.is_new = 1, True

    def bump_version(self) -> None:
        """Count one more version. Verbs call it, so that an answer shows the new version before the flush.

        Whatever comes along in the transaction that inserts an object belongs to its first version.
        """
        if not self.is_new:
            self.version += 1


@event.listens_for(Base, "init", propagate=True)
def set_id_and_defaults(target: Base, _args: Any, keywords: dict[str, Any]) -> None:
    """Give a new row its id and plain defaults when it is constructed, so that it can be linked and shown at once."""
    has_id, defaults = _id_and_defaults_of(type(target))
    if has_id:
        keywords.setdefault("id", uuid7())
    for name, value in defaults:
        keywords.setdefault(name, value)


@cache
def _id_and_defaults_of(model: type[Base]) -> tuple[bool, Sequence[tuple[str, Any]]]:
    columns = model.__table__.columns
    has_id = "id" in columns and isinstance(columns["id"].type, Uuid)
    return has_id, [
        (column.key, column.default.arg)
        for column in columns
        if column.default is not None and column.default.is_scalar and not (column.key == "id" and has_id)
    ]


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
