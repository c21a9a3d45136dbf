"""Urgent words: whether what was typed as a category or cause, and means none, may be about an urgent one."""

import re
from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from models.db.text import fold
from models.operations.default_vocabulary import URGENT_STEMS
from models.organizations.vocabulary import Category, Cause

SHORTEST_WORD = 4  # characters: shorter ones, such as "and", say nothing
_STEMS = tuple(stem for stems in URGENT_STEMS.values() for stem in stems)
_NAMES = (
    select(Category.urgent, Category.slug, Category.name, Category.names, Cause.slug, Cause.name, Cause.names)
    .outerjoin(Cause, and_(Cause.category_id == Category.id, Cause.merged_into_id.is_(None)))
    .where(Category.merged_into_id.is_(None))
)


def has_urgent_word(session: Session, texts: Collection[str]) -> bool:
    """Return whether a text is the name of an urgent category or of a cause of one, or holds a word of theirs.

    That is one of the product's own in a language it speaks, or one in the organization's own names, in any language.
    A word says nothing where a category that is not urgent has it in its name; nor does one of the name of a cause
    where a cause of such a category has it.
    """
    words = _words(texts)
    if any(word.startswith(_STEMS) for word in words):
        return True
    categories: dict[bool, set[str]] = {True: set(), False: set()}
    causes: dict[bool, set[str]] = {True: set(), False: set()}
    for urgent, slug, name, names, cause_slug, cause_name, cause_names in session.execute(_NAMES):
        categories[urgent] |= {slug, name, *names.values()}
        causes[urgent] |= {cause_slug, cause_name, *cause_names.values()} if cause_slug is not None else set()
    if not set(map(fold, texts)).isdisjoint(map(fold, categories[True] | causes[True])):
        return True
    calm = _words(categories[False])
    urgent_words = (_words(categories[True]) - calm) | (_words(causes[True]) - calm - _words(causes[False]))
    return not words.isdisjoint(urgent_words)


def _words(texts: Collection[str]) -> set[str]:
    """Return the words of texts, folded: of "cross-contact" the whole and both parts."""
    words = {word for text in texts for word in fold(text).split()}
    return {part for word in words for part in (word, *re.split(r"[\W_]+", word)) if len(part) >= SHORTEST_WORD}
