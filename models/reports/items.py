"""Which dishes, products and articles are concerns about? Read from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.access import Permission
from models.concerns.concern import Concern
from models.concerns.concern_item import ConcernItem
from models.organizations.catalogue_item import Item
from models.policy_defaults import UNHAPPY_MOOD
from models.reports.engine import Asked, Report, Tallies, Tally, counted, how_many, report, together
from models.reports.grouping import GroupBy, Label, Named
from models.reports.stats.rate import Share


@dataclass(frozen=True)
class ToldOf:
    """The concerns that name an item, each once; the share is of all concerns, whatever they name."""

    group: dict[str, Label]
    concerns: int
    unhappy: int
    share: Share


def items(session: Session, asked: Asked) -> Report[ToldOf]:
    """By item. A concern that names two stands in two rows, and once in the total.

    What staff typed has a name for those only who read the catalogue, and as far as they do.
    """
    may_read = asked.seen_by.may(Permission.ITEM_READ)
    readable = set(session.scalars(select(Item.id).where(*Item.visible_to(asked.seen_by)))) if may_read else set()

    def count(group_by: Sequence[GroupBy]) -> Tallies:
        named = asked.concerns().join(Concern.items)
        grouping = asked.grouping(group_by, columns={GroupBy.ITEM: ConcernItem.item_id})
        figures = {"concerns": _concerns(), "unhappy": _concerns(Concern.mood <= UNHAPPY_MOOD)}
        others = [by for by in group_by if by is not GroupBy.ITEM]
        all_ = together(counted(session, asked.concerns(), asked.grouping(others), {"all": how_many()}))
        for key, tally in counted(session, named, grouping, figures):
            tally.add(all_[key[len(group_by) - len(others) :]])
            yield key, tally

    def shown(group: dict[str, Label]) -> dict[str, Label]:
        item = group["item"]
        hidden = isinstance(item, Named) and item.id not in readable
        return {**group, "item": Named(item.id, None, None)} if isinstance(item, Named) and hidden else group

    return report(session, asked, count, _row, about=[GroupBy.ITEM], overlapping=True, shown=shown)


def _concerns(*criteria: ColumnElement[bool]) -> ColumnElement[int]:
    different = func.count(Concern.id.distinct())
    return different.filter(*criteria) if criteria else different


def _row(tally: Tally, group: dict[str, Label]) -> ToldOf:
    counted_ = tally.figures
    return ToldOf(group, counted_["concerns"], counted_["unhappy"], tally.share("concerns", "all"))
