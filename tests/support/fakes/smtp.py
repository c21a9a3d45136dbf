"""Fake of a mail server: speaks SMTP on a port of this machine, records every mail, fails on request.

In a test: `with SmtpStandIn() as smtp: Email(smtp.url, "amends@example.com")`.
"""

import base64
import socketserver
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Event, Lock, Thread
from typing import Any, Self

DROP, HANG = "drop", "hang"
"""Instead of an answer: close the connection, or say nothing."""


@dataclass
class Mail:
    """One mail that was taken."""

    sender: str
    to: list[str]
    raw: bytes
    encrypted: bool
    signed_in_as: str | None

    @property
    def message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class SmtpStandIn:
    """`answers` says how to answer a command other than with yes: `{"RCPT": "550 5.1.1 nobody"}`.

    Its keys are the commands, and GREETING, TEXT (what comes after the mail itself) and AUTH. `tls` makes it offer
    STARTTLS, `wrapped` speak TLS from the first byte. `drip` (seconds) delays each answer.
    """

    tls: ssl.SSLContext | None = None
    wrapped: bool = False
    accounts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    mails: list[Mail] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.stand_in = self
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="smtp")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{'smtps' if self.wrapped else 'smtp'}://127.0.0.1:{self.port}"


class _Server(socketserver.ThreadingTCPServer):
    stand_in: SmtpStandIn

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that goes away is what many tests are about."""


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server
    sender, to, signed_in_as = "", [], None  # type: ignore[var-annotated]
    encrypted = False

    def setup(self) -> None:
        self.smtp = self.server.stand_in
        if self.smtp.wrapped:
            self._encrypt()
        super().setup()

    def handle(self) -> None:
        if not self._answer("GREETING", "220 stand-in"):
            return
        while line := self.rfile.readline():  # which is another file after STARTTLS
            command, _, argument = line.decode().strip().partition(" ")
            self.smtp.heard.append(command.upper())
            if not getattr(self, f"on_{command.lower()}")(argument):
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the server closes the socket it knows, which is another one once it is encrypted

    def on_ehlo(self, _argument: str) -> bool:
        offered = ["stand-in"]
        if self.smtp.tls and not self.encrypted:
            offered.append("STARTTLS")
        if self.smtp.accounts:
            offered.append("AUTH PLAIN")
        *first, last = offered
        return self._answer("EHLO", "\r\n".join([*(f"250-{line}" for line in first), f"250 {last}"]))

    def on_starttls(self, _argument: str) -> bool:
        if not self._answer("STARTTLS", "220 go ahead"):
            return False
        self._encrypt()
        super().setup()
        return True

    def on_auth(self, argument: str) -> bool:
        _, user, password = base64.b64decode(argument.removeprefix("PLAIN ")).decode().split("\0")
        known = self.smtp.accounts.get(user) == password
        self.signed_in_as = user if known else None
        return self._answer("AUTH", "235 2.7.0 welcome" if known else "535 5.7.8 wrong")

    def on_mail(self, argument: str) -> bool:
        self.sender, self.to = argument[argument.index("<") + 1 : argument.index(">")], []
        return self._answer("MAIL", "250 2.1.0 ok")

    def on_rcpt(self, argument: str) -> bool:
        self.to.append(argument[argument.index("<") + 1 : argument.index(">")])
        return self._answer("RCPT", "250 2.1.5 ok")

    def on_data(self, _argument: str) -> bool:
        if not self._answer("DATA", "354 go ahead"):
            return False
        if self.smtp.answers.get("DATA", "354").startswith("354"):
            lines = iter(self.rfile.readline, b".\r\n")
            raw = b"".join(line.removeprefix(b".") for line in lines)
            if not self.smtp.answers.get("TEXT", "250").startswith(("4", "5")):
                with self.smtp.lock:
                    self.smtp.mails.append(Mail(self.sender, self.to, raw, self.encrypted, self.signed_in_as))
            return self._answer("TEXT", "250 2.0.0 taken")
        return True

    def on_rset(self, _argument: str) -> bool:
        return self._answer("RSET", "250 ok")

    def on_quit(self, _argument: str) -> bool:
        return False

    def _answer(self, command: str, usual: str) -> bool:
        answer = self.smtp.answers.get(command, usual)
        if self.smtp.drip:
            self.smtp.closing.wait(self.smtp.drip)
        if answer == HANG:
            self.smtp.closing.wait()
        if answer in (HANG, DROP):
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return True

    def _encrypt(self) -> None:
        assert self.smtp.tls is not None
        encrypted: Any = self.smtp.tls.wrap_socket(self.request, server_side=True)
        self.request, self.encrypted = encrypted, True
