"""OpenAPI document: adds to each operation the headers and problems that follow from how it is declared."""

import json
import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin, OpenAPIConverter, resolver
from flask import Flask
from marshmallow import Schema, fields

from api.schemas.base import PageSchema, ProblemSchema
from api.web.negotiation import JSON
from api.web.openapi_answers import SOMETIMES
from api.web.openapi_examples import EXAMPLES
from api.web.problems import STATUS_TITLES
from api.web.request_body import CsvBody
from api.web.resource import WITHOUT_BODY, Resource
from api.web.smorest_internals import openapi_spec
from models.access import Permission

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "Repeat a request safely: the same key has its effect once and is answered with the same object.",
    "schema": {"type": "string", "pattern": '^("[!#-~]{1,255}"|[!#-~]{1,255})$'},
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "description": 'The ETag that was read, or its version alone, such as `"3"`; `*` for whatever stands there now.',
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The ETag of the answer that you have: 304 where it would be the same.",
    "schema": {"type": "string"},
}
APP_VERSION = {
    "in": "header",
    "name": "X-App-Version",
    "description": "Platform and version of the app, such as `ios/2.3.1`: 426 if that is too old.",
    "schema": {"type": "string"},
}
ACCEPT_LANGUAGE = {
    "in": "header",
    "name": "Accept-Language",
    "description": "The languages that you read, such as `pt-BR, en;q=0.5`; a person's own choice comes before them.",
    "schema": {"type": "string"},
}
REQUEST_ID = {
    "in": "header",
    "name": "X-Request-Id",
    "description": "Your name for the request in our logs, 8 to 64 of A-Z a-z 0-9 . _ -; another text counts as none.",
    "schema": {"type": "string"},
}
NOT_MODIFIED = "not-modified"
HEADERS = {
    "X-Request-Id": {
        "description": "The name of the request in our logs: the one that was sent, or a new one.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": 'The address of the next page (`rel="next"`), while more follows.',
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": 'For If-Match and If-None-Match: "<version>.<digest of this answer>".',
        "schema": {"type": "string"},
    },
    "Idempotent-Replayed": {
        "description": "`true` when this request had its effect before and the object is only shown again, "
        "without a secret that the first answer held.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Retry-After": {"description": "Ask again after so many seconds.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to sign in.", "schema": {"type": "string"}},
}
RECENT_SIGN_IN_MARK = "x-recent-sign-in"
NEEDS_RECENT_SIGN_IN = "A person needs a sign-in younger than ten minutes for this (403 `sign-in-again`)."
PROBLEM_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


def render_document(app: Flask) -> str:
    """Return the document as in openapi.json: keys are sorted, so that every difference is a change."""
    return json.dumps(openapi_spec(app).to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def operation_id(method: str, resource: type[Resource]) -> str:
    return f"{method.lower()}{resource.__name__}"


def component_name(schema: Any) -> str:
    """Return the component's name: `NewConcern` for NewConcernSchema, `...Patch` for a partial schema."""
    name: str = resolver(schema)
    partial = isinstance(schema, Schema) and schema.partial
    return f"{name}Patch" if partial else re.sub(r"Schema$", "", name)


class Converter(OpenAPIConverter):
    """Converter that adds the `document` of a schema, what is not always there, and types that apispec leaves open."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.add_attribute_function(_enum_type)
        self.add_attribute_function(_int64)

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        json_schema: dict[str, Any] = super().schema2jsonschema(schema)
        sometimes = {SOMETIMES: schema.sometimes} if getattr(schema, "sometimes", None) else {}
        return {**json_schema, **getattr(schema, "document", {}), **sometimes}


def _enum_type(_converter: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    if not isinstance(field, fields.Enum):
        return {}
    return {"type": ["string", "null"] if field.allow_none else "string"}


def _int64(_converter: OpenAPIConverter, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the format of whole numbers: some, such as amounts in minor units, are longer than 32 bits.

    A `limit` has none: it may be of any size, and is cut to what a page holds.
    """
    return {"format": "int64"} if isinstance(field, fields.Integer) and field.name != "limit" else {}


class Plugin(MarshmallowPlugin):
    """apispec's plugin with our component names and our converter."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=component_name)


def add_components(spec: APISpec) -> None:
    """Add what operations refer to: the headers, and one response per problem status."""
    for name, header in HEADERS.items():
        spec.components.header(name, header)
    unchanged = {"description": "You have it already: nothing has changed", "headers": _headers("ETag")}
    spec.components.response(NOT_MODIFIED, unchanged, lazy=True)
    for status, (code, title) in STATUS_TITLES.items():
        response = {"description": title, "content": {"application/problem+json": {"schema": ProblemSchema}}}
        spec.components.response(code, {**response, "headers": _headers(*PROBLEM_HEADERS.get(status, ()))}, lazy=True)


def document_operation(doc: dict[str, Any], facts: dict[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
    """Complete an operation: permission, headers of request and answer, and all problems it can answer with."""
    doc["operationId"] = facts["operation_id"]
    public = facts["permission"] is Permission.ANYONE
    # OpenAPI 3.1: for a scheme that is no OAuth the list names the roles needed.
    doc["security"] = [] if public else [{"bearer": [str(facts["permission"])]}]
    if facts["recent_sign_in"]:
        doc["description"] = " ".join(filter(None, (doc.get("description"), NEEDS_RECENT_SIGN_IN)))
        doc[RECENT_SIGN_IN_MARK] = True
    body = _body(doc)
    if isinstance(facts["body"], CsvBody) and method.upper() not in WITHOUT_BODY:
        doc["requestBody"] = {"required": True, "content": {facts["body"].media_type: {"schema": {"type": "string"}}}}
    if body is not None:
        _document_body(doc, facts, body)
    parameters = doc.setdefault("parameters", [])
    if not public and not facts["serves_any_app"]:
        parameters.append(APP_VERSION)
    if facts["idempotent"]:
        parameters.append(IDEMPOTENCY_KEY)
    if method == "patch":
        parameters.append(IF_MATCH)
    doc["responses"] = {str(status): answer for status, answer in doc["responses"].items()}
    for status in ("default", "422"):  # flask-smorest adds them with a schema of its own
        doc["responses"].pop(status, None)
    _document_success(doc, facts, body, method=method)
    if method == "get" and any("ETag" in answer["headers"] for answer in doc["responses"].values()):
        parameters.append(IF_NONE_MATCH)
        doc["responses"]["304"] = NOT_MODIFIED
    parameters += [ACCEPT_LANGUAGE, REQUEST_ID]
    for status in _problem_statuses(facts, method, public=public):
        doc["responses"].setdefault(str(status), STATUS_TITLES[status][0])
    return doc


def _document_body(doc: dict[str, Any], facts: dict[str, Any], body: Schema) -> None:
    needed = any(field.required for field in body.fields.values())
    doc["requestBody"]["required"] = needed or bool(getattr(body, "document", None))
    if (example := EXAMPLES.get(facts["operation_id"])) is not None:
        doc["requestBody"]["content"][JSON]["example"] = example


def _document_success(doc: dict[str, Any], facts: dict[str, Any], body: Schema | None, *, method: str) -> None:
    for answer in list(doc["responses"].values()):
        shown = next((content.get("schema") for content in answer.get("content", {}).values()), None)
        has_etag = isinstance(shown, Schema) and ("version" in shown.fields or shown.is_screen)
        has_etag = has_etag or (isinstance(shown, PageSchema) and method == "get")
        names = ["ETag"] if has_etag else []
        names += ["Link"] if isinstance(shown, PageSchema) else []
        names += ["Idempotent-Replayed"] if facts["idempotent"] else []
        answer["headers"] = {**answer.get("headers", {}), **_headers(*names)}
    if facts["idempotent"] and body is not None and "id" in body.fields:
        created = doc["responses"]["201"]
        doc["responses"]["200"] = {**created, "description": "It was created before, by this `id`: the stored object"}


def _problem_statuses(facts: dict[str, Any], method: str, *, public: bool) -> list[int]:
    problems = {422, 500, 503, *facts["refuses"]}
    if not public:
        problems |= {401, 403} if facts["serves_any_app"] else {401, 403, 426}
    if facts["in_path"]:
        problems.add(404)
    if method.upper() not in WITHOUT_BODY:
        problems |= {400, 413, 415}
    if method != "get" and not public:
        problems.add(409)
    if method == "patch":
        problems |= {412, 428}
    return sorted(problems)


def _body(doc: dict[str, Any]) -> Schema | None:
    contents = doc.get("requestBody", {}).get("content", {}).values()
    schema = next((content["schema"] for content in contents), None)
    return schema() if isinstance(schema, type) else schema


def _headers(*names: str) -> dict[str, str]:
    return {name: name for name in ("X-Request-Id", *names)}
