"""Blueprint and Api: what all operations have in common, in their behaviour and in the OpenAPI document."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, cast

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from flask_smorest import Api as SmorestApi
from flask_smorest import Blueprint as SmorestBlueprint
from flask_smorest.utils import unpack_tuple_response
from marshmallow import RAISE, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter
from werkzeug.routing import ValidationError as NoMatch

from api.schemas.base import BusinessDate, PageSchema, ProblemSchema
from api.schemas.redaction import shown_to
from api.web.absent_nulls import null_is_absent
from api.web.etags import etag_header
from api.web.openapi import Plugin, add_components, document_operation, operation_id
from api.web.pagination import link_to_next
from api.web.problems import on_http_exception
from api.web.resource import Resource
from api.web.smorest_internals import add_document_callback, newest_endpoint_document


class Parser(FlaskParser):
    """Parser that refuses unknown fields, in bodies and in query strings."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "json": RAISE, "query": RAISE}


class Blueprint(SmorestBlueprint):
    """Blueprint that flushes before it answers, adds the ETag, and documents permissions and problems."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, import_name: str, description: str) -> None:
        super().__init__(name, import_name, url_prefix="/v1", description=description)
        add_document_callback(self, document_operation)

    def arguments(self, schema: Any, *, location: str = "json", **options: Any) -> Callable[..., Any]:
        """Extend flask-smorest's decorator: in the body of a POST null means absent."""

        def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
            taken = null_is_absent(schema) if method.__name__ == "post" and location == "json" else schema
            decorated: Callable[..., Any] = super(Blueprint, self).arguments(taken, location=location, **options)(
                method
            )
            return decorated

        return decorate

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[..., Any]:
        """Extend flask-smorest's decorator: flush before the dump, add ETag and Link, dump for who asks."""
        dump = super().response(status_code, schema, **options)
        is_page = isinstance(schema, type) and issubclass(schema, PageSchema)

        def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
            @dump
            @wraps(method)
            def flushed(*arguments: Any, **keywords: Any) -> ResponseReturnValue:
                answer = method(*arguments, **keywords)
                if isinstance(answer, Response):
                    return answer
                shown, status, headers = unpack_tuple_response(answer)
                if session := g.get("session"):
                    session.flush()
                link = link_to_next(shown["next_cursor"]) if is_page else {}
                is_list = is_page and request.method == "GET"
                return shown, status or status_code, {**etag_header(shown, is_list=is_list), **link, **(headers or {})}

            @wraps(flushed)
            def redacted(*arguments: Any, **keywords: Any) -> ResponseReturnValue:
                if g.actor is None:
                    return cast("ResponseReturnValue", flushed(*arguments, **keywords))
                with shown_to(g.actor):
                    return cast("ResponseReturnValue", flushed(*arguments, **keywords))

            return redacted

        return decorate

    def refuses(self, *statuses: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document further statuses of refusal, which follow neither from the operation's shape nor from Blueprint."""

        def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
            method.refuses = statuses  # type: ignore[attr-defined]  # read by add_url_rule
            return method

        return decorate

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: type[Resource] | None = None, **options: Any
    ) -> None:
        """Extend flask-smorest's method: keep beside each operation the facts that document_operation needs."""
        super().add_url_rule(rule, endpoint, view_func, **options)
        for method, needed in view_func.permissions.items() if view_func else ():
            function = getattr(view_func, method.lower())
            newest_endpoint_document(self)[method.lower()] |= {
                "operation_id": operation_id(method, view_func),
                "permission": needed,
                "in_path": "<" in rule,
                "body": view_func.body,
                "idempotent": getattr(function, "idempotent", False),
                "refuses": getattr(function, "refuses", ()),
                "recent_sign_in": method in view_func.recent_sign_in,
                "serves_any_app": method in view_func.serves_any_app,
            }


class BusinessDateConverter(BaseConverter):
    """Converter of business dates in paths, such as 2026-03-02. Another text makes the address unknown (404)."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> date:
        try:
            return cast("date", BusinessDate().deserialize(value))
        except ValidationError as error:
            raise NoMatch from error


class Api(SmorestApi):
    """flask-smorest's Api with our OpenAPI components and problem documents."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Any) -> None:
        super().__init__(app, spec_kwargs={"marshmallow_plugin": Plugin()})
        add_components(self.spec)
        app.url_map.converters["date"] = BusinessDateConverter
        self.register_converter(BusinessDateConverter, lambda _: {"type": "string", "format": "date"})

    def handle_http_exception(self, error: HTTPException) -> Response:
        return on_http_exception(error)
