"""Signing in."""

from typing import Any

from marshmallow import fields

from api.schemas.base import Instant, Schema, Words
from api.schemas.redaction import reader
from api.schemas.staff import StaffSchema
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.device import Platform

CODE_HELP = "The code of the authenticator app, or a recovery code, for whoever has a second factor."


class SignInSchema(Schema):
    """Organization, login and password, and the code of whoever has a second factor."""

    organization = Words(60, least=1, required=True)
    login = Words(60, least=1, required=True)
    password = Words(200, least=1, required=True, load_only=True)
    code = Words(60, least=1, load_only=True, allow_none=True, metadata={"description": CODE_HELP})


class SessionSchema(Schema):
    """A new session with its token, which is shown once."""

    token = fields.String(required=True)
    expires_at = Instant(required=True)
    staff = fields.Nested(StaffSchema, required=True)


class SessionDeviceSchema(Schema):
    """The phone of a sign-in. Shared phones have names."""

    id = fields.UUID()
    name = fields.String(allow_none=True)
    platform = fields.Enum(Platform, by_value=True)


class MySessionSchema(Schema):
    """A sign-in of one's own."""

    id = fields.UUID()
    created_at = Instant()
    last_used_at = Instant(attribute="seen_at", metadata={"description": "When it was last used, to the minute."})
    expires_at = Instant(metadata={"description": "When it ends, unless it is used before."})
    method = fields.Enum(SignInMethod, by_value=True)
    device = fields.Nested(SessionDeviceSchema, allow_none=True)
    current = fields.Method("is_current", metadata={"type": "boolean", "description": "This very sign-in."})

    def is_current(self, sign_in: StaffSession) -> Any:
        return sign_in.id == reader().session_id
