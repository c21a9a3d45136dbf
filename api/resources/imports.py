"""Imports from CSV, and a template of each kind of file."""

from typing import Any

from flask import Response, g

from api.schemas.imports import ImportQuery, ImportResultSchema
from api.web.blueprint import Blueprint
from api.web.idempotency import REPLAYED_HEADER, had_effect_before, takes_key
from api.web.rate_limits import IMPORT_LIMIT, count_hit
from api.web.request_body import CsvBody
from api.web.resource import Resource
from api.web.tables.csv_format import CSV, csv_response
from models.access import Permission
from models.errors import Invalid
from models.operations.imports.csv_table import CsvTable
from models.operations.imports.customers import CustomerImport
from models.operations.imports.engine import ImportKind, ImportResult, run_import
from models.operations.imports.places import PlaceImport
from models.operations.imports.staff import StaffImport
from models.operations.imports.stores import StoreImport
from models.policy_defaults import MAX_IMPORT_BYTES, MAX_IMPORT_LINES
from notifications.decide.open_work import announce_open_work

blp = Blueprint("imports", __name__, "Stores, places, customers and staff from CSV files: all lines or none")

CSV_FILE = CsvBody(max_bytes=MAX_IMPORT_BYTES, max_lines=MAX_IMPORT_LINES)


@blp.route("/imports/stores")
class StoresImport(Resource):
    permissions = {"POST": Permission.STORE_WRITE}
    recent_sign_in = frozenset({"POST"})
    body = CSV_FILE

    @blp.arguments(ImportQuery, location="query")
    @blp.response(200, ImportResultSchema)
    @blp.refuses(429)
    @takes_key
    def post(self, query: dict[str, Any], table: CsvTable) -> Any:
        """Import stores from CSV: all lines or none

        A line is the store with this `slug`, or else a new one. `hours` are `always` or openings of the week, such as
        `mon-fri 09:00-18:00; sat 10:00-16:00`. Changed time zones, day starts and currencies hold from the next
        business date on.
        """
        return _import(StoreImport, table, **query)


@blp.route("/imports/stores/template")
class StoresImportTemplate(Resource):
    permissions = {"GET": Permission.STORE_WRITE}

    @blp.response(200, {"type": "string"}, content_type=CSV)
    def get(self) -> Response:
        """Read an example file of stores: the columns, and two made-up lines

        As CSV, for `POST /v1/imports/stores`.
        """
        return _template(StoreImport)


@blp.route("/imports/places")
class PlacesImport(Resource):
    permissions = {"POST": Permission.STORE_RUN}
    recent_sign_in = frozenset({"POST"})
    body = CSV_FILE

    @blp.arguments(ImportQuery, location="query")
    @blp.response(200, ImportResultSchema)
    @blp.refuses(429)
    @takes_key
    def post(self, query: dict[str, Any], table: CsvTable) -> Any:
        """Import places of stores from CSV: all lines or none

        A line is the place of the store with this `slug`, or else with this name; else a new one. A retired place comes
        back; what is not in the file stays as it is.
        """
        return _import(PlaceImport, table, **query)


@blp.route("/imports/places/template")
class PlacesImportTemplate(Resource):
    permissions = {"GET": Permission.STORE_RUN}

    @blp.response(200, {"type": "string"}, content_type=CSV)
    def get(self) -> Response:
        """Read an example file of places: the columns, and two made-up lines

        As CSV, for `POST /v1/imports/places`.
        """
        return _template(PlaceImport)


@blp.route("/imports/customers")
class CustomersImport(Resource):
    permissions = {"POST": Permission.CUSTOMER_IMPORT}
    recent_sign_in = frozenset({"POST"})
    body = CSV_FILE

    @blp.arguments(ImportQuery, location="query")
    @blp.response(200, ImportResultSchema)
    @blp.refuses(429)
    @takes_key
    def post(self, query: dict[str, Any], table: CsvTable) -> Any:
        """Import customers from CSV: all lines or none

        A line is the customer with this `source` and `reference`; else the one customer with its contacts, who gets the
        reference; else a new one. Blank cells leave what is there. Consent cannot be imported. A key needs the scope
        `customers:read` as well: the answer says which customers there are.
        """
        return _import(CustomerImport, table, **query)


@blp.route("/imports/customers/template")
class CustomersImportTemplate(Resource):
    permissions = {"GET": Permission.CUSTOMER_IMPORT}

    @blp.response(200, {"type": "string"}, content_type=CSV)
    def get(self) -> Response:
        """Read an example file of customers: the columns, and two made-up lines

        As CSV, for `POST /v1/imports/customers`.
        """
        return _template(CustomerImport)


@blp.route("/imports/staff")
class StaffListImport(Resource):
    permissions = {"POST": Permission.STAFF_WRITE}
    recent_sign_in = frozenset({"POST"})
    body = CSV_FILE

    @blp.arguments(ImportQuery, location="query")
    @blp.response(200, ImportResultSchema)
    @blp.refuses(429)
    @takes_key
    def post(self, query: dict[str, Any], table: CsvTable) -> Any:
        """Import people from CSV: all lines or none

        A line is the person with this `employee_number`; else the one with this `login`, who gets the number; else a
        new one. Blank cells leave what is there. `stores` and `regions` are slugs with spaces between them; `left` is
        `yes` or `no`. Each line needs the rights that changing the person by hand needs. New people with an `email` get
        a code by mail; nobody's code is in the answer.
        """
        return _import(StaffImport, table, **query)


@blp.route("/imports/staff/template")
class StaffListImportTemplate(Resource):
    permissions = {"GET": Permission.STAFF_WRITE}

    @blp.response(200, {"type": "string"}, content_type=CSV)
    def get(self) -> Response:
        """Read an example file of people: the columns, and two made-up lines

        As CSV, for `POST /v1/imports/staff`.
        """
        return _template(StaffImport)


def _import(kind: type[ImportKind], table: CsvTable, *, dry_run: bool) -> Any:
    """Import the table. Invalid, with every fault of every line, when a line is refused; a dry run answers them.

    A repeat of an import that had its effect is a dry run: it answers what the file would change by now, which is
    nothing unless somebody changed the same since.
    """
    count_hit(IMPORT_LIMIT, "import", str(g.actor.staff_id or g.actor.api_key_id))
    is_repeat = had_effect_before(status=200, is_preview=dry_run)
    result = run_import(kind, g.session, table, dry_run=dry_run or is_repeat, by=g.actor, at=g.now)
    if result.refused and not dry_run and not is_repeat:
        detail = f"Nothing was imported: {result.refused} of the lines have faults, which `errors` names."
        raise Invalid(detail, errors=_errors(result))
    if not result.dry_run:
        announce_open_work(g.session, result.work)
    return (result, 200, REPLAYED_HEADER) if is_repeat else result


def _errors(result: ImportResult) -> list[dict[str, str]]:
    return [
        {
            "in": "body",
            "pointer": "/".join(["", "lines", str(line.number), *([_escaped(fault.column)] if fault.column else [])]),
            "code": fault.code,
            "detail": fault.detail,
        }
        for line in result.items
        for fault in line.faults
    ]


def _escaped(step: str) -> str:
    """Return a step of a JSON pointer (RFC 6901)."""
    return step.replace("~", "~0").replace("/", "~1")


def _template(kind: type[ImportKind]) -> Response:
    names = [column.name for column in kind.columns]
    examples = [{column.name: column.examples[row] for column in kind.columns} for row in (0, 1)]
    return csv_response(f"{kind.name}-template", names, examples)
