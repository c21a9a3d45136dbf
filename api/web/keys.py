"""Keys that are derived from SECRET_KEY, one for each purpose."""

from functools import cache

from flask import current_app

from models.staff.credentials.derived_key import derive_key


def pin_key() -> bytes:
    """Return the key that PINs are hashed with. Another SECRET_KEY makes every PIN a wrong one."""
    return _derived(current_app.config["SECRET_KEY"], "PINs")


_derived = cache(derive_key)
