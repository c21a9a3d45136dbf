"""Which dishes, products and articles are concerns about? Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access import Permission
from models.concerns.concern import Concern
from models.concerns.concern_item import ConcernItem
from models.organizations.catalogue_item import CatalogueItem
from models.policy_defaults import UNHAPPY_MOOD
from models.reports.engine import (
    Report,
    ReportQuery,
    Tallies,
    Tally,
    build_report,
    count_figures,
    count_where,
    totals_by_group,
)
from models.reports.grouping import GroupBy, Label, NamedLabel
from models.reports.stats.rate import Rate


@dataclass(frozen=True)
class ItemsRow:
    """The concerns that name an item, each once; the share is of all concerns, whatever they name."""

    group: dict[str, Label]
    concerns: int
    unhappy: int
    share: Rate


def items_report(session: Session, asked: ReportQuery) -> Report[ItemsRow]:
    """By item. A concern that names two stands in two rows, and once in the total.

    What staff typed has a name for those only who read the catalogue, and as far as they do.
    """
    may_read = asked.actor.may(Permission.ITEM_READ)
    readable = (
        set(session.scalars(select(CatalogueItem.id).where(*CatalogueItem.visible_to(asked.actor))))
        if may_read
        else set()
    )

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        named = asked.concerns().join(Concern.items)
        grouping = asked.grouping(group_by, columns={GroupBy.ITEM: ConcernItem.item_id})
        figures = {"concerns": _concerns(), "unhappy": _concerns(Concern.mood <= UNHAPPY_MOOD)}
        others = [by for by in group_by if by is not GroupBy.ITEM]
        all_ = totals_by_group(count_figures(session, asked.concerns(), asked.grouping(others), {"all": count_where()}))
        for key, tally in count_figures(session, named, grouping, figures):
            tally.add(all_[key[len(group_by) - len(others) :]])
            yield key, tally

    def shown(group: dict[str, Label]) -> dict[str, Label]:
        item = group["item"]
        hidden = isinstance(item, NamedLabel) and item.id not in readable
        return {**group, "item": NamedLabel(item.id, None, None)} if isinstance(item, NamedLabel) and hidden else group

    return build_report(session, asked, count, _row, about=[GroupBy.ITEM], overlapping=True, shown=shown)


def _concerns(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    different = func.count(Concern.id.distinct())
    return different.filter(*criteria) if criteria else different


def _row(tally: Tally, group: dict[str, Label]) -> ItemsRow:
    counted_ = tally.figures
    return ItemsRow(group, counted_["concerns"], counted_["unhappy"], tally.share("concerns", "all"))
