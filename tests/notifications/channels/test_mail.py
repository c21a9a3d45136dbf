"""The e-mail channel with a mail server: what arrives, and the delivery result of each answer."""

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config import Config
from notifications.__main__ import connect_channels
from notifications.channels.base import Channel, DeliveryOutcome, DeliveryResult, Message, MessageKind
from notifications.channels.log import LogChannel
from notifications.channels.mail import MailChannel
from tests.notifications.channels.conftest import NOON
from tests.support.fakes.smtp import DROP, HANG, SmtpStandIn

MakeMessage = Callable[..., Message]
SENDER = "Amends <amends@example.com>"
TOO_SHORT_SECONDS = 0.2
SENT, LATER, GONE, REFUSED = DeliveryOutcome


@pytest.fixture
def smtp() -> Iterator[SmtpStandIn]:
    with SmtpStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def email(smtp: SmtpStandIn) -> MailChannel:
    return MailChannel(smtp.url, SENDER)


@pytest.fixture
def mail(make_message: MakeMessage) -> MakeMessage:
    """A message to a manager's mailbox."""

    def to_a_mailbox(**changes: object) -> Message:
        return make_message(**{"channel": "email", "address": "boss@example.com"} | changes)

    return to_a_mailbox


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server at 127.0.0.1 shows to prove itself; this machine trusts it for the time of the test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_message_arrives_as_a_mail_of_plain_text(smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage) -> None:
    message = mail(title="Nobody answered, table 12", body="Waiting time")
    result = email.deliver(message)
    (taken,) = smtp.mails
    message_id = f"<{message.notification_id}@example.com>"
    assert result == DeliveryResult.sent(message_id)
    assert (taken.sender, taken.to) == ("amends@example.com", ["boss@example.com"])
    assert (taken.message["From"], taken.message["To"]) == (SENDER, "boss@example.com")
    assert taken.message["Subject"] == "Nobody answered, table 12"
    assert taken.message["Message-ID"] == message_id
    assert taken.message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(taken.message["Date"]) == NOON
    assert taken.message.get_content_type() == "text/plain"
    assert taken.message.get_content().splitlines() == ["Nobody answered, table 12", "Waiting time"]


def test_a_longer_text_arrives_in_its_lines_with_a_link_of_the_public_url(smtp: SmtpStandIn, mail: MakeMessage) -> None:
    message = mail(title="The day", body="of no use", text="The day\n\nOpen: 1\r\x00", path="/v1/stores")
    MailChannel(smtp.url, SENDER, public_url="https://amends.example.com").deliver(message)
    MailChannel(smtp.url, SENDER).deliver(message)
    lines = [taken.message.get_content().splitlines() for taken in smtp.mails]
    without = ["The day", "", "Open: 1"]
    assert lines == [[*without, "", "https://amends.example.com/v1/stores"], without]


def test_any_script_arrives_as_it_was(smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage) -> None:
    email.deliver(mail(title="Ninguém respondeu, 12番テーブル", body="Ждём · 👩\u200d🍳 · .\n. one dot"))
    (taken,) = smtp.mails
    assert taken.message["Subject"] == "Ninguém respondeu, 12番テーブル"
    assert "Ждём · 👩" in taken.message.get_content()
    assert taken.raw.isascii()
    assert taken.raw.count(b"\n") == taken.raw.count(b"\r\n")


def test_every_attempt_has_the_same_message_id(smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage) -> None:
    message = mail()
    smtp.answers["TEXT"] = DROP
    assert email.deliver(message).unsure
    del smtp.answers["TEXT"]
    email.deliver(replace(message, sent_at=NOON + timedelta(minutes=1)))
    first, second = smtp.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.message["Date"] != second.message["Date"]


