"""The OpenAPI document as tests use it: every operation, and where in it an id can stand."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask import Flask

from api import create_app
from api.web.openapi import RECENT_SIGN_IN_MARK, render_document
from config import Config


@cache
def bare_application() -> Flask:
    """The application without a database behind it: it would be opened by the first request that needs one."""
    settings = {"DATABASE_URL": f"sqlite:///{tempfile.gettempdir()}/never-opened.db", "SECRET_KEY": "writes no cursors"}
    return create_app(Config.from_env(settings))


@cache
def written_document() -> str:
    return render_document(bare_application())


@cache
def document() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(written_document())
    return result


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    permissions: str | None  # None where anyone may
    spec: dict[str, Any] = field(repr=False, hash=False, compare=False)
    parameters: tuple[tuple[str, str, str], ...] = ()  # in, name, format

    @property
    def needs_recent_sign_in(self) -> bool:
        return bool(self.spec.get(RECENT_SIGN_IN_MARK))

    def named(self, where: str) -> list[str]:
        """The names of its parameters in the path or the query."""
        return [name for place, name, _ in self.parameters if place == where]

    @property
    def ids_in_query(self) -> list[str]:
        return [name for place, name, kind in self.parameters if place == "query" and kind == "uuid"]

    @property
    def ids_in_body(self) -> list[str]:
        """JSON pointers of the ids that a body may carry."""
        return list(_ids(self.body_schema))

    @property
    def new_ids_in_body(self) -> list[str]:
        """JSON pointers of the ids that a phone gives to what it makes."""
        return [pointer for pointer in self.ids_in_body if pointer.endswith("/id")]

    @property
    def body_schema(self) -> dict[str, Any]:
        content = self.spec.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] = content.get("application/json", {}).get("schema", {})
        return schema

    @property
    def body_content(self) -> str:
        """The content type of its body, or nothing where it takes none."""
        return next(iter(self.spec.get("requestBody", {}).get("content", {})), "")

    @property
    def success(self) -> int:
        """The status it answers a sound request with: of several the highest, for 200 beside 201 is a repeat."""
        return max(int(status) for status in self.spec["responses"] if status < "300")

    @property
    def pages(self) -> bool:
        return "cursor" in self.named("query")


@cache
def operations() -> list[Operation]:
    """Every operation of the document, in its order."""
    return operations_of(document())


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Every operation of another document, such as that of an application made for one test."""
    return [
        _operation(document, path, method, spec, item.get("parameters", []))
        for path, item in document["paths"].items()
        for method, spec in item.items()
        if method != "parameters"
    ]


def _operation(document: dict[str, Any], path: str, method: str, spec: dict[str, Any], common: list[Any]) -> Operation:
    """One operation, with the parameters that it shares with others written out."""
    shared = document["components"].get("parameters", {})
    own = [
        shared[parameter["$ref"].rsplit("/", 1)[-1]] if "$ref" in parameter else parameter
        for parameter in spec.get("parameters", [])
    ]
    return Operation(
        spec["operationId"],
        method.upper(),
        path,
        spec["security"][0]["bearer"][0] if spec["security"] else None,
        {**spec, "parameters": own},
        tuple(
            (parameter["in"], parameter["name"], parameter["schema"].get("format", "")) for parameter in [*common, *own]
        ),
    )


def _ids(schema: dict[str, Any], pointer: str = "") -> Iterator[str]:
    shape = resolved(schema)
    if shape.get("format") == "uuid":
        yield pointer
    for name, inner in shape.get("properties", {}).items():
        yield from _ids(inner, f"{pointer}/{name}")
    if "items" in shape:
        yield from _ids(shape["items"], f"{pointer}/0")
    for inner in shape.get("anyOf", []):
        yield from _ids(inner, pointer)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where only a reference to it stands."""
    if "$ref" not in schema:
        return schema
    result: dict[str, Any] = document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return result
