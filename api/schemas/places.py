"""Places of a store."""

from marshmallow import fields, validate

from api.schemas.base import Flag, NamesByLanguage, Schema, Slug, Whole, Words, described
from models.policy_defaults import MAX_PLACES, MAX_PLACES_EVER

MAX_NAME_LENGTH = 60


class PlaceSchema(Schema):
    """A place in a store, such as a table."""

    id = fields.UUID()
    slug = fields.String()
    name = fields.String()
    names = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "Names in further languages, by tag."}
    )
    position = fields.Integer()
    retired = fields.Boolean()


class ListedPlaceSchema(Schema):
    """A place of the list; `names` replace those that it has."""

    slug = Slug(
        allow_none=True,
        metadata=described(
            "The slug of the place; without it a known place is recognised by its name, and a new one gets its "
            "slug from that."
        ),
    )
    name = Words(MAX_NAME_LENGTH, least=1, required=True)
    names = NamesByLanguage(
        MAX_NAME_LENGTH,
        allow_none=True,
        metadata=described(
            "The names in further languages, by tag such as pt or pt-BR; where they are sent they replace those before."
        ),
    )


class PutPlacesSchema(Schema):
    """All places that a store has from now on, in their order."""

    items = fields.List(
        fields.Nested(ListedPlaceSchema),
        required=True,
        validate=validate.Length(max=MAX_PLACES),
        metadata=described("All places that the store has from now on, in their order; those left out are retired."),
    )


class PlaceListSchema(Schema):
    """The places of the list, in its order."""

    items = fields.List(fields.Nested(PlaceSchema), required=True)


class NewPlaceSchema(ListedPlaceSchema):
    """A new place. Without a slug it gets one from its name; without a position it comes last."""

    id = fields.UUID()
    position = Whole(validate=validate.Range(min=0, max=MAX_PLACES_EVER), allow_none=True)


class EditPlaceSchema(Schema):
    """Changes to a place; `names` are merged by language, null removes one."""

    name = Words(MAX_NAME_LENGTH, least=1)
    slug = Slug(metadata=described("The new slug; the one before goes on meaning this place."))
    names = NamesByLanguage(
        MAX_NAME_LENGTH,
        metadata=described(
            "The names in further languages, by tag such as pt or pt-BR; null removes one, others stay."
        ),
    )
    position = Whole(validate=validate.Range(min=0, max=MAX_PLACES_EVER))
    retired = Flag()
