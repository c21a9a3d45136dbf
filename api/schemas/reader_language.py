"""Language of whoever reads an answer: the one they chose, else what the request says it accepts (RFC 9110)."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from flask import g, has_request_context, request
from marshmallow import fields

from api.schemas.base import described
from models.access import Actor
from models.db.text import fold
from models.organizations.names import closest_language, name_in
from notifications.messages.translations import CATALOGUES, translations_for

SUMMARY_DESCRIPTION = (
    "One line that sums up what happened, in the language of the reader; null for readers of figures only."
)


def wanted_languages() -> list[str]:
    """Return the languages that whoever asks reads, the preferred first: their own choice, then what is accepted."""
    actor = _signed_in()
    own = [actor.language] if actor and actor.language else []
    return own + [tag for tag, quality in _weighed_languages() if quality > 0]


def refused_languages() -> set[str]:
    """Return the languages that the request does not accept, such as pt for `pt;q=0`, in lower case."""
    return {tag.lower() for tag, quality in _weighed_languages() if quality == 0}


def _signed_in() -> Actor | None:
    return g.get("actor") if has_request_context() else None


def _weighed_languages() -> Iterable[tuple[str, float]]:
    return request.accept_languages if has_request_context() else ()


def reader_language(known: Collection[str], otherwise: Sequence[str] = ()) -> str:
    """Return the known language that is closest to what the reader wants, else to the others, else English."""
    offered = {*known, "en"} - refused_languages()
    wanted = (*wanted_languages(), *otherwise)
    return next((tag for name in wanted if (tag := closest_language(name, offered))), "en")


class NameInLanguage(fields.String):
    """Name of a word or place of the organization, in the language of whoever reads it.

    It is that of what stands at the `path` of an object, null where nothing does; without a path that of the object.
    """

    def __init__(self, what: str, *, path: str | None = None) -> None:
        description = f"The name of the {what} in the language of the reader, else as the organization calls it."
        super().__init__(allow_none=path is not None, metadata=described(description))
        self.path = path

    def serialize(self, _attr: str, obj: Any, accessor: Any = None, **_: Any) -> str | None:
        """Name what stands at the path of the object; its slug may stand there in another field."""
        value = obj if self.path is None else accessor(obj, self.path, None)
        if value is None:
            return None
        return name_for_reader(value)


class SummaryInLanguage(fields.String):
    """One line that sums up an alert, in the language of whoever reads it."""

    def __init__(self) -> None:
        super().__init__(allow_none=True, metadata=described(SUMMARY_DESCRIPTION))

    def serialize(self, _attr: str, obj: Any, accessor: Any = None, **_: Any) -> str | None:
        """Let the alert say it with the sentences of that language."""
        summary_in = accessor(obj, "summary_in", None)
        if summary_in is None:
            return None
        summary: str = summary_in(translations_for(reader_language(CATALOGUES)).gettext)
        return summary


class InReadersOrder(fields.List):
    """Words or places in the order in which whoever reads them picks one: see `order_for_reader`."""

    def _serialize(self, value: Iterable[Any] | None, *arguments: Any, **keywords: Any) -> list[Any] | None:
        return super()._serialize(sorted(value or (), key=order_for_reader), *arguments, **keywords)


def name_for_reader(named: Any) -> str:
    """Return the name of a word or place in the language of the reader, else as the organization calls it."""
    actor = _signed_in()
    return name_in(named, *wanted_languages(), first_language=actor.organization_language if actor else "")


def order_for_reader(named: Any) -> list[Any]:
    """Return the key by which words and places are in order: by position, then by name, then by slug."""
    return [named.position, fold(name_for_reader(named)), named.slug]
