"""E-mail channel: one SMTP conversation per message with the organization's mail server, without retries of its own."""

import contextlib
import ipaddress
import re
import smtplib
import ssl
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from models.alerts.notification import SIGN_IN_KINDS, NotificationKind
from models.staff.staff import MAILBOX, Staff
from notifications.channels.base import DeliveryResult, Message, MessageKind, PersonChannel, one_line

if TYPE_CHECKING:
    from config import Config

TIMEOUT_SECONDS = 10.0
"""Limit for connecting and for each answer. A whole conversation gets three times as long, well within a lease."""

SEVEN_BIT_POLICY = SMTP.clone(cte_type="7bit")  # every server accepts it, whether it offers 8BITMIME or not

# Answers to RCPT that mean that the mailbox does not exist (RFC 5321, 3463, 7504). A server may also answer 550 to turn
# down the sender; its enhanced code, where it has one, tells the two apart.
UNKNOWN_MAILBOX_CODES = frozenset({550, 551, 553, 556})
UNKNOWN_MAILBOX_ENHANCED_CODES = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
SERVICE_NOT_AVAILABLE = 421  # says it of the whole server, whatever the command (RFC 5321)
ENHANCED = re.compile(rb"5\.\d{1,3}\.\d{1,3}\b")


class _SmtpWithDeadline(smtplib.SMTP):
    """SMTP connection with a deadline for the whole conversation, however slowly a server answers line by line."""

    ends_at: float | None = None

    def getreply(self) -> tuple[int, bytes]:
        now = time.monotonic()
        if self.ends_at is None:
            self.ends_at = now + 3 * self.timeout
        if self.sock is not None:
            self.sock.settimeout(min(self.timeout, max(self.ends_at - now, 0.001)))
        return super().getreply()


class _SmtpsWithDeadline(_SmtpWithDeadline, smtplib.SMTP_SSL):
    """SMTP connection with a deadline, encrypted from the first byte."""


