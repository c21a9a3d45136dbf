"""Fake of Firebase Cloud Messaging: speaks HTTP v1, records every POST, fails on request.

In a test: `with FcmStandIn(tmp_path) as fcm: Push.from_credentials(fcm.credentials, fcm.url)`.
By hand: `python -m tests.support.fakes.fcm --port 8971 --credentials var/fcm` prints what arrives, one JSON line each.
"""

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from threading import Condition, Event, Thread
from typing import Any, Self
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.support.fakes.fcm_answers import ANSWERS, Answer, ok, slow, unauthenticated
from tests.support.fakes.fcm_http import FcmServer

PATIENCE_SECONDS = 30.0
AUDIENCE = "https://oauth2.googleapis.com/token"
SCOPES = {
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/firebase.messaging",
}
"""Either allows to send."""


@dataclass(frozen=True)
class Post:
    """One POST as it arrived; `at` is the machine's monotonic clock in seconds."""

    at: float
    path: str
    bearer: str | None
    message: dict[str, Any]
    outcome: str
    accepted: bool

    @property
    def address(self) -> str:
        """Where the message was to go."""
        return str(self.message.get("token") or self.message.get("fid") or "")

    @property
    def notification_id(self) -> str:
        """The id that stays the same over every attempt."""
        return str(self.message.get("data", {}).get("notification_id", ""))


class FcmStandIn:
    """The server, what it answers next, and what it has seen. Every method may be called from any thread.

    Set `answer` (for everybody), `answers[address]` (for one phone) or `queue(...)` (for the next POSTs, whoever they
    are for; goes first). `token_answer` does the same for the token endpoint: None grants.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        project: str = "stand-in",
        on_post: Callable[[Post], None] | None = None,
    ) -> None:
        self.answer: Answer = ok()
        self.answers: dict[str, Answer] = {}
        self.token_answer: Answer | None = None
        self.token_seconds = 3600
        self.token_requests = 0
        self.project = project
        self.closing = Event()
        self._on_post = on_post
        self._queue: deque[Answer] = deque()
        self._posts: list[Post] = []
        self._tokens: set[str] = set()
        self._held: set[Event] = set()
        self._changed = Condition()
        self._server = FcmServer(("127.0.0.1", port), self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="fcm")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        folder.mkdir(parents=True, exist_ok=True)
        self.credentials = folder / "service-account.json"
        self._key = _key_of(self.credentials) or _new_key()
        self.credentials.write_text(json.dumps(self.service_account(), indent=2), encoding="utf-8")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # What a test says.

    def queue(self, *answers: Answer) -> None:
        """Answer the next POSTs so, in this order, before anything else counts."""
        with self._changed:
            self._queue.extend(answers)

    def release(self) -> None:
        """Let go of every POST that hangs (or waits for an event) at this moment."""
        with self._changed:
            for event in self._held:
                event.set()

    def forget_tokens(self) -> None:
        """Treat every bearer token handed out so far as revoked."""
        with self._changed:
            self._tokens.clear()

    def forget_posts(self) -> None:
        """Start counting afresh."""
        with self._changed:
            self._posts.clear()

    def service_account(self, **changes: str) -> dict[str, str]:
        """Give the service account as its JSON file holds it, with changes."""
        account = {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": "1",
            "private_key": self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "client_email": f"push@{self.project}.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        return account | changes

    # What a test asks.

    @property
    def posts(self) -> list[Post]:
        """Every POST of a message, in the order of arrival."""
        with self._changed:
            return list(self._posts)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The message of every POST."""
        return [post.message for post in self.posts]

    @property
    def accepted(self) -> list[Post]:
        """The POSTs that a phone would show."""
        return [post for post in self.posts if post.accepted]

    def attempts(self, notification_id: UUID | str) -> int:
        """How many POSTs there were for one notification."""
        return sum(post.notification_id == str(notification_id) for post in self.posts)

    def wait_for(self, n: int, timeout: float = PATIENCE_SECONDS, *, accepted: bool = False) -> list[Post]:
        """Wait until `n` POSTs have arrived (or were accepted); raises TimeoutError after `timeout` seconds."""

        def seen() -> list[Post]:
            return [post for post in self._posts if post.accepted or not accepted]

        with self._changed:
            if not self._changed.wait_for(lambda: len(seen()) >= n, timeout):
                raise TimeoutError(f"waited {timeout} s for {n} POSTs, saw {len(seen())}")
            return seen()

    # What the server asks.

    def receive(self, path: str, bearer: str | None, message: dict[str, Any]) -> Answer:
        """Record a POST and say how to answer it."""
        with self._changed:
            address = str(message.get("token") or message.get("fid") or "")
            if bearer not in self._tokens:
                answer = unauthenticated()
            elif self._queue:
                answer = self._queue.popleft()
            else:
                answer = self.answers.get(address, self.answer)
            post = Post(time.monotonic(), path, bearer, message, answer.name, answer.accepts)
            self._posts.append(post)
            if isinstance(answer.hold, Event):
                self._held.add(answer.hold)
                if self.closing.is_set():
                    answer.hold.set()
            if self._on_post is not None:
                self._on_post(post)
            self._changed.notify_all()
        return answer

    def grant(self, grant_type: str, assertion: str) -> str | None:
        """Hand out a bearer token for an assertion that our service account has signed; None if it has not."""
        if grant_type != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return None
        try:
            # Not the times in it: a test may have moved the sender's clock.
            claims = jwt.decode(
                assertion,
                self._key.public_key(),
                algorithms=["RS256"],
                audience=AUDIENCE,
                issuer=self.service_account()["client_email"],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            return None
        if SCOPES.isdisjoint(claims.get("scope", "").split()):
            return None
        token = f"bearer-{uuid4()}"
        with self._changed:
            self._tokens.add(token)
        return token

    def count_token_request(self) -> None:
        """Count a visit to the token endpoint, whatever the answer."""
        with self._changed:
            self.token_requests += 1
            self._changed.notify_all()


@cache
def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _key_of(credentials: Path) -> rsa.RSAPrivateKey | None:
    # A stand-in that comes back after an outage has to know the senders it had before.
    if not credentials.exists():
        return None
    key = load_pem_private_key(json.loads(credentials.read_text(encoding="utf-8"))["private_key"].encode(), None)
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def _print(post: Post) -> None:
    sys.stdout.write(json.dumps(asdict(post) | {"bearer": post.bearer is not None}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.fakes.fcm", description=__doc__)
    parser.add_argument("--port", type=int, default=8971)
    parser.add_argument("--credentials", type=Path, required=True, help="folder for service-account.json")
    parser.add_argument("--delay-ms", type=int, default=0, help="before each accepted message is answered")
    parser.add_argument("--mode", choices=sorted(ANSWERS), default="ok")
    args = parser.parse_args()
    with FcmStandIn(args.credentials, port=args.port, on_post=_print) as fcm:
        delayed = args.mode == "ok" and args.delay_ms
        fcm.answer = slow(args.delay_ms / 1000) if delayed else ANSWERS[args.mode]()
        sys.stderr.write(f"FCM_ENDPOINT={fcm.url}  credentials: {fcm.credentials}\n")
        sys.stderr.flush()
        try:
            fcm.closing.wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
