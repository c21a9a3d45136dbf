"""Policy of recovery logs: the headings of their notes."""

from marshmallow import fields, validate

from api.schemas.base import Flag, Schema, Words

SLUG = validate.Regexp("^[a-z0-9]+(-[a-z0-9]+)*$")


MOST_HEADINGS = 20


class HeadingSchema(Schema):
    """What managers are asked to note; where it is `required`, before they sign."""

    slug = fields.String(required=True, validate=[validate.Length(min=1, max=60), SLUG])
    name = Words(200, least=1, required=True)
    required = Flag(load_default=False)


class LogPolicySchema(Schema):
    """Under which headings notes are left. The note under `tomorrow` is what the next day's log begins with."""

    headings = fields.List(fields.Nested(HeadingSchema), required=True, validate=validate.Length(max=MOST_HEADINGS))
