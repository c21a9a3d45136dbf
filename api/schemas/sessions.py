"""Signing in."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from api.schemas.base import Instant, Password, Pattern, Schema, SignInName, Words, at_least, described
from api.schemas.redaction import reader
from api.schemas.staff import StaffSchema
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.device import Platform

PROOF_HELP = "What their last sign-in on this phone, or a code redeemed since, answered; any other text counts as none."
CODE_HELP = "The code of the authenticator app, or a recovery code, for whoever has a second factor."


PASSWORD_FIELDS, PIN_FIELDS = ("organization", "login", "password"), ("device_secret", "staff_id", "pin")
ONLY_WITH_PASSWORD = (*PASSWORD_FIELDS, "code", "device_proof")


class SignInSchema(Schema):
    """Organization, login and password, and the code of whoever has a second factor.

    On a shared phone also its `device_secret`, or that with `staff_id` and `pin` instead of the password.
    """

    document = at_least(len(PIN_FIELDS))

    organization = SignInName()
    login = SignInName()
    password = Password(metadata=described("Their password, exactly as it was set."))
    code = Words(60, least=1, load_only=True, allow_none=True, metadata={"description": CODE_HELP})
    device_proof = Words(1000, load_only=True, allow_none=True, metadata={"description": PROOF_HELP})
    device_secret = Words(200, least=1, load_only=True, metadata={"description": "Of a shared phone."})
    staff_id = fields.UUID(metadata={"description": "Whose PIN it is: see `GET /v1/enrolments/current/staff`."})
    pin = fields.String(
        load_only=True,
        validate=Pattern("^[0-9]{6}$", error="A PIN has six digits."),
        metadata=described("Their PIN, of six digits."),
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_fields(self, _data: dict[str, Any], original: Any, **_: Any) -> None:
        """Refuse what is missing or too much. A field that has an error of its own was sent all the same."""
        sent = {name for name, value in original.items() if value is not None} if isinstance(original, dict) else set()
        is_pin = "pin" in sent or "staff_id" in sent
        needed, forbidden = (PIN_FIELDS, ONLY_WITH_PASSWORD) if is_pin else (PASSWORD_FIELDS, ())
        errors = {name: ["Missing data for required field."] for name in needed if name not in sent}
        errors |= {name: ["Unknown field."] for name in forbidden if name in sent}
        if errors:
            raise ValidationError(errors)


class SessionSchema(Schema):
    """A new session with its token, which is shown once."""

    token = fields.String(required=True)
    expires_at = Instant(required=True)
    staff = fields.Nested(StaffSchema, required=True, metadata=described("Who is signed in."))
    device_proof = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "For the next sign-in of this person on this phone; null after one with a PIN."},
    )


class SessionDeviceSchema(Schema):
    """The phone of a sign-in. Shared phones have names."""

    id = fields.UUID(metadata=described("The id of the phone."))
    name = fields.String(
        allow_none=True, metadata=described("How people call the phone, such as `bar`; null for a personal one.")
    )
    platform = fields.Enum(Platform, by_value=True)


class MySessionSchema(Schema):
    """A sign-in of one's own."""

    id = fields.UUID()
    created_at = Instant()
    last_used_at = Instant(attribute="seen_at", metadata={"description": "When it was last used, to the minute."})
    expires_at = Instant(metadata={"description": "When it ends, unless it is used before."})
    method = fields.Enum(SignInMethod, by_value=True)
    device = fields.Nested(
        SessionDeviceSchema,
        allow_none=True,
        metadata=described("The phone of the sign-in; null where it named none."),
    )
    current = fields.Method("is_current", metadata={"type": "boolean", "description": "This very sign-in."})

    def is_current(self, sign_in: StaffSession) -> Any:
        return sign_in.id == reader().session_id
