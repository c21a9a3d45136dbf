"""One-time codes, and what is set with them."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from api.links import public_url
from api.schemas.base import Instant, Password, Schema, ShownOnce, SignInName, Text, Words, at_least, described

MAX_CODE_LENGTH = 200


class LinkOfCode(fields.String):
    """The address of the page on which a code is redeemed; null where the code is not shown any more."""

    def __init__(self, **options: Any) -> None:
        description = "The page on which the code is redeemed, for a person. Shown once, like the code."
        super().__init__(allow_none=True, metadata={"description": description}, **options)

    def serialize(self, _attr: str, obj: Any, *_: Any, **__: Any) -> str | None:
        """Return the address made from the secret of the object, which another field shows."""
        return None if obj.secret is None else public_url("i", obj.secret)


class NewInvitationSchema(Schema):
    """A new code; nothing has to be said about it."""

    id = fields.UUID()


class InvitationSchema(Schema):
    """A one-time code with which a person sets their password or PIN."""

    id = fields.UUID()
    staff_id = fields.UUID(metadata=described("The id of the person whose password or PIN it sets."))
    code = ShownOnce()
    link = LinkOfCode()
    expires_at = Instant()


class RedeemInvitationSchema(Schema):
    """A code, and the password or the six-digit PIN to set, or both. The PIN is for shared phones."""

    document = at_least(2)

    code = Words(
        MAX_CODE_LENGTH,
        least=1,
        required=True,
        load_only=True,
        metadata=described("The code that a manager made for the person: see `POST /v1/staff/{staff_id}/invitations`."),
    )
    password = Password(metadata=described("The new password; 10 characters at least, or what the organization sets."))
    pin = Text(6, least=6, load_only=True, metadata=described("The new PIN for shared phones, of six digits."))

    @validates_schema
    def sets_something(self, data: dict[str, Any], **_: Any) -> None:
        if not data.keys() & {"password", "pin"}:
            raise ValidationError("Send a password, a PIN or both.")


class InvitationFormSchema(Schema):
    """What is filled in on the page of a code."""

    password = Password()
    password_again = Text(200, load_only=True)
    pin = Text(6, least=6, load_only=True)


class RedeemPasswordResetSchema(Schema):
    """A code that came by mail, and the password to set."""

    code = Words(
        MAX_CODE_LENGTH, least=1, required=True, load_only=True, metadata=described("The code that came by mail.")
    )
    password = Password(
        required=True, metadata=described("The new password; 10 characters at least, or what the organization sets.")
    )


class PasswordResetSchema(Schema):
    """Whose password is forgotten."""

    organization = SignInName(required=True)
    login = SignInName(required=True)


class RedeemedSchema(Schema):
    """What to sign in with, besides the new password or PIN."""

    organization = fields.String(required=True)
    login = fields.String(required=True)
    device_proof = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "For the first sign-in with the new password on this phone; null for a PIN alone."},
    )
