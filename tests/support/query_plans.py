"""How PostgreSQL answers the statements of some code: which large tables it would read from one end to the other."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import sqlalchemy as sa

from models.db.session import Database, Tenant


def sent(database: Database, do: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return the questions that are put to the database meanwhile, with their parameters."""
    questions: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and "set_config" not in statement:
            questions.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        do()
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)
    return questions


def read_through(
    database: Database, tenant: Tenant, questions: list[tuple[str, Any]], *, large: Collection[str]
) -> list[str]:
    """Return the large tables that PostgreSQL would read from one end to the other to answer these."""
    scans = []
    with database.reading(tenant) as session:
        for statement, parameters in questions:
            plan = session.connection().exec_driver_sql("EXPLAIN (FORMAT JSON) " + statement, parameters).scalar_one()
            scans += [f"{node['Relation Name']}: {statement}" for node in _scans(plan[0]["Plan"], large)]
    return scans


def _scans(node: dict[str, Any], large: Collection[str]) -> Iterator[dict[str, Any]]:
    if "Seq Scan" in node["Node Type"] and node["Relation Name"] in large:
        yield node
    for inner in node.get("Plans", ()):
        yield from _scans(inner, large)
