"""Signing in."""

from marshmallow import fields

from api.schemas.base import Instant, Schema, Words
from api.schemas.staff import StaffSchema


class SignInSchema(Schema):
    """Organization, login and password."""

    organization = Words(60, least=1, required=True)
    login = Words(60, least=1, required=True)
    password = Words(200, least=1, required=True, load_only=True)


class SessionSchema(Schema):
    """A new session with its token, which is shown once."""

    token = fields.String(required=True)
    expires_at = Instant(required=True)
    staff = fields.Nested(StaffSchema, required=True)
