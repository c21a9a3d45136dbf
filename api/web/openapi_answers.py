"""OpenAPI document of answers: which properties are always there, and that there may be more one day.

marshmallow's `required` is about what is sent. What is answered is always there, but for what its schema names in
`sometimes`. Answers are open: a later release may add properties, and clients ignore those they do not know.
"""

from collections.abc import Iterator
from typing import Any

from apispec import APISpec

SOMETIMES = "x-sometimes"  # only on the way from the schema to complete_answers
PREFIX = "#/components/schemas/"


def complete_answers(spec: APISpec) -> None:
    """Require every property of the schemas that are only answered, and leave them open."""
    document = spec.to_dict()
    schemas: dict[str, Any] = document["components"]["schemas"]
    answers, requests = [document["components"]["responses"]], []
    for path in document["paths"].values():
        for operation in path.values():
            if "responses" in operation:
                answers.append(operation["responses"])
                requests.append(operation.get("requestBody"))
    for name in names_in(answers, schemas) - names_in(requests, schemas):
        schema = schemas[name]
        # Open without the word, too; generators make a class of the word that does not compile in Kotlin.
        if isinstance(schema.get("additionalProperties"), bool):
            del schema["additionalProperties"]
        schema["required"] = sorted(schema.get("properties", {}).keys() - schema.pop(SOMETIMES, ()))


def names_in(parts: Any, schemas: dict[str, Any]) -> set[str]:
    """Return the names of the schemas to which these parts of the document refer, directly or through others."""
    names: set[str] = set()
    to_read = [parts]
    while to_read:
        new = {name for name in _references(to_read.pop()) if name not in names}
        names |= new
        to_read += [schemas[name] for name in new]
    return names


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith(PREFIX):
            yield reference.removeprefix(PREFIX)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _references(inner)
