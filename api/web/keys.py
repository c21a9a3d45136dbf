"""Keys that are derived from SECRET_KEY, one for each purpose."""

from functools import cache

from flask import current_app

from models.staff.credentials.derived_key import derive_key


def pin_key() -> bytes:
    """Return the key that PINs are hashed with. Another SECRET_KEY makes every PIN a wrong one."""
    return _derived(current_app.config["SECRET_KEY"], "PINs")


def second_factor_key() -> bytes:
    """Return the key that the secrets of second factors are encrypted with."""
    return _derived(current_app.config["SECRET_KEY"], "second factors")


def fingerprint_key() -> bytes:
    """Return the key of the digests of addresses and browsers."""
    return _derived(current_app.config["SECRET_KEY"], "fingerprints")


def device_proof_key() -> bytes:
    """Return the key of the digests by which a device proof is bound to a password."""
    return _derived(current_app.config["SECRET_KEY"], "device proofs")


def body_key() -> bytes:
    """Return the key that bodies of repeated requests are compared with: a PIN in one cannot be guessed from it."""
    return _derived(current_app.config["SECRET_KEY"], "bodies of requests")


_derived = cache(derive_key)