class MailChannel:
    """Sends messages as plain text mails."""

    def __init__(
        self, url: str, sender: str, *, public_url: str | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        """Set up the channel without connecting.

        Args:
            url: `smtp://user:password@host:587` (STARTTLS) or `smtps://...`.
            sender: the sender as it stands in From.
            public_url: address of the application for people; without it no mail contains a link.
            timeout: seconds for connecting and for each answer.

        """
        parts = urlsplit(url)
        self._host, self._over_tls = parts.hostname or "", parts.scheme == "smtps"
        self._port = parts.port or (465 if self._over_tls else 587)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender, self._public_url, self._timeout = sender, public_url, timeout
        self._sender_address = parseaddr(sender)[1]

    def deliver(self, message: Message) -> DeliveryResult:
        """Send one mail. A withdrawal is refused, because a mail cannot be taken back."""
        if message.kind is MessageKind.WITHDRAW:
            return DeliveryResult.refused("mail-stays")
        if not MAILBOX.fullmatch(message.recipient.address):
            return DeliveryResult.gone("invalid-address")
        try:
            smtp = self._open()
        except OSError as error:
            return _connection_result(error)
        try:
            return self._send(smtp, message)
        except OSError as error:
            return DeliveryResult.later(_failure_reason(error))
        finally:
            smtp.close()

    def close(self) -> None:
        """Do nothing: no connection stays open between two mails."""

    def _open(self) -> smtplib.SMTP:
        """Connect, encrypt and sign in. TLS may be missing only for a server on this machine that does not offer it."""
        tls = ssl.create_default_context()
        if self._over_tls:
            smtp: smtplib.SMTP = _SmtpsWithDeadline(self._host, self._port, timeout=self._timeout, context=tls)
        else:
            smtp = _SmtpWithDeadline(self._host, self._port, timeout=self._timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            if not self._over_tls and (smtp.has_extn("starttls") or not _is_this_machine(self._host)):
                smtp.starttls(context=tls)
            if self._user:
                smtp.login(self._user, self._password)
        except OSError:
            smtp.close()
            raise
        return smtp

    def _send(self, smtp: smtplib.SMTP, message: Message) -> DeliveryResult:
        mail = self._mail(message)
        code, _ = smtp.mail(self._sender_address)
        if not _is_success(code):  # the server would take no mail from this sender
            return DeliveryResult.later(f"smtp-{code}", alarm=_is_permanent_failure(code))
        code, answer = smtp.rcpt(message.recipient.address)
        if not _is_success(code):
            return _mailbox_result(code, answer)
        try:
            code, _ = smtp.data(mail.as_bytes())
        except smtplib.SMTPDataError as error:
            return _rejection_result(error.smtp_code)
        except OSError as error:
            return DeliveryResult.later(_failure_reason(error), unsure=True)
        if not _is_success(code):
            return _rejection_result(code)
        with contextlib.suppress(OSError):
            smtp.putcmd("QUIT")
        return DeliveryResult.sent(mail["Message-ID"])

    def _mail(self, message: Message) -> EmailMessage:
        """Build the mail. Only its date differs between attempts; the Message-ID marks copies as such."""
        title = one_line(message.title)
        lines = [title, message.body] if message.text is None else message.text.split("\n")
        if message.path and self._public_url:
            lines += ["", self._public_url + message.path]
        mail = EmailMessage(policy=SEVEN_BIT_POLICY)
        mail["From"], mail["To"], mail["Subject"] = self._sender, message.recipient.address, title
        mail["Date"] = format_datetime(message.sent_at)
        mail["Message-ID"] = f"<{message.notification_id}@{self._sender_address.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # keeps automatic replies from answering (RFC 3834)
        mail.set_content("".join(f"{one_line(line)}\n" for line in lines))
        return mail


def _connection_result(error: OSError) -> DeliveryResult:
    """Return the result of a failed connection: try again later, with an alarm where only an operator can help."""
    match error:
        case ssl.SSLCertVerificationError():
            return DeliveryResult.later("certificate-refused", alarm=True)
        case smtplib.SMTPNotSupportedError():
            return DeliveryResult.later("no-tls-or-no-login-offered", alarm=True)
        case smtplib.SMTPAuthenticationError() if _is_permanent_failure(error.smtp_code):
            return DeliveryResult.later("credentials-refused", alarm=True)
        case smtplib.SMTPResponseException():
            return DeliveryResult.later(f"smtp-{error.smtp_code}", alarm=_is_permanent_failure(error.smtp_code))
        case _:
            return DeliveryResult.later(_failure_reason(error))


def _failure_reason(error: OSError) -> str:
    """Return the reason code of an error. A time-out may be in the context, because smtplib reports it as closed."""
    late = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    return "timed-out" if late else "unreachable"


def _mailbox_result(code: int, answer: bytes) -> DeliveryResult:
    """Return the result of a refused RCPT. A full, locked or greylisted mailbox says nothing about the server."""
    if _is_permanent_failure(code):
        return DeliveryResult.gone("unknown-mailbox") if _is_unknown_mailbox(code, answer) else _rejection_result(code)
    return _rejection_result(code) if code == SERVICE_NOT_AVAILABLE else DeliveryResult.later("mailbox-unavailable")


def _rejection_result(code: int) -> DeliveryResult:
    return (
        DeliveryResult.refused(f"smtp-{code}") if _is_permanent_failure(code) else DeliveryResult.later(f"smtp-{code}")
    )


def _is_unknown_mailbox(code: int, answer: bytes) -> bool:
    enhanced = ENHANCED.match(answer)
    return enhanced.group().decode() in UNKNOWN_MAILBOX_ENHANCED_CODES if enhanced else code in UNKNOWN_MAILBOX_CODES


def _is_success(code: int) -> bool:
    return 200 <= code < 300


def _is_permanent_failure(code: int) -> bool:
    """Whether another try is useless. Other codes (4xx, and unreadable answers) are worth another try."""
    return 500 <= code < 600


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _connect(config: "Config") -> MailChannel | None:
    if config.smtp_url is None or config.smtp_from is None:
        return None
    return MailChannel(config.smtp_url, config.smtp_from, public_url=config.public_url)


def _address_of(staff: Staff) -> str | None:
    return staff.email


EMAIL = PersonChannel(
    name="email",
    kinds=SIGN_IN_KINDS | {NotificationKind.UNANSWERED, NotificationKind.BROKEN, NotificationKind.DAILY_LOG},
    address_of=_address_of,
    connect=_connect,
)
