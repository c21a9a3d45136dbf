"""Own password and PIN."""

from api.schemas.base import Password, Schema, Text


class PutPasswordSchema(Schema):
    """The present password and the new one."""

    current_password = Password(required=True)
    new_password = Password(required=True)


class PutPinSchema(Schema):
    """A new six-digit PIN, and the present password; who has none sends the present PIN."""

    current_password = Password()
    current_pin = Text(6, least=6, load_only=True)
    pin = Text(6, least=6, required=True, load_only=True)
