"""Names in several languages: which tags are languages, and a name for each of them."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, Protocol

from models.errors import Invalid
from models.policy_defaults import MAX_LANGUAGES

MAX_TAG_LENGTH: Final = 35  # RFC 5646, 4.4.1
_TAG = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class Named(Protocol):
    """A word or place: its name in the organization's first language, and those in others, by language tag."""

    @property
    def name(self) -> Any: ...
    @property
    def names(self) -> Any: ...


class NamedWord(NamedTuple):
    """A word with its names, apart from its row."""

    slug: str
    name: str
    names: Mapping[str, str]


def closest_language(locale: str | None, known: Collection[str]) -> str | None:
    """Return the closest of the known languages, or None if none is close (RFC 4647, lookup)."""
    parts = re.split(r"[-_.@]", (locale or "").lower())
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((tag for tag in tags if tag in known), None)


def name_in(named: Named, *locales: str | None, first_language: str = "") -> str:
    """Return the name in the first of these languages that it has, else as the organization calls it.

    `first_language` is that of the organization, in which `name` is.
    """
    names = {tag.lower(): name for tag, name in (named.names or {}).items()}
    names.setdefault(first_language.lower(), named.name)
    tag = next((tag for locale in locales if (tag := closest_language(locale, names))), None)
    name: str = names[tag] if tag else named.name
    return name


def check_language(tag: str, *, pointer: str) -> str:
    """Return the tag if it can be one of a language, such as pt or pt-BR (RFC 5646). Invalid otherwise."""
    if len(tag) > MAX_TAG_LENGTH or not _TAG.fullmatch(tag):
        raise Invalid(f"{tag!r} is no language tag; pt and pt-BR are.", pointer=pointer)
    return tag


def merge_names(
    names: Mapping[str, str], changes: Mapping[str, str | None], *, pointer: str = "/names"
) -> dict[str, str]:
    """Return the names by language with these changes, of which None removes one.

    Invalid, with a pointer, for what is no language tag and for too many languages.
    """
    merged = dict(names)
    for tag, name in changes.items():
        check_language(tag, pointer=pointer)
        merged[tag] = name or ""
    merged = {tag: name for tag, name in merged.items() if name}
    if len(merged) > MAX_LANGUAGES:
        raise Invalid(f"Names in at most {MAX_LANGUAGES} languages are kept.", pointer=pointer)
    return merged
