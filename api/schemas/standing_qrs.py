"""Standing QR codes, and the form behind them."""

from marshmallow import fields, validate

from api.schemas.base import Instant, Schema, Slug, SlugOf, Words, described
from api.schemas.public_link import PublicLink


class NewStandingQrSchema(Schema):
    """A new code for a place of the store, or for its receipts without one."""

    id = fields.UUID()
    place = Slug(
        allow_none=True,
        metadata=described("The slug of the place; without it the code is for the receipts of the store."),
    )


class StandingQrSchema(Schema):
    """A code to print. On a receipt its link may carry the order: `?order=4711`."""

    id = fields.UUID()
    version = fields.Integer()
    store_id = fields.UUID()
    place = SlugOf(allow_none=True, metadata=described("The slug of the place; null for the receipts of the store."))
    link = PublicLink(
        "q",
        metadata=described(
            "The address that the code holds; on a receipt the order may be added, such as `?order=4711`."
        ),
    )
    made_at = Instant()


class StandingQrListSchema(Schema):
    """The codes of all places of a store, in the order of the places."""

    items = fields.List(fields.Nested(StandingQrSchema), required=True)


class ConcernFormSchema(Schema):
    """The form behind a standing code."""

    id = fields.UUID(required=True)
    mood = fields.Integer(required=True, validate=validate.Range(min=1, max=5))
    their_words = Words(4000)
    wanted = Words(1000)
    order = Words(100)
