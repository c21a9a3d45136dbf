"""The forms of what can be read as a table: JSON, CSV, XLSX, or a page to print. All show what the schema dumps."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final
from uuid import UUID

from flask import g, request

from api.pages.tables import render_tables
from api.schemas.base import Schema, page_of
from api.web.blueprint import Blueprint
from api.web.negotiation import HTML, JSON, negotiate
from api.web.pagination import link_to_next
from api.web.tables.csv_format import CSV, csv_file
from api.web.tables.list_table import STORE_ID, ListedItem, list_file, without_people
from api.web.tables.table_file import About
from api.web.tables.xlsx_format import XLSX, xlsx_file
from models.organizations.store import Store

FILES: Final = {CSV: csv_file, XLSX: xlsx_file, HTML: render_tables}
_OF_PAGING: Final = ("cursor", "limit")

Line = dict[str, Any]
Method = Callable[..., Any]


def answers_tables(blp: Blueprint, schema: type[Schema]) -> Callable[[Method], Method]:
    """Decorate a method that answers in the form that the caller prefers: declare the forms."""

    def decorate(method: Method) -> Method:
        for declare in (
            blp.refuses(406),
            blp.alt_response(200, schema={"type": "string"}, content_type=HTML, success=True),
            blp.alt_response(200, schema={"type": "string", "format": "binary"}, content_type=XLSX, success=True),
            blp.alt_response(200, schema={"type": "string"}, content_type=CSV, success=True),
            blp.response(200, schema),
        ):
            method = declare(method)
        return method

    return decorate


def answers_list(
    blp: Blueprint,
    schema: type[Schema],
    title: str,
    *,
    by_store: bool = True,
    page_schema: type[Schema] | None = None,
    line_schema: type[Schema] | None = None,
    line_of: Callable[[Line], Line] = dict,
) -> Callable[[Method], Method]:
    """Decorate the method of a list, which returns a page of these items: answer it as JSON or as a table.

    A table has the columns of the schema, or those of `line_schema` with `line_of` each item. `by_store`: whether items
    are of a store, whose name stands beside them. To keys a table names no staff. `page_schema`: of a page that has
    more than its items and the next cursor.
    """
    shown_schema = page_schema or page_of(schema)

    def decorate(method: Method) -> Method:
        @answers_tables(blp, shown_schema)
        @wraps(method)
        def answer(*arguments: Any) -> Any:
            form = negotiate(JSON, *FILES)
            page = method(*arguments)
            if form == JSON:
                return page
            names = _store_names(page["items"]) if by_store else {}
            shown = shown_schema().dump(page)["items"]
            if g.actor.api_key_id is not None:
                shown = [without_people(schema(), item) for item in shown]
            items = [
                ListedItem(line_of(line), names.get(item.store_id) if by_store else None)
                for item, line in zip(page["items"], shown, strict=True)
            ]
            name = f"{title.lower().replace(' ', '-')}-{g.now.date()}"
            about = _about(page, names)
            file = list_file(name, title, (line_schema or schema)(), items, about=about, by_store=by_store)
            response = FILES[form](file)
            response.headers.update(link_to_next(page["next_cursor"]))
            return response

        return answer

    return decorate


def _store_names(items: list[Any]) -> dict[UUID, str]:
    ids = {item.store_id for item in items if item.store_id is not None}
    if STORE_ID in request.args:
        ids.add(UUID(request.args[STORE_ID]))
    return Store.names_of(g.session, ids, actor=g.actor)


def _about(page: dict[str, Any], names: dict[UUID, str]) -> dict[str, About]:
    """Return what a page of a list covers; whoever reads it has to know whether more follows."""
    about: dict[str, About] = {"as of": g.now, "listed": len(page["items"]), "filters": dict(_filters(names))}
    return about | ({"more": ["on the next page"]} if page["next_cursor"] else {})


def _filters(names: dict[UUID, str]) -> Iterator[tuple[str, str]]:
    """Yield the filters with their values, names for ids: of what has none only that there is one is shown."""
    for filter_, value in request.args.items():
        if filter_ in _OF_PAGING:
            continue
        name = filter_.removesuffix("_id").replace("_", " ")
        try:
            yield name, names.get(UUID(value), "✓")
        except ValueError:
            yield name, value
