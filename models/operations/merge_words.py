"""Merges of categories and causes: 'A is now B', and the re-filing of A's concerns.

From the moment of the merge every answer shows B: `Concern.category` and `Concern.cause` read through, reports map A
to B (models.reports.merged_words), and A's slugs have become aliases of B. The worker re-files the concerns of A under
B in slices, so that no transaction is long; when none is left the merge is done.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.alerts.rule import AlertRule
from models.concerns.concern import Concern
from models.db.session import ALL_TENANTS, Database
from models.errors import Invalid, InvalidState
from models.organizations.slug_alias import SlugAlias, SlugKind
from models.organizations.vocabulary import Category, Cause, Question
from models.organizations.vocabulary_merge import VocabularyMerge
from models.policy_defaults import MERGE_SETTLES_AFTER
from models.recovery.fix import Fix

REFILE_SLICE = 1000  # concerns that one transaction looks at


def merge_categories(session: Session, merged: Category, into_id: UUID, *, by: Actor, at: datetime) -> Category:
    """Merge a category into another one, and return that one. Causes, questions and alert rules move along.

    Raises NotFound for an unknown target, Invalid for the category itself and for a calm one in place of an urgent one,
    and InvalidState when one of the two was merged already.
    """
    _lock_categories(session)
    into = Category.get_visible(session, into_id, actor=by, lock=True, pointer="/into")
    merged = Category.get_visible(session, merged.id, actor=by, lock=True)
    _check(merged, into)
    _check_urgency(merged, into)
    for cause in session.scalars(select(Cause).where(Cause.category_id == merged.id)):
        cause.category_id = into.id
    earlier = session.scalars(select(Category).where(Category.merged_into_id == merged.id)).all()
    for category in (*earlier, merged):
        category.merged_into_id = into.id
    merged.retired_at = merged.retired_at or at
    for category in (*earlier, merged, into):
        category.bump_version()
    _record(session, merged, into, by=by, at=at)
    for category in (merged, into):
        session.expire(category, ["causes"])
    return into


def merge_causes(session: Session, merged: Cause, into_id: UUID, *, by: Actor, at: datetime) -> Category:
    """Merge a cause into another one, and return the category of that one. Fixes move along. Errors as above."""
    _lock_categories(session)
    into = Cause.get_visible(session, into_id, actor=by, lock=True, pointer="/into")
    merged = Cause.get_visible(session, merged.id, actor=by, lock=True)
    _check(merged, into)
    category_before = merged.category
    _check_urgency(category_before, into.category)
    earlier = session.scalars(select(Cause).where(Cause.merged_into_id == merged.id)).all()
    for cause in (*earlier, merged):
        cause.merged_into_id, cause.category_id = into.id, into.category_id
    merged.retired_at = merged.retired_at or at
    for category in {category_before, into.category}:
        category.bump_version()
    _record(session, merged, into, by=by, at=at)
    return into.category


def organizations_to_refile(database: Database) -> Sequence[UUID]:
    """Return the ids of the organizations with a merge that is not done."""
    stmt = select(VocabularyMerge.organization_id).where(VocabularyMerge.done_at.is_(None)).distinct()
    with database.reading(ALL_TENANTS) as session:
        return session.scalars(stmt.order_by(VocabularyMerge.organization_id)).all()


def refile_slice(session: Session, *, at: datetime, slice_size: int = REFILE_SLICE) -> bool:
    """Go on with the oldest merge of the organization that is not done; return whether there is more to do now.

    What the worker has looked at is committed with what it re-filed, so that a worker that is killed loses nothing.
    Another worker that has locked the merges goes on alone.
    """
    stmt = select(VocabularyMerge).where(VocabularyMerge.done_at.is_(None))
    merges = session.scalars(stmt.order_by(VocabularyMerge.at, VocabularyMerge.id).with_for_update(skip_locked=True))
    return any(_refile(session, merge, at, slice_size) for merge in merges.all())


def _refile(session: Session, merge: VocabularyMerge, at: datetime, slice_size: int) -> bool:
    """Re-file the concerns of the next slice; at the end look once more for what was written meanwhile.

    Returns whether anything was done. Nothing is, from the end of the concerns until MERGE_SETTLES_AFTER: by then
    whoever had read the merged word before the merge has committed, and the last look sees it.
    """
    is_later = [] if merge.refiled_to_id is None else [Concern.id > merge.refiled_to_id]
    ids = session.scalars(select(Concern.id).where(*is_later).order_by(Concern.id).limit(slice_size)).all()
    is_filed = _is_filed_under(merge)
    if ids:
        of_slice = select(Concern).where(*is_later, Concern.id <= ids[-1], is_filed)
        for concern in session.scalars(of_slice.order_by(Concern.id).with_for_update(key_share=True)):
            concern.refile()
        merge.refiled_to_id = ids[-1]
        session.flush()
    if len(ids) == slice_size:
        return True
    if at < merge.at + MERGE_SETTLES_AFTER:
        return False
    if session.scalars(select(Concern.id).where(is_filed).limit(1)).first() is not None:
        merge.refiled_to_id = None
        return True
    _move_dependants(session, merge)
    merge.done_at = at
    return True


def _is_filed_under(merge: VocabularyMerge) -> ColumnElement[bool]:
    column: Any = Concern.category_id if merge.kind is SlugKind.CATEGORY else Concern.cause_id
    filed: ColumnElement[bool] = column == merge.from_id
    return filed


def _lock_categories(session: Session) -> None:
    """Lock all categories of the organization: merges are rare, and each has to see what the one before has done."""
    session.execute(select(Category.id).order_by(Category.id).with_for_update(key_share=True))


def _check(merged: Category | Cause, into: Category | Cause) -> None:
    noun = type(merged).__name__.lower()
    if merged is into:
        raise Invalid(f"A {noun} cannot be merged into itself.", pointer="/into")
    for word, pointer in ((merged, None), (into, "/into")):
        if word.merged_into_id is not None:
            detail = f"The {noun} {word.slug!r} was merged into {word.survivor.slug!r} already."
            raise InvalidState(detail, state="merged", pointer=pointer)


def _check_urgency(merged: Category, into: Category) -> None:
    """Raise Invalid when concerns would ring less than before, which nobody would notice."""
    if merged.urgent and not into.urgent:
        detail = f"{merged.slug!r} is urgent and {into.slug!r} is not: mark that one as urgent first."
        raise Invalid(detail, pointer="/into")


def _record(session: Session, merged: Category | Cause, into: Category | Cause, *, by: Actor, at: datetime) -> None:
    kind = merged.slug_kind
    SlugAlias.move(session, kind, merged.slug, from_id=merged.id, into=into)
    merge = VocabularyMerge(kind=kind, from_id=merged.id, into_id=into.id, at=at, by_id=by.staff_id)
    session.add(merge)
    session.flush()
    _move_dependants(session, merge)


def _move_dependants(session: Session, merge: VocabularyMerge) -> None:
    """Move to the surviving word what names the merged one: questions and alert rules, or fixes.

    There are few of them. What a concurrent request adds is moved when the merge is done.
    """
    word: type[Category | Cause] = Category if merge.kind is SlugKind.CATEGORY else Cause
    survivor_id = session.scalars(select(word.merged_into_id).where(word.id == merge.from_id)).one()
    models: Sequence[Any] = (Question, AlertRule) if word is Category else (Fix,)
    for model in models:
        column = model.category_id if word is Category else model.cause_id
        for row in session.scalars(select(model).where(column == merge.from_id).with_for_update(key_share=True)):
            setattr(row, column.key, survivor_id)
            row.bump_version()
    session.flush()
