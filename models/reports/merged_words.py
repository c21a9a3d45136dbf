"""Merged words in reports: until the worker has re-filed the concerns of a merged category or cause, reports map it.

The statements of a report name the merges that are not done yet, so that they cost nothing while there are none. Rows
of rollups are mapped in the same way: those of a store and month whose concerns were re-filed are dirty or recomputed.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, select
from sqlalchemy.orm import Session

from models.organizations.slug_alias import SlugKind
from models.organizations.vocabulary import Category, Cause
from models.organizations.vocabulary_merge import VocabularyMerge


@dataclass(frozen=True)
class MergedWords:
    """The merges that are not done yet. Two of them are equal when they map every row to the same words."""

    categories: frozenset[tuple[UUID, UUID]] = frozenset()  # a merged category, the surviving one
    causes: frozenset[tuple[UUID, UUID, UUID]] = frozenset()  # a merged cause, the surviving one, its category

    def category_id(self, model: Any) -> Any:
        """Return the expression for the category of rows of a model, as `Concern.category` has it."""
        of_causes = [(model.cause_id == merged, category) for merged, _, category in sorted(self.causes)]
        of_categories = [(model.category_id == merged, survivor) for merged, survivor in sorted(self.categories)]
        return _mapped([*of_causes, *of_categories], model.category_id)

    def cause_id(self, model: Any) -> Any:
        """Return the expression for the cause of rows of a model, as `Concern.cause` has it."""
        of_causes = [(model.cause_id == merged, survivor) for merged, survivor, _ in sorted(self.causes)]
        return _mapped(of_causes, model.cause_id)


NOTHING_MERGED = MergedWords()


def _mapped(values: list[tuple[Any, UUID]], column: Any) -> Any:
    return case(*values, else_=column) if values else column


def find_merged_words(session: Session) -> MergedWords:
    """Return the merges of the organization that are not done yet, in one statement."""
    stmt = (
        select(VocabularyMerge.from_id, Category.merged_into_id, Cause.merged_into_id, Cause.category_id)
        .outerjoin(Category, and_(VocabularyMerge.kind == SlugKind.CATEGORY, Category.id == VocabularyMerge.from_id))
        .outerjoin(Cause, and_(VocabularyMerge.kind == SlugKind.CAUSE, Cause.id == VocabularyMerge.from_id))
        .where(VocabularyMerge.done_at.is_(None))
    )
    categories, causes = set(), set()
    for merged_id, category_id, cause_id, category_of_cause in session.execute(stmt):
        if category_id is not None:
            categories.add((merged_id, category_id))
        if cause_id is not None:
            causes.add((merged_id, cause_id, category_of_cause))
    return MergedWords(frozenset(categories), frozenset(causes))
