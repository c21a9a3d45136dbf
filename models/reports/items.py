"""Items report: which dishes, products and articles concerns are about."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func
from sqlalchemy.orm import Session

from models.access import Permission
from models.concerns.concern import Concern
from models.concerns.concern_item import ConcernItem
from models.db.slug import slug_from_text
from models.organizations.catalogue_item import CatalogueItem
from models.policy_defaults import UNHAPPY_MOOD
from models.reports.engine import Report, ReportQuery, build_report
from models.reports.grouping import GroupBy, Label, NamedLabel
from models.reports.stats.rate import Rate
from models.reports.totals import Totals, TotalsByGroup, count_figures, count_where, group_totals


@dataclass(frozen=True)
class ItemsRow:
    """Concerns that name one item, each once. `share` is of all concerns, whichever items they name.

    `items`: how many different ones these are, 1 unless the row is that of all that are unconfirmed.
    """

    group: dict[str, Label]
    items: int
    concerns: int
    unhappy: int
    share: Rate


def items_report(session: Session, query: ReportQuery) -> Report[ItemsRow]:
    """Report by item. A concern that names two items is in two rows, and once in the totals.

    Items are typed by staff, so whoever does not read the catalogue reads confirmed names only. All others are one row,
    whose label is None: counted together, because with a row for each there were as many as customers' words.
    """
    item_id = case((CatalogueItem.named_for(query.actor), ConcernItem.item_id))

    def count(group_by: Sequence[GroupBy]) -> TotalsByGroup:
        concerns = query.select_concerns()
        other_dimensions = [by for by in group_by if by is not GroupBy.ITEM]
        all_concerns = group_totals(
            count_figures(session, concerns, query.grouping(other_dimensions), {"all_concerns": count_where()})
        )
        grouping = query.grouping(group_by, columns={GroupBy.ITEM: item_id})
        aggregates = {
            "items": func.count(ConcernItem.item_id.distinct()),
            "concerns": _count_concerns(),
            "unhappy": _count_concerns(Concern.mood <= UNHAPPY_MOOD),
        }
        named = concerns.join(Concern.items).join(ConcernItem.item)
        groups = group_totals(count_figures(session, named, grouping, aggregates))
        for key, totals in groups.items():
            totals.add(all_concerns[key[len(group_by) - len(other_dimensions) :]])
        return groups

    def redact(group: dict[str, Label]) -> dict[str, Label]:
        """Withhold a slug that was made from an earlier name: nobody has confirmed that one."""
        item = group["item"]
        if not isinstance(item, NamedLabel) or query.actor.may(Permission.ITEM_READ):
            return group
        slug = item.slug if item.slug == slug_from_text(item.name or "") else None
        return {**group, "item": NamedLabel(item.id, slug, item.name)}

    return build_report(
        session, query, count, _make_row, own_dimensions=[GroupBy.ITEM], overlapping=True, redact=redact
    )


def _count_concerns(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the aggregate that counts concerns once, although a concern may name an item several times."""
    distinct = func.count(Concern.id.distinct())
    return distinct.filter(*criteria) if criteria else distinct


def _make_row(totals: Totals, group: dict[str, Label]) -> ItemsRow:
    figures = totals.figures
    return ItemsRow(
        group, figures["items"], figures["concerns"], figures["unhappy"], totals.rate("concerns", "all_concerns")
    )
