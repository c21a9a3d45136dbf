"""Adapter to flask-smorest: the only file that touches its private attributes.

flask-smorest documents its decorators, not what they leave behind. requirements.txt pins its minor version, and
tests/api/web/test_smorest_internals.py fails when one of these attributes moves:

- `_apidoc` of a decorated method: which arguments and responses were declared.
- `Blueprint._prepare_doc_cbks`: callbacks that complete the documentation of an operation.
- `Blueprint._docs` and `_endpoints`: the documentation by endpoint and method, and the endpoints in order.
- `app.extensions["flask-smorest"]`: where Api registers itself.
"""

from collections.abc import Callable
from typing import Any

from apispec import APISpec
from flask import Flask
from flask_smorest import Blueprint
from marshmallow import Schema, fields


def declared_parameters(method: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return what `Blueprint.arguments` declared of a method: dicts with `in` (query, json ...) and `schema`."""
    parameters: list[dict[str, Any]] = getattr(method, "_apidoc", {}).get("arguments", {}).get("parameters", [])
    return parameters


def body_schema(method: Callable[..., Any]) -> Schema | None:
    """Return the schema of a method's JSON body, or None where it takes no body."""
    return _declared_schema(method, "json")


def takes_several(method: Callable[..., Any], name: str) -> bool:
    """Return whether a query may give this parameter more than once, instead of several values in one text."""
    schema = _declared_schema(method, "query")
    field = schema.fields.get(name) if schema is not None else None
    return isinstance(field, fields.List) and getattr(field, "is_multiple", True)


def _declared_schema(method: Callable[..., Any], location: str) -> Schema | None:
    parameters = declared_parameters(method)
    schema = next((parameter["schema"] for parameter in parameters if parameter["in"] == location), None)
    return schema() if isinstance(schema, type) else schema


def add_document_callback(blueprint: Blueprint, callback: Callable[..., dict[str, Any]]) -> None:
    """Call `callback(doc, facts, method=..., **)` for each operation while the document is made."""
    blueprint._prepare_doc_cbks.append(callback)  # noqa: SLF001 - see the module


def newest_endpoint_document(blueprint: Blueprint) -> dict[str, Any]:
    """Return the documentation of the endpoint added last: by method, in lower case."""
    document: dict[str, Any] = blueprint._docs[blueprint._endpoints[-1]]  # noqa: SLF001 - see the module
    return document


def openapi_spec(app: Flask) -> APISpec:
    """Return the OpenAPI document of the application as apispec holds it."""
    spec: APISpec = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec
    return spec
