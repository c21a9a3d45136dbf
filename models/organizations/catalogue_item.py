"""Catalogue of dishes, products and articles. It grows by use: naming a new item adds it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Label, Select, String, UniqueConstraint, and_, case, or_, select, true
from sqlalchemy.orm import Mapped, mapped_column, validates

from models.access import Actor, Permission
from models.db.base import Aggregate
from models.db.bounds import has_room
from models.db.session import ScopedSession
from models.db.slug import MAX_SLUG_LENGTH, slug_from_text
from models.db.text import BYTEWISE_NAME, MAX_NAME_LENGTH, begins_with, fold
from models.policy_defaults import MAX_CATALOGUE_ITEMS, MAX_NEW_ITEMS_PER_DAY

BEFORE_A_WORD: Final = " -/('"  # in a folded name


class CatalogueItem(Aggregate):
    """Dish, product or article that concerns are about. The slug never changes, the name may.

    What staff type may be anything, a customer's words among it. `confirmed` says that a manager has looked at the name
    and it is that of an item: before that it never leaves the stores.
    """

    __tablename__ = "catalogue_item"
    noun = "item"
    __table_args__ = (
        UniqueConstraint("organization_id", "slug"),
        Index("ix_catalogue_item_name_key", "organization_id", "name_key", "id"),
    )

    slug: Mapped[str] = mapped_column(String(MAX_SLUG_LENGTH))
    name: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    name_key: Mapped[str] = mapped_column(BYTEWISE_NAME)
    created_at: Mapped[datetime]
    confirmed: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)  # so far only sensitive concerns have named it

    @validates("name")
    def _set_name_key(self, _field: str, name: str) -> str:
        self.name_key = fold(name)
        return name

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for items that the actor may see. The name of a hidden one may be about a person."""
        return () if actor.may(Permission.CONCERN_SENSITIVE) else (cls.hidden.is_(False),)

    @classmethod
    def named_for(cls, actor: Actor) -> ColumnElement[bool]:
        """Return the criterion for items whose names reports tell the actor: without the catalogue, confirmed ones."""
        if actor.may(Permission.ITEM_READ):
            return and_(true(), *cls.visible_to(actor))
        return and_(cls.confirmed.is_(True), cls.hidden.is_(False))

    @classmethod
    def select_visible(
        cls, actor: Actor, *, name: str | None = None, confirmed: bool | None = None
    ) -> Select["CatalogueItem"]:
        """Select the catalogue, or the part that is (not) confirmed.

        With `name`, the items whose name starts with it, whatever case and accents.
        """
        stmt = select(cls).where(*cls.visible_to(actor))
        if confirmed is not None:
            stmt = stmt.where(cls.confirmed.is_(confirmed))
        return stmt if name is None else stmt.where(begins_with(cls.name_key, fold(name)))

    @classmethod
    def matches(cls, typed: str) -> tuple[ColumnElement[bool], Label[int]]:
        """Return the criterion for items that have this anywhere in their name, and the column of how well it matches.

        Names that begin with it come first, then those in which a word does. An index finds the items of the
        organization, and each of them is compared: at most MAX_CATALOGUE_ITEMS, some milliseconds.
        """
        part = fold(typed)
        begins_word = or_(*(cls.name_key.contains(f"{mark}{part}", autoescape=True) for mark in BEFORE_A_WORD))
        rank = case((begins_with(cls.name_key, part), 0), (begins_word, 1), else_=2)
        return cls.name_key.contains(part, autoescape=True), rank.label("match_rank")

    @classmethod
    def find_or_create(
        cls,
        session: ScopedSession,
        references: Sequence[dict[str, Any]],
        *,
        named_lately: Select[UUID] | None = None,
        sensitive: bool = False,
        at: datetime,
    ) -> list["CatalogueItem | None"]:
        """Return the item for each reference, by its `slug` or else its `name`. Unknown items are added.

        When there are as many as there may be, unknown ones are None. `named_lately` selects new items that whoever
        names these has named within a day: there may be so many of them, too.

        A name matches the present name of an item or the one it was added with. Two phones that name the same new item
        at once end up with one item.
        """
        name_keys = {fold(reference["name"]) for reference in references if not reference.get("slug")}
        slugs = {item_slug(reference) for reference in references}
        known = session.scalars(
            select(cls).where(or_(cls.slug.in_(slugs), cls.name_key.in_(name_keys))).order_by(cls.created_at, cls.id)
        ).all()
        by_slug = {item.slug: item for item in known}
        by_name_key = {item.name_key: item for item in reversed(known)}
        matches = [
            None if reference.get("slug") else by_name_key.get(fold(reference["name"])) for reference in references
        ]
        new = {
            slug: {
                "slug": slug,
                "name": reference.get("name") or reference["slug"],
                "created_at": at,
                "hidden": sensitive,
            }
            for reference, item in zip(references, matches, strict=True)
            if item is None and (slug := item_slug(reference)) not in by_slug
        }
        if new:
            by_slug |= cls._add(session, new, named_lately=named_lately)
        items = [item or by_slug.get(item_slug(reference)) for reference, item in zip(references, matches, strict=True)]
        for item in items if not sensitive else ():
            if item is not None:
                item.unhide()
        return items

    @classmethod
    def _add(
        cls, session: ScopedSession, new: dict[str, dict[str, Any]], *, named_lately: Select[UUID] | None
    ) -> dict[str, "CatalogueItem"]:
        """Insert items and return them by slug, unless there would be too many.

        Every transaction inserts in the same order, to avoid deadlocks.
        """
        bounds = [(select(cls.id), MAX_CATALOGUE_ITEMS)]
        if named_lately is not None:
            bounds.append((named_lately, MAX_NEW_ITEMS_PER_DAY))
        if not has_room(session, *bounds, more=len(new)):
            return {}
        added = {item.slug: item for item in session.bulk_insert_or_ignore(cls, [new[slug] for slug in sorted(new)])}
        if others := new.keys() - added.keys():
            added |= {item.slug: item for item in session.scalars(select(cls).where(cls.slug.in_(others)))}
        return added

    def unhide(self) -> None:
        """Show the item to everybody: a concern that is not sensitive has named it."""
        if self.hidden:
            self.hidden = False
            self.bump_version()

    def rename(self, name: str) -> None:
        """Change the name that is shown, and confirm it. The slug, made from the first name, still finds the item."""
        self.name, self.confirmed = name, True
        self.bump_version()

    def confirm(self, *, confirmed: bool) -> None:
        """Say that the name is that of an item, or that it is not."""
        if self.confirmed is not confirmed:
            self.confirmed = confirmed
            self.bump_version()


def item_slug(reference: dict[str, Any]) -> str:
    """Return the slug of a reference: made from its `slug`, in which any character is accepted, or from its `name`."""
    return slug_from_text(reference.get("slug") or reference["name"])
