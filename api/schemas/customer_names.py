"""Names of customers as concerns and what belongs to them show them."""

from typing import Any

from marshmallow import fields

from api.schemas.base import Schema, described
from api.schemas.reader_language import NameInLanguage
from api.schemas.redaction import reader
from models.access import Permission


class CustomerNameSchema(Schema):
    """How to greet a customer. Until the match is confirmed only initials, and when they were last in this store."""

    confirmed = fields.Boolean(
        metadata=described(
            "Whether it is safe to greet them by name: somebody confirmed the match, or the contact was used in this "
            "store within a year."
        )
    )
    name = fields.String(
        allow_none=True,
        metadata=described("The preferred name, else the first one; null until the match is confirmed."),
    )
    pronunciation = fields.String(
        allow_none=True, metadata=described("How to say the name; null until the match is confirmed.")
    )
    initials = fields.String(allow_none=True, metadata=described("The initials, such as `A. F.`; null without a name."))
    last_here = fields.Date(
        format="%Y-%m",
        allow_none=True,
        metadata={
            **described("In which month, such as 2026-03, this store heard from them before; null if never."),
            "format": "",
            "pattern": "^[0-9]{4}-[0-9]{2}$",
        },
    )


class CustomerNameField(fields.Nested):
    """The name of a customer; null where nobody is named, and for whoever may not read profiles."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            CustomerNameSchema,
            allow_none=True,
            metadata=described("How to greet the customer; null without one, and for readers of figures only."),
            **options,
        )

    def _serialize(self, *arguments: Any, **keywords: Any) -> Any:
        return super()._serialize(*arguments, **keywords) if reader().may(Permission.CUSTOMER_READ) else None


class ConcernNamesSchema(Schema):
    """Names of the customer and the place of a concern, for what belongs to it."""

    customer_name = CustomerNameField(attribute="concern.customer_name")
    place_name = NameInLanguage("place", path="concern.place")
