"""Policy of recovery logs: the headings of their notes."""

from marshmallow import fields, validate

from api.schemas.base import Flag, Schema, Words

SLUG = validate.Regexp("^[a-z0-9]+(-[a-z0-9]+)*$")


MAX_HEADINGS = 20


class HeadingSchema(Schema):
    """A heading of notes; a `required` note has to be written before the sign-off."""

    slug = fields.String(required=True, validate=[validate.Length(min=1, max=60), SLUG])
    name = Words(200, least=1, required=True)
    required = Flag(load_default=False)


class LogPolicySchema(Schema):
    """The headings of notes. The next day's log begins with the note under `tomorrow`."""

    headings = fields.List(fields.Nested(HeadingSchema), required=True, validate=validate.Length(max=MAX_HEADINGS))