@pytest.mark.parametrize(
    "text", ["a\r\nBcc: all@example.com", "a\nBcc: all@example.com\n\nb", "a\rBcc: x", "a\x00\x1b"]
)
def test_no_text_can_become_a_header(smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage, text: str) -> None:
    assert email.deliver(mail(title=text, body=text)).outcome is SENT
    (taken,) = smtp.mails
    assert taken.message["Bcc"] is None
    assert "\n" not in taken.message["Subject"]
    assert len(taken.message.get_content().splitlines()) == 2
    assert set(taken.message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "a@b@c",
        "a b@example.com",
        "a@example.com\r\nRCPT TO:<all@example.com>",
        "a@x,b@y",
        "<a@b.c>",
        "é@b.c",
        "",
    ],
)
def test_what_is_no_address_is_gone_and_no_server_hears_of_it(
    smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage, address: str
) -> None:
    assert email.deliver(mail(address=address)) == DeliveryResult.gone("invalid-address")
    assert smtp.heard == []


def test_a_mail_cannot_be_taken_back(smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage) -> None:
    assert email.deliver(mail(kind=MessageKind.WITHDRAW)) == DeliveryResult.refused("mail-stays")
    assert smtp.heard == []


ANSWERS: list[tuple[str, str, DeliveryResult]] = [
    ("GREETING", "421 4.3.2 closing", DeliveryResult.later("smtp-421")),
    ("GREETING", "554 5.7.1 not you", DeliveryResult.later("smtp-554", alarm=True)),
    ("GREETING", "what?", DeliveryResult.later("smtp--1")),
    ("GREETING", DROP, DeliveryResult.later("unreachable")),
    ("GREETING", HANG, DeliveryResult.later("timed-out")),
    ("EHLO", DROP, DeliveryResult.later("unreachable")),
    ("MAIL", "451 4.3.0 try again", DeliveryResult.later("smtp-451")),
    ("MAIL", "550 5.7.1 no sender of ours", DeliveryResult.later("smtp-550", alarm=True)),
    ("MAIL", DROP, DeliveryResult.later("unreachable")),
    ("RCPT", "450 4.2.1 greylisted", DeliveryResult.later("mailbox-unavailable")),
    ("RCPT", "452 4.2.2 mailbox full", DeliveryResult.later("mailbox-unavailable")),
    ("RCPT", "421 4.3.2 closing", DeliveryResult.later("smtp-421")),
    ("RCPT", "550 5.1.1 no such user", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "550 5.1.10 no mail there", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "550 5.2.1 disabled", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "550 no such user", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "551 moved away", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "553 no such name", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "556 no mail at that domain", DeliveryResult.gone("unknown-mailbox")),
    ("RCPT", "550 5.7.1 we do not relay", DeliveryResult.refused("smtp-550")),
    ("RCPT", "554 no", DeliveryResult.refused("smtp-554")),
    ("RCPT", "251 will forward", DeliveryResult.sent()),
    ("RCPT", DROP, DeliveryResult.later("unreachable")),
    ("RCPT", HANG, DeliveryResult.later("timed-out")),
    ("DATA", "451 4.3.0 try again", DeliveryResult.later("smtp-451")),
    ("DATA", "554 5.5.1 no recipients", DeliveryResult.refused("smtp-554")),
    ("DATA", DROP, DeliveryResult.later("unreachable", unsure=True)),
    ("TEXT", "452 4.3.1 no room", DeliveryResult.later("smtp-452")),
    ("TEXT", "550 5.7.1 spam", DeliveryResult.refused("smtp-550")),
    ("TEXT", "554 5.6.0 bad content", DeliveryResult.refused("smtp-554")),
    ("TEXT", DROP, DeliveryResult.later("unreachable", unsure=True)),
    ("TEXT", HANG, DeliveryResult.later("timed-out", unsure=True)),
]


@pytest.mark.parametrize(("step", "answer", "expected"), ANSWERS)
def test_every_answer_has_its_result(
    smtp: SmtpStandIn, mail: MakeMessage, step: str, answer: str, expected: DeliveryResult
) -> None:
    smtp.answers[step] = answer
    email = MailChannel(smtp.url, SENDER, timeout=TOO_SHORT_SECONDS if answer == HANG else 10.0)
    assert replace(email.deliver(mail()), provider_id=None) == expected
    assert smtp.heard.count("MAIL") <= 1


def test_a_server_that_is_down_means_later(mail: MakeMessage) -> None:
    assert MailChannel("smtp://127.0.0.1:9", SENDER).deliver(mail()) == DeliveryResult.later("unreachable")


