"""Push channel: Firebase Cloud Messaging through firebase-admin, one POST per message.

Retries and pauses belong to the outbox, so everything in the libraries that would try again by itself is switched off
here, in `_disable_retries`. That needs private names of firebase-admin and google-auth; the tests of this file run
against the real libraries and fail if a name moves.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import RefreshError
from google.auth.transport import DEFAULT_RETRYABLE_STATUS_CODES
from google.auth.transport.requests import Request
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from notifications.channels.base import DeliveryResult, Message
from notifications.channels.push.message import message_for
from notifications.channels.push.result import result_of

TIMEOUT_SECONDS = 10.0
"""Limit for connecting and for each read, of the send and of the token before it; the libraries' default is 120 s."""

CONNECTIONS = 32
FCM = "https://fcm.googleapis.com"

# Long past, and without a zone because google-auth compares with its own zoneless clock.
_EXPIRED = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)


class PushChannel:
    """Sends messages through Firebase Cloud Messaging."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._credential = app.credential.get_credential()

    @classmethod
    def from_credentials(
        cls,
        path: str | Path,
        endpoint: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Self:
        """Open the channel with a service account's JSON file; nothing is sent or fetched yet.

        With `endpoint` (`http://127.0.0.1:8971`) the messages go there instead of to Google; where the token comes
        from is in the file. Raises OSError or ValueError when the file is missing or not a service account.
        """
        # The name is unique because firebase-admin keeps its apps in one table per process.
        app = firebase_admin.initialize_app(
            credentials.Certificate(str(path)),
            {"httpTimeout": timeout},
            name=f"push-{uuid4()}",
        )
        push = cls(app)
        push._disable_retries(endpoint)
        return push

    def deliver(self, message: Message) -> DeliveryResult:
        """Send one message with one POST. Errors that are not in RESULTS are raised."""
        fcm_message = message_for(message)
        try:
            name = messaging.send(fcm_message, app=self._app)
        except Exception as error:
            self._expire_refused_token(error)
            result = result_of(error, message.sent_at)
            if result is None:
                raise
            return result
        return DeliveryResult.sent(name)

    def close(self) -> None:
        """Close the connections; no message is delivered afterwards."""
        session = self._session()
        firebase_admin.delete_app(self._app)
        session.close()

    def _session(self) -> Any:
        return messaging._get_messaging_service(self._app)._client.session  # noqa: SLF001 - it is not public

    def _disable_retries(self, endpoint: str | None) -> None:
        session = self._session()
        # firebase-admin would repeat a POST after a drop, a time-out, a 500 or a 503 (a second ring on the phone),
        # and would sleep through a Retry-After with our lease running out.
        session.mount(FCM, _adapter_without_retries() if endpoint is None else _Redirect(endpoint))
        # google-auth would fetch a new token after a 401 and post again, twice.
        session._max_refresh_attempts = 0  # noqa: SLF001 - an argument of a constructor that is not called here
        session._auth_request_session.close()  # noqa: SLF001 - replaced by a plain one, which has no retries
        session._auth_request_session = tokens = Session()  # noqa: SLF001 - so that close() reaches it
        session._auth_request = _TokenRequest(tokens)  # noqa: SLF001 - likewise
        if endpoint is not None:
            # The endpoint is meant as it stands: not through a proxy from the environment, and without google-auth's
            # look-up of a "regional access boundary", which asks Google in the background after the first token.
            session.trust_env = tokens.trust_env = False
            self._credential._is_regional_access_boundary_lookup_required = lambda: False  # noqa: SLF001 - no option

    def _expire_refused_token(self, error: Exception) -> None:
        """After a 401, make the next attempt fetch a new token: otherwise a revoked one would be used for an hour."""
        if not isinstance(error, exceptions.UnauthenticatedError) or isinstance(error, messaging.ThirdPartyAuthError):
            return
        request = getattr(error.http_response, "request", None)
        refused_header = request.headers.get("Authorization", "") if request is not None else ""
        # Another thread may have fetched a new one in the meantime; that one stays.
        if refused_header == f"Bearer {self._credential.token}":
            self._credential.expiry = _EXPIRED


def _adapter_without_retries() -> HTTPAdapter:
    return HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)


class _Redirect(HTTPAdapter):
    """Adapter that sends requests to Google to another endpoint."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        super().__init__(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        request.url = (request.url or "").replace(FCM, self._endpoint, 1)
        return super().send(request, *args, **kwargs)


class _TokenRequest(Request):
    """Request of a token without retries; google-auth would try three times and sleep in between."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        response = super().__call__(*args, **kwargs)  # type: ignore[no-untyped-call] # it has no types
        if response.status in DEFAULT_RETRYABLE_STATUS_CODES:
            raise RefreshError(f"the token endpoint answered {response.status}", retryable=True)  # type: ignore[no-untyped-call] # likewise
        return response
