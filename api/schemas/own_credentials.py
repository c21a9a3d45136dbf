"""Own password and PIN."""

from api.schemas.base import Password, Schema, Text, described


class PutPasswordSchema(Schema):
    """The present password and the new one."""

    current_password = Password(required=True, metadata=described("The present password."))
    new_password = Password(required=True)


class PutPinSchema(Schema):
    """A new six-digit PIN, and the present password; who has none sends the present PIN."""

    current_password = Password(metadata=described("The present password; whoever has none sends the present PIN."))
    current_pin = Text(6, least=6, load_only=True)
    pin = Text(6, least=6, required=True, load_only=True, metadata=described("The new PIN, of six digits."))
