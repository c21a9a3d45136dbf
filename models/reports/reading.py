"""Where the totals of a report come from: whole months and days that are kept, and the rows of what is marked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session

from models.concern import Concern
from models.mark import Mark
from models.reports.counting import Total, Totals, by_group, count_concerns, count_listening
from models.reports.groups import MOST, OF_CONCERNS, GroupBy, Grouping, Key, too_many
from models.reports.periods import following_month
from models.reports.rollups import Kept, KeptCause, KeptDay, KeptMonth, add_up
from models.vocabulary import Category

FINE = frozenset({GroupBy.DAY, GroupBy.WEEK})


@dataclass(frozen=True)
class Question:
    """What a report asks for: which stores, days and category, and how to group them; the group the stores are of."""

    stores: Sequence[ColumnElement[bool]]
    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    category: str | None
    group_id: UUID | None

    def grouping(self, of: Any, *, monthly: bool = False) -> Grouping:
        shown: dict[str, Any] = {"monthly": monthly, "group_id": self.group_id, "most": MOST}
        return Grouping(self.group_by, self.from_date, self.to_date, of=of, **shown)

    def asked_of(self, kind: Any) -> list[ColumnElement[bool]]:
        """The criteria on rows of a kind that may know their category; the days are left out."""
        if self.category is None:
            return [*self.stores]
        of_category = select(Category.id).where(Category.slug == self.category)
        return [*self.stores, kind.category_id.in_(of_category)]

    @property
    def by_concern(self) -> bool:
        """Whether concerns of one store and day are told apart."""
        return self.category is not None or not OF_CONCERNS.isdisjoint(self.group_by)

    @property
    def whole_months(self) -> tuple[date, date] | None:
        """The first day of the first and of the last month that is asked for as a whole and in one piece."""
        if GroupBy.CHANNEL in self.group_by or not FINE.isdisjoint(self.group_by):
            return None
        first = self.from_date if self.from_date.day == 1 else following_month(self.from_date)
        last = following_month(self.to_date + timedelta(days=1), -1)
        return (first, last) if first <= last else None


def totals(
    session: Session,
    stores: Sequence[ColumnElement[bool]],
    *,
    from_date: date,
    to_date: date,
    group_by: Sequence[GroupBy] = (),
    category: str | None = None,
    group_id: UUID | None = None,
) -> Totals:
    """The total of each group: exact as of the snapshot that the session reads, however much of it is marked.

    Invalid where there are more than MOST of them.
    """
    question = Question(stores, from_date, to_date, group_by, category, group_id)
    found = by_group(_parts(session, question))
    if len(found) > MOST:
        raise too_many(MOST)
    return found


def _parts(session: Session, question: Question) -> Iterator[tuple[Key, Total]]:
    """Whole months, then days, then rows: each takes what those before it could not."""
    plan = _Plan(question, _marked_months(session, question))
    kept_month: type[Kept] = KeptCause if question.by_concern else KeptMonth
    if question.whole_months:
        clean = (plan.in_whole_month(kept_month), ~plan.in_marked_month(kept_month))
        grouping = question.grouping(kept_month, monthly=True)
        yield from add_up(session, kept_month, *question.asked_of(kept_month), *clean, grouping=grouping)
    if question.by_concern:
        if plan.days_left:
            yield from _count(session, question, plan.left)
        return
    if plan.days_left:
        clean = (plan.left(KeptDay), ~plan.marked(KeptDay))
        yield from add_up(session, KeptDay, *question.stores, *clean, grouping=question.grouping(KeptDay))
    if plan.marked_months:
        yield from _count(session, question, lambda kind: plan.within(kind) & plan.marked(kind))


def _count(
    session: Session, question: Question, which: Callable[[Any], ColumnElement[bool]]
) -> Iterator[tuple[Key, Total]]:
    concerns = select(Concern.id).select_from(Concern).join(Concern.store)
    concerns = concerns.where(*question.asked_of(Concern), which(Concern))
    yield from count_concerns(session, concerns, question.grouping(Concern))
    if not question.by_concern:
        yield from count_listening(session, lambda kind: (*question.stores, which(kind)), question.grouping)


def _marked_months(session: Session, question: Question) -> Sequence[date]:
    within = Mark.month.between(question.from_date.replace(day=1), question.to_date)
    return session.scalars(select(Mark.month).where(within).distinct()).all()


@dataclass(frozen=True)
class _Plan:
    """Which rows of a kind, with a store and a business date, belong to which part."""

    question: Question
    marked_months: Sequence[date]

    @property
    def days_left(self) -> bool:
        """Whether whole months are not all there is to it."""
        whole = self.question.whole_months
        asked = (self.question.from_date, self.question.to_date)
        return bool(self.marked_months) or whole is None or (whole[0], _last_day(whole[1])) != asked

    def within(self, kind: Any) -> ColumnElement[bool]:
        dates: ColumnElement[bool] = kind.business_date.between(self.question.from_date, self.question.to_date)
        return dates

    def left(self, kind: Any) -> ColumnElement[bool]:
        """What no whole month has answered."""
        return self.within(kind) & ~(self.in_whole_month(kind) & ~self.in_marked_month(kind))

    def in_whole_month(self, kind: Any) -> ColumnElement[bool]:
        if (whole := self.question.whole_months) is None:
            return false()
        dates: ColumnElement[bool] = kind.business_date.between(whole[0], _last_day(whole[1]))
        return dates

    def in_marked_month(self, kind: Any) -> ColumnElement[bool]:
        """In a month of a store in which at least one day is marked."""
        of_stores = (
            and_(
                kind.business_date.between(month, _last_day(month)),
                kind.store_id.in_(select(Mark.store_id).where(Mark.month == month)),
            )
            for month in self.marked_months
        )
        return or_(false(), *of_stores)

    def marked(self, kind: Any) -> ColumnElement[bool]:
        """On a day that is marked itself."""
        same = (Mark.store_id == kind.store_id, Mark.business_date == kind.business_date)
        return select(Mark.id).where(*same).exists()


def _last_day(month: date) -> date:
    return following_month(month) - timedelta(days=1)