def test_a_server_that_is_slow_at_every_step_does_not_outlast_a_lease(smtp: SmtpStandIn, mail: MakeMessage) -> None:
    smtp.drip = TOO_SHORT_SECONDS * 0.8
    result = MailChannel(smtp.url, SENDER, timeout=TOO_SHORT_SECONDS).deliver(mail())
    assert (result.outcome, result.reason) == (LATER, "timed-out")


def test_no_result_gives_the_address_away(smtp: SmtpStandIn, email: MailChannel, mail: MakeMessage) -> None:
    for step, answer, _ in ANSWERS:
        if answer != HANG:
            smtp.answers = {step: f"{answer} boss@example.com" if answer != DROP else answer}
            assert "boss" not in repr(email.deliver(mail()))


@pytest.mark.parametrize("wrapped", [False, True])
def test_with_tls_the_whole_conversation_and_the_password_are_encrypted(
    tls: ssl.SSLContext, mail: MakeMessage, *, wrapped: bool
) -> None:
    with SmtpStandIn(tls=tls, wrapped=wrapped, accounts={"me@x": "p:ss/word"}) as smtp:
        url = smtp.url.replace("://", "://me%40x:p%3Ass%2Fword@")
        assert MailChannel(url, SENDER).deliver(mail()).outcome is SENT
        (taken,) = smtp.mails
        assert (taken.encrypted, taken.signed_in_as) == (True, "me@x")
        assert smtp.heard.index("AUTH") < smtp.heard.index("MAIL")


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_server_that_cannot_prove_who_it_is_gets_neither_password_nor_mail(
    tls: ssl.SSLContext, mail: MakeMessage, monkeypatch: pytest.MonkeyPatch, *, wrapped: bool
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with SmtpStandIn(tls=tls, wrapped=wrapped, accounts={"me": "secret"}) as smtp:
        result = MailChannel(smtp.url.replace("://", "://me:secret@"), SENDER).deliver(mail())
        assert result == DeliveryResult.later("certificate-refused", alarm=True)
        assert {"AUTH", "MAIL"}.isdisjoint(smtp.heard)


def test_a_server_that_is_not_known_to_be_this_machine_and_offers_no_tls_gets_nothing(
    smtp: SmtpStandIn, mail: MakeMessage
) -> None:
    by_another_name = smtp.url.replace("127.0.0.1", "127.1")
    result = MailChannel(by_another_name, SENDER).deliver(mail())
    assert result == DeliveryResult.later("no-tls-or-no-login-offered", alarm=True)
    assert smtp.heard == ["EHLO"]


def test_a_wrong_password_raises_the_alarm_and_loses_no_message(mail: MakeMessage) -> None:
    with SmtpStandIn(accounts={"me": "secret"}) as smtp:
        result = MailChannel(smtp.url.replace("://", "://me:guess@"), SENDER).deliver(mail())
        assert result == DeliveryResult.later("credentials-refused", alarm=True)
        smtp.answers["AUTH"] = "454 4.7.0 try again"
        result = MailChannel(smtp.url.replace("://", "://me:secret@"), SENDER).deliver(mail())
        assert result == DeliveryResult.later("smtp-454")
        assert smtp.mails == []


def test_a_password_for_a_server_that_asks_for_none_raises_the_alarm(smtp: SmtpStandIn, mail: MakeMessage) -> None:
    result = MailChannel(smtp.url.replace("://", "://me:secret@"), SENDER).deliver(mail())
    assert result == DeliveryResult.later("no-tls-or-no-login-offered", alarm=True)


def test_the_worker_mails_where_a_server_is_set_and_prints_where_none_is(smtp: SmtpStandIn, mail: MakeMessage) -> None:
    settings = {"SECRET_KEY": "a secret of the tests"}
    without = connect_channels(Config.from_env(settings))
    assert without.keys() == {"push", "log", "email"}
    assert isinstance(without["email"], LogChannel)
    channels = connect_channels(Config.from_env({**settings, "SMTP_URL": smtp.url, "SMTP_FROM": SENDER}))
    email: Channel = channels["email"]
    message = mail(notification_id=UUID(int=7))
    assert email.deliver(message).provider_id == "<00000000-0000-0000-0000-000000000007@example.com>"
    email.close()
    assert len(smtp.mails) == 1
