"""Folding in SQL: text that people wrote, compared without accents and capitals as `models.db.text.fold_text` does."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from models.db.text import FOLDED_AS_ONE, FOLDED_AS_SEVERAL


class folded(FunctionElement[str]):  # noqa: N801 used as a function
    """The folded text of a column or expression.

    PostgreSQL has what it takes: it decomposes letters, drops their accents and translates what is left. SQLite has
    not, so its connections know `fold_text` itself (`models.db.engines`).
    """

    type = Text()
    inherit_cache = True


@compiles(folded, "sqlite")
def _fold_in_sqlite(element: folded, compiler: Any, **keywords: Any) -> str:
    return f"fold_text({compiler.process(element.clauses, **keywords)})"


@compiles(folded, "postgresql")
def _fold_in_postgresql(element: folded, compiler: Any, **keywords: Any) -> str:
    text = f"lower(normalize({compiler.process(element.clauses, **keywords)}, NFKD))"
    text = f"regexp_replace({text}, '[\u0300-\u036f]', '', 'g')"
    text = f"translate({text}, {_quoted(''.join(FOLDED_AS_ONE))}, {_quoted(''.join(FOLDED_AS_ONE.values()))})"
    for letter, letters in FOLDED_AS_SEVERAL.items():
        text = f"replace({text}, {_quoted(letter)}, {_quoted(letters)})"
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
