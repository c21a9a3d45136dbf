"""In the body of a POST null means absent, and the document says so."""

from typing import Any

import pytest
from marshmallow import ValidationError

from api.schemas.concerns import EditConcernSchema, NewConcernSchema
from api.web.absent_nulls import null_is_absent
from tests.support.openapi_document import operations, resolved

REQUIRED = {"mood": 2}
NESTED = {
    "items": [{"name": "Soup"}],
    "order": {"reference": "A7"},
    "recovery_actions": [{"remedy": "apology"}],
}


def test_null_in_every_optional_field_is_as_if_it_were_not_there() -> None:
    schema = null_is_absent(NewConcernSchema)()
    nulls = {name: None for name in schema.fields if name not in REQUIRED}
    assert schema.load({**REQUIRED, **nulls}) == schema.load(REQUIRED)
    within = {
        "items": [{"name": "Soup", "slug": None, "quantity": None}],
        "order": {"reference": "A7", "value": None},
        "recovery_actions": [{"remedy": "apology", "id": None, "cost": None, "acted_at": None}],
    }
    assert schema.load({**REQUIRED, **within}) == schema.load({**REQUIRED, **NESTED})


@pytest.mark.parametrize("body", [{"mood": None}, {"mood": 2, "colour": None}, {"mood": 2, "items": [None]}], ids=str)
def test_null_is_no_mood_no_known_field_and_no_entry_of_a_list(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        null_is_absent(NewConcernSchema)().load(body)


def test_a_patch_still_tells_null_from_absent() -> None:
    assert EditConcernSchema().load({"stake": None}) == {"stake": None}
    with pytest.raises(ValidationError):
        EditConcernSchema().load({"read_back": None})


def test_the_document_says_of_every_post_that_its_optional_fields_take_null() -> None:
    for operation in operations():
        if operation.method == "POST" and operation.body_schema:
            body = resolved(operation.body_schema)
            for name, field in body["properties"].items():
                if name not in body.get("required", ()):
                    assert "null" in str(resolved(field)), (operation.id, name)
