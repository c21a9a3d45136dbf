"""The OpenAPI document says of every property and parameter what it means."""

import re
from collections.abc import Iterator
from typing import Any

from api.web.openapi_properties import MEANINGS, SENT
from tests.support.openapi_document import document, operations

SENTENCES = re.compile(r"[A-Z`].*\.", re.DOTALL)


def properties() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for schema, definition in document()["components"]["schemas"].items():
        for name, property_ in definition.get("properties", {}).items():
            yield schema, name, property_


def parameters() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, parameter in document()["components"]["parameters"].items():
        yield "components", name, parameter
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            of_operation = operation if method == "parameters" else operation.get("parameters", ())
            for parameter in of_operation:
                if "$ref" not in parameter:
                    yield f"{method} {path}", parameter["name"], parameter


def test_every_property_and_parameter_is_described_in_sentences() -> None:
    described = [*properties(), *parameters()]
    assert len(described) > 2_000
    silent = [(where, name) for where, name, part in described if not SENTENCES.fullmatch(part.get("description", ""))]
    assert not silent


def test_no_description_is_of_a_name_that_no_schema_has() -> None:
    used = {(name, property_.get("description")) for _, name, property_ in properties()}
    assert not {*MEANINGS.items(), *SENT.items()} - used


def test_every_operation_takes_the_language_of_the_reader_and_a_name_for_the_request() -> None:
    shared = {f"#/components/parameters/{name}" for name in ("AcceptLanguage", "RequestId")}
    for operation in operations():
        written = document()["paths"][operation.path][operation.method.lower()]["parameters"]
        assert shared <= {parameter.get("$ref") for parameter in written}, operation.id


def test_every_operation_says_more_than_its_summary() -> None:
    assert not [operation.id for operation in operations() if not operation.spec.get("description")]
