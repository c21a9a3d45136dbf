"""HTTP server of the fake of Firebase Cloud Messaging: two paths, kept-alive connections, no log."""

import json
import socket
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import uuid4

from tests.support.fakes.fcm_answers import Answer

if TYPE_CHECKING:
    from tests.support.fakes.fcm import FcmStandIn


Connection = socket.socket | tuple[bytes, socket.socket]


class FcmServer(ThreadingHTTPServer):
    """One thread per connection; closing it ends all of them."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], stand_in: "FcmStandIn") -> None:
        self.stand_in = stand_in
        self._open: set[Connection] = set()
        self._lock = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Connection, client_address: object) -> None:
        """Track the connection: an idle kept-alive one would otherwise keep its thread alive for ever."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        """Forget the connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close the port, then every connection, then wait for the threads."""
        with self._lock:
            for connection in self._open:
                _hang_up(connection)
        super().server_close()

    def handle_error(self, request: Connection, client_address: object) -> None:
        """Say nothing: a sender that went away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or a delayed acknowledgement costs 40 ms per message
    disable_nagle_algorithm = True
    server: FcmServer

    def do_POST(self) -> None:
        fcm = self.server.stand_in
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/token":
            self._token(body.decode())
        elif self.path == f"/v1/projects/{fcm.project}/messages:send":
            scheme, _, bearer = self.headers.get("Authorization", "").partition(" ")
            answer = fcm.receive(self.path, bearer if scheme == "Bearer" else None, json.loads(body)["message"])
            name = f"projects/{fcm.project}/messages/{uuid4()}"
            self._give(answer, {"name": name} if answer.status == HTTPStatus.OK else {})
        else:
            self._send(404, {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}, {})

    def _token(self, form: str) -> None:
        fcm = self.server.stand_in
        fcm.count_token_request()
        if fcm.token_answer is not None:
            self._give(fcm.token_answer, {})
            return
        fields = parse_qs(form)
        token = fcm.grant(fields.get("grant_type", [""])[0], fields.get("assertion", [""])[0])
        if token is None:
            self._send(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, {})
        else:
            body = {"access_token": token, "expires_in": fcm.token_seconds, "token_type": "Bearer"}
            self._send(200, body, {})

    def _give(self, answer: Answer, body: dict[str, Any]) -> None:
        if isinstance(answer.hold, Event):
            answer.hold.wait()
        elif answer.hold is not None:
            self.server.stand_in.closing.wait(answer.hold)
        if answer.drops:
            self.close_connection = True
            _hang_up(self.connection)
        else:
            self._send(answer.status, answer.body if answer.body is not None else body, answer.headers, answer.raw)

    def _send(self, status: int, body: object, headers: Mapping[str, str], raw: bytes | None = None) -> None:
        content = json.dumps(body).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _hang_up(connection: Connection) -> None:
    if isinstance(connection, tuple):
        return  # a datagram, which this server never has
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
