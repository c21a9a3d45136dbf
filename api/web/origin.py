"""Where a request came from: the sign-in, the phone, and the browser at an address."""

import hmac

from flask import request

from api.web.auth import find_signed_in
from api.web.keys import fingerprint_key
from models.recovery.feedback_request import Origin


def origin_of_request() -> Origin:
    """Return where the present request came from. On a public page, too, a sign-in is seen where one was sent."""
    actor = find_signed_in()
    seen = f"{request.remote_addr}\n{request.user_agent.string}".encode()
    return Origin(
        session_id=actor.session_id if actor else None,
        device_id=actor.device_id if actor else None,
        fingerprint=hmac.digest(fingerprint_key(), seen, "sha256").hex(),
    )
