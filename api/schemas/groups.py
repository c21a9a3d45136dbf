"""Groups of stores: a brand, a district, a franchisee."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import Schema, Slug, Words, described
from api.schemas.redaction import reader
from models.organizations.store_group import GroupKind

MAX_STORES_IN_GROUP = 5_000


class VisibleStoreIds(fields.List):
    """Field of store ids that shows a reader those within reach."""

    def _serialize(self, value: Any, *arguments: Any, **keywords: Any) -> list[Any] | None:
        return super()._serialize(
            [store_id for store_id in value if reader().reaches(store_id)], *arguments, **keywords
        )


class EditGroupSchema(Schema):
    """Changes to a group; `store_ids` replaces all its stores."""

    name = Words(200, least=1)
    kind = fields.Enum(
        GroupKind,
        by_value=True,
        metadata=described("Whether it is a brand, a district, a franchisee or something else."),
    )
    store_ids = fields.List(
        fields.UUID(),
        validate=validate.Length(max=MAX_STORES_IN_GROUP),
        metadata=described("The ids of all its stores; they replace those before."),
    )


class NewGroupSchema(EditGroupSchema):
    """A group of the organization's own."""

    slug = Slug(required=True)
    name = Words(200, least=1, required=True)
    kind = fields.Enum(
        GroupKind,
        by_value=True,
        required=True,
        metadata=described("Whether it is a brand, a district, a franchisee or something else."),
    )


class StoreGroupSchema(Schema):
    """A group, with those of its stores that are within reach."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(
        GroupKind,
        by_value=True,
        metadata=described("Whether it is a brand, a district, a franchisee or something else."),
    )
    store_ids = VisibleStoreIds(fields.UUID(), metadata=described("The ids of its stores that are within reach."))
