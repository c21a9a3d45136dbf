"""Export of the change feed: everything that changed, row by row, for head office's own tools."""

from dataclasses import astuple
from typing import Any

from flask import Response, current_app, g

from api.schemas.exports import ChangePageSchema, ExportQuery
from api.web.blueprint import Blueprint
from api.web.negotiation import JSON, negotiate
from api.web.pagination import cursor_values, sign_cursor
from api.web.resource import Resource
from models.access import Permission
from models.reports.change_export import ExportCursor, export_changes

blp = Blueprint("exports", __name__, "Exports: everything that changed, row by row, for head office's own tools")

NDJSON = "application/x-ndjson"


@blp.route("/exports/changes")
class ExportChanges(Resource):
    permissions = {"GET": Permission.EXPORT_READ}

    @blp.arguments(ExportQuery, location="query")
    @blp.response(200, ChangePageSchema)
    @blp.alt_response(200, schema={"type": "string"}, content_type=NDJSON, success=True)
    @blp.refuses(406, 410)
    def get(self, query: dict[str, Any]) -> Response:
        """Follow all changes, from the very beginning or from a cursor

        Each item is an object as it is now, without words, names or contacts. Come back with `next_cursor` until
        `end_of_stream`, and then whenever you like; a page applied twice does no harm. 410 with `start_over` after a
        backup was restored. `limit` counts changes and goes up to 1,000, more than the 200 of lists, because machines
        read it. With `Accept: application/x-ndjson` the answer has one line per object, and a last one with the rest of
        the page.
        """
        form = negotiate(JSON, NDJSON)
        cursor = ExportCursor(*cursor_values(query["cursor"])) if query["cursor"] is not None else None
        page = export_changes(g.session, cursor, limit=query["limit"], actor=g.actor)
        document = ChangePageSchema().dump(
            {
                "items": page.items,
                "next_cursor": sign_cursor(astuple(page.next_cursor)),
                "end_of_stream": page.end_of_stream,
            }
        )
        # A page is small enough to be made in one go, so that a slow reader keeps no transaction open.
        if form == NDJSON:
            end = {name: value for name, value in document.items() if name != "items"}
            body = "".join(current_app.json.dumps(line) + "\n" for line in (*document["items"], end))
        else:
            body = current_app.json.dumps(document)
        return current_app.response_class(body, mimetype=form)
