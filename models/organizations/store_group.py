"""Groups of stores, by which head office compares stores, beside the regions."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.db.base import Aggregate, TenantOwned, one_to_many, tenant_fk
from models.db.bounds import check_bound
from models.db.slug import check_slug
from models.errors import Conflict
from models.organizations.store import Store
from models.policy_defaults import MAX_STORE_GROUPS


class GroupKind(StrEnum):
    BRAND = "brand"
    DISTRICT = "district"
    FRANCHISEE = "franchisee"
    OTHER = "other"


class StoreGroup(Aggregate):
    """Brand, district or franchisee. A store may be in several groups or in none; a group may be empty."""

    __tablename__ = "store_group"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[GroupKind]

    members: Mapped[list["StoreGroupMember"]] = one_to_many(
        "StoreGroup", "StoreGroupMember", "group_id", order_by="StoreGroupMember.store_id", cascade="all, delete-orphan"
    )

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for groups with a store within reach; none for an actor who reaches every store."""
        if actor.store_ids is None:
            return ()
        return (cls.id.in_(select(StoreGroupMember.group_id).where(StoreGroupMember.store_id.in_(actor.store_ids))),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.members),)

    @classmethod
    def select_visible(cls, actor: Actor) -> Select["StoreGroup"]:
        return select(cls).where(*cls.visible_to(actor)).options(*cls.eager_options())

    @classmethod
    def create(
        cls, session: Session, *, by: Actor, slug: str, store_ids: Sequence[UUID] = (), **values: Any
    ) -> "StoreGroup":
        """Create a group of these stores. Conflict if the slug is taken, NotFound for a store that is out of reach."""
        if session.scalars(select(cls.id).where(cls.slug == slug)).first() is not None:
            raise Conflict(f"There is a group {slug!r} already.", code="already-exists", pointer="/slug")
        check_bound(session, select(cls.id), most=MAX_STORE_GROUPS, of="groups of an organization")
        group = cls(slug=check_slug(slug), **values)
        group._set_members(session, store_ids, by)
        session.add(group)
        return group

    def edit(self, session: Session, *, by: Actor, store_ids: Sequence[UUID] | None = None, **changes: Any) -> None:
        """Change name, kind or members. `store_ids` replace all members. NotFound for a store that is out of reach.

        Reports group all days, also past ones, by the groups that the stores are in now.
        """
        for name, value in changes.items():
            setattr(self, name, value)
        if store_ids is not None:
            self._set_members(session, store_ids, by)
        self.bump_version()

    @property
    def store_ids(self) -> list[UUID]:
        return sorted(member.store_id for member in self.members)

    def _set_members(self, session: Session, store_ids: Sequence[UUID], by: Actor) -> None:
        Store.require_visible(session, store_ids, actor=by, pointer="/store_ids")
        # A store that stays keeps its row: a new row is inserted before the old one is deleted, and the pair is unique.
        existing = {member.store_id: member for member in self.members}
        self.members = [
            existing.get(store_id) or StoreGroupMember(store_id=store_id) for store_id in sorted(set(store_ids))
        ]


class StoreGroupMember(TenantOwned):
    """Membership of a store in a group."""

    __tablename__ = "store_group_member"
    __table_args__ = (UniqueConstraint("organization_id", "group_id", "store_id"),)

    group_id: Mapped[UUID] = tenant_fk("store_group")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)
