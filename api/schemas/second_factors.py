"""Second factors: the authenticator app of a person."""

from marshmallow import fields

from api.schemas.base import Instant, Schema, ShownOnce, Words, described

SHOWN_ONCE = "Shown once, in the first answer; null in a replay."


class SecondFactorSchema(Schema):
    """A new second factor: its secret, and the same as the address that authenticator apps read from a QR code."""

    secret = ShownOnce()
    uri = fields.String(allow_none=True, metadata={"description": SHOWN_ONCE})


class ConfirmSecondFactorSchema(Schema):
    """The code that the authenticator app shows."""

    code = Words(
        20,
        least=1,
        required=True,
        load_only=True,
        metadata=described("The code that the authenticator app shows at this moment."),
    )


class ConfirmedSecondFactorSchema(Schema):
    """A second factor that counts, with a recovery code for each time the phone is not at hand."""

    confirmed_at = Instant()
    recovery_codes = fields.List(fields.String(), allow_none=True, metadata={"description": SHOWN_ONCE})
