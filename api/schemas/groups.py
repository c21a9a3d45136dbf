"""Groups of stores: a brand, a district, a franchisee."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import Schema, Words
from api.schemas.redaction import reader
from models.organizations.store_group import GroupKind

MOST_STORES = 5_000


class WithinReach(fields.List):
    """Ids of stores, of which a reader is shown those within reach."""

    def _serialize(self, value: Any, *arguments: Any, **keywords: Any) -> list[Any] | None:
        return super()._serialize([id_ for id_ in value if reader().reaches(id_)], *arguments, **keywords)


class EditGroupSchema(Schema):
    """What is to be changed; `store_ids` stand in the place of all the stores that were in it."""

    name = Words(200, least=1)
    kind = fields.Enum(GroupKind, by_value=True)
    store_ids = fields.List(fields.UUID(), validate=validate.Length(max=MOST_STORES))


class NewGroupSchema(EditGroupSchema):
    """A group of the organization's own."""

    slug = Words(60, least=1, required=True)
    name = Words(200, least=1, required=True)
    kind = fields.Enum(GroupKind, by_value=True, required=True)


class StoreGroupSchema(Schema):
    """A group of stores, with those of them that are within reach."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(GroupKind, by_value=True)
    store_ids = WithinReach(fields.UUID())
