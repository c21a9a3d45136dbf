"""Policy of recovery logs: the headings of their notes."""

from marshmallow import fields, validate

from api.schemas.base import Flag, Schema, Slug, Words

MAX_HEADINGS = 20


class NewHeadingSchema(Schema):
    """A heading of notes; a `required` note has to be written before the sign-off."""

    slug = Slug(required=True)
    name = Words(200, least=1, required=True)
    required = Flag(load_default=False)


class HeadingSchema(NewHeadingSchema):
    """A heading of notes, as it is answered."""


class NewLogPolicySchema(Schema):
    """The headings of notes. The next day's log begins with the note under `tomorrow`."""

    headings = fields.List(fields.Nested(NewHeadingSchema), required=True, validate=validate.Length(max=MAX_HEADINGS))


class LogPolicySchema(Schema):
    """The headings of notes."""

    headings = fields.List(fields.Nested(HeadingSchema))
