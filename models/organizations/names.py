"""Names in several languages: which tags are languages, and a name for each of them."""

import re
from collections.abc import Mapping
from typing import Final

from models.errors import Invalid
from models.policy_defaults import MAX_LANGUAGES

MAX_TAG_LENGTH: Final = 35  # RFC 5646, 4.4.1
_TAG = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


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
