"""Our Blueprint and Api: the house habits of every operation, in code and in the OpenAPI document."""

import inspect
import re
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, cast

from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Response, g
from flask.typing import ResponseReturnValue
from flask_smorest import Api as SmorestApi
from flask_smorest import Blueprint as SmorestBlueprint
from flask_smorest.utils import unpack_tuple_response
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter
from werkzeug.routing import ValidationError as NotADate

from api.errors import TITLES, on_http_exception
from api.etags import etag_of
from api.resource import Resource
from api.schemas.base import BusinessDate, ProblemSchema
from models.access import Permission


class Parser(FlaskParser):
    """Refuses unknown fields wherever they stand."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "json": RAISE, "query": RAISE}


class Blueprint(SmorestBlueprint):
    """Flushes before it answers, adds the ETag, and documents who may call and what can go wrong."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, import_name: str, description: str) -> None:
        super().__init__(name, import_name, url_prefix="/v1", description=description)
        self._prepare_doc_cbks.append(_document_habits)

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[..., Any]:
        """As flask-smorest's; what is shown is what was stored, so it is flushed before it is dumped."""
        decorate = super().response(status_code, schema, **options)

        def with_habits(method: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(method)
            def answer(*arguments: Any, **keywords: Any) -> ResponseReturnValue:
                answered = method(*arguments, **keywords)
                if isinstance(answered, Response):
                    return answered
                shown, status, headers = unpack_tuple_response(answered)
                if session := g.get("session"):
                    session.flush()
                return shown, status or status_code, {**etag_of(shown), **(headers or {})}

            return decorate(answer)

        return with_habits

    def _store_endpoint_docs(self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        if inspect.isclass(obj) and issubclass(obj, Resource):
            for method, needed in obj.needs.items():
                facts = self._docs[endpoint][method.lower()]
                facts["needs"], facts["finds"] = needed, obj.finds
                facts["operation_id"] = _operation_id(method, obj)


def _operation_id(method: str, resource: type[Resource]) -> str:
    name = resource.__name__
    verb = {"GET": "get", "POST": "post", "PUT": "put", "PATCH": "patch", "DELETE": "delete"}[method]
    return f"{verb}{name}"


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Repeat a request safely: the same key has its effect once and is answered with the same object.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": 'The ETag that was read, such as `"3"`.',
    "schema": {"type": "string"},
}
ETAG = {"description": "The version of the object, for If-Match.", "schema": {"type": "string"}}
WITHOUT_KEY = ("postSessions",)


def _document_habits(doc: dict[str, Any], facts: dict[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
    """Security, headers and every problem an operation can answer with."""
    public = facts["needs"] is Permission.ANYONE
    doc["operationId"] = facts["operation_id"]
    if public:
        doc["security"] = []
    else:
        doc["description_needs"] = None
        del doc["description_needs"]
        doc["x-permission"] = str(facts["needs"])
    parameters = doc.setdefault("parameters", [])
    if method == "post" and facts["operation_id"] not in WITHOUT_KEY:
        parameters.append(IDEMPOTENCY_KEY)
    if method == "patch":
        parameters.append(IF_MATCH)
    for status in _problems(doc, facts, method, public=public):
        doc["responses"].setdefault(
            str(status),
            {
                "description": TITLES[status][1],
                "content": {"application/problem+json": {"schema": ProblemSchema}},
            },
        )
    doc["responses"].pop("default", None)
    doc["responses"].pop(422, None)
    return doc


def _problems(doc: dict[str, Any], facts: dict[str, Any], method: str, *, public: bool) -> list[int]:
    problems = [500, 503]
    if not public:
        problems += [401, 403]
    if facts["finds"] or "requestBody" in doc:
        problems += [404]
    problems += [422, 400, 413, 415, 429]
    if method in ("post", "put", "patch", "delete"):
        problems += [409]
    if method == "patch":
        problems += [412, 428]
    return sorted(problems)


def schema_name(schema: Any) -> str:
    """`NewConcernSchema` is `NewConcern`; a partial one, for PATCH, gets a name of its own."""
    name: str = resolver(schema)
    partial = isinstance(schema, Schema) and schema.partial
    return f"{name}Patch" if partial else re.sub(r"Schema$", "", name)


class BusinessDateConverter(BaseConverter):
    """A business date in a path, 2026-03-02; what is none is an address that does not exist."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        try:
            return cast("date", BusinessDate().deserialize(value))
        except ValidationError as error:
            raise NotADate from error


class Api(SmorestApi):
    """The OpenAPI document and the error answers of the house."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Any) -> None:
        super().__init__(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=schema_name)})
        app.url_map.converters["date"] = BusinessDateConverter
        self.register_converter(BusinessDateConverter, lambda _: {"type": "string", "format": "date"})

    def handle_http_exception(self, error: HTTPException) -> Response:
        return on_http_exception(error)
