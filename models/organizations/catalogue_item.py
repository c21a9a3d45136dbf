"""The catalogue of dishes, products and articles: it grows by being used, and tells spellings of one thing together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, mapped_column, validates

from models.access import Actor, Permission
from models.db.base import Aggregate
from models.db.session import ScopedSession
from models.db.slug import MAX_SLUG_LENGTH, slug_from_text
from models.db.text import BYTEWISE_NAME, LAST_CODE_POINT, MAX_NAME_LENGTH, fold


class CatalogueItem(Aggregate):
    """One thing that concerns are about. The slug stays for ever, the name may get better."""

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
    hidden: Mapped[bool] = mapped_column(default=False)  # only what is sensitive has named it so far

    @validates("name")
    def _keep_the_key(self, _field: str, name: str) -> str:
        self.name_key = fold(name)
        return name

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """What was typed about something sensitive may be about a person: only who reads such things finds it."""
        return () if actor.may(Permission.CONCERN_SENSITIVE) else (cls.hidden.is_(False),)

    @classmethod
    def select_visible(cls, actor: Actor, *, name: str | None = None) -> Select["CatalogueItem"]:
        """The catalogue; with `name`, what starts like that, whatever the case and the accents."""
        stmt = select(cls).where(*cls.visible_to(actor))
        if name is None:
            return stmt
        begins = fold(name)
        return stmt.where(cls.name_key >= begins, cls.name_key < begins + LAST_CODE_POINT)

    @classmethod
    def find_or_create(
        cls, session: ScopedSession, told: Sequence[dict[str, Any]], *, sensitive: bool = False, at: datetime
    ) -> list["CatalogueItem"]:
        """The item for each of these, told by slug or else by name; what is named for the first time enters.

        A name is the one shown now, or the one it entered with. Two phones that name the same new thing at once end up
        with one item.
        """
        names = {fold(one["name"]) for one in told if not one.get("slug")}
        slugs = {item_slug(one) for one in told}
        known = session.scalars(
            select(cls).where(or_(cls.slug.in_(slugs), cls.name_key.in_(names))).order_by(cls.created_at, cls.id)
        ).all()
        by_slug = {item.slug: item for item in known}
        by_name = {item.name_key: item for item in reversed(known)}
        found = [None if one.get("slug") else by_name.get(fold(one["name"])) for one in told]
        new = {
            item_slug(one): {
                "slug": item_slug(one),
                "name": one.get("name") or one["slug"],
                "created_at": at,
                "hidden": sensitive,
            }
            for one, item in zip(told, found, strict=True)
            if item is None and item_slug(one) not in by_slug
        }
        if new:
            by_slug |= cls._entered(session, new)
        items = [item or by_slug[item_slug(one)] for one, item in zip(told, found, strict=True)]
        for item in items if not sensitive else ():
            item.unhide()
        return items

    @classmethod
    def _entered(cls, session: ScopedSession, new: dict[str, dict[str, Any]]) -> dict[str, "CatalogueItem"]:
        """These by slug, entered in one order by everybody, so that nobody waits in a circle."""
        entered = {item.slug: item for item in session.bulk_insert_or_ignore(cls, [new[slug] for slug in sorted(new)])}
        if others := new.keys() - entered.keys():
            entered |= {item.slug: item for item in session.scalars(select(cls).where(cls.slug.in_(others)))}
        return entered

    def unhide(self) -> None:
        """Something named it that anybody may read."""
        if self.hidden:
            self.hidden = False
            self.bump_version()

    def rename(self, name: str) -> None:
        """Show it by another name; it is still found by the one it entered with."""
        self.name = name
        self.bump_version()


def item_slug(one: dict[str, Any]) -> str:
    """The slug of what was told: of the slug itself, which any sign may stand in, or of the name."""
    return slug_from_text(one.get("slug") or one["name"])
