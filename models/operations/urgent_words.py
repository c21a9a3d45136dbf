"""Urgent words: whether what was typed as a category or cause, and means none, may be about an urgent one."""

import re
from collections.abc import Collection, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.db.text import fold
from models.operations.default_vocabulary import URGENT_STEMS
from models.organizations.vocabulary import Category

SHORTEST_WORD = 4  # characters: shorter ones, such as "and", say nothing
_STEMS = tuple(stem for stems in URGENT_STEMS.values() for stem in stems)


def has_urgent_word(session: Session, texts: Collection[str]) -> bool:
    """Return whether a text holds a word of an urgent category.

    That is one of the product's own in a language it speaks, or one in the names of the organization's urgent
    categories, in any language, that no other category has in its name.
    """
    words = {word for text in texts for word in _words(text)}
    if any(word.startswith(_STEMS) for word in words):
        return True
    own: dict[bool, set[str]] = {True: set(), False: set()}
    for name, names, slug, urgent in session.execute(
        select(Category.name, Category.names, Category.slug, Category.urgent).where(Category.merged_into_id.is_(None))
    ):
        own[urgent] |= {word for text in (name, slug, *names.values()) for word in _words(text)}
    return not words.isdisjoint(own[True] - own[False])


def _words(text: str) -> Iterator[str]:
    """Yield the words of a text, folded: of "cross-contact" the whole and both parts."""
    for word in fold(text).split():
        yield from (part for part in {word, *re.split(r"[\W_]+", word)} if len(part) >= SHORTEST_WORD)
