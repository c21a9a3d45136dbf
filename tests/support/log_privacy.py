"""Watch over what is logged: no test of the suite may make the application write a person's data or a secret."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import structlog

from tests.support.factories.organizations import PASSWORD, PEOPLE

# Fields of requests and of answers whose values no log may hold: what tests send and get is looked for.
SECRET_FIELDS = frozenset(
    {"password", "current_password", "new_password", "pin", "current_pin", "code", "device_secret", "secret", "uri"}
    | {"token", "recovery_codes", "link", "phone", "email", "their_words", "our_reading", "stake"}
)
MIN_SECRET_LENGTH = 6  # a shorter one may be part of anything
PINS = ("482917", "906153", "271828")  # of the walk that real processes go
LOGINS = "|".join(login.title() for login in PEOPLE)
PERSONAL = {
    "a token, code or device secret": r"amd_[a-z]_[0-9a-f]{32}_[\w-]{16,}",
    "a password": re.escape(PASSWORD),
    "a PIN": rf"\b(?:{'|'.join(PINS)})\b|\bpin\W{{1,4}}[0-9]{{6}}\b",
    "a name": rf"\b(?:{LOGINS}) of \w+|Planted \w+",
    "a phone number": r"\+[1-9][0-9]{8,14}\b",
    "a mail address": r"[\w.+-]+@[\w-]+\.[\w.-]+",
    "the address of a phone": r"address of \w+ in \w+",
}
_PATTERN = re.compile("|".join(f"({pattern})" for pattern in PERSONAL.values()), re.IGNORECASE)


def log_plain_tracebacks() -> None:
    """Let the suite log tracebacks as `config.set_up_logging` does: by default they show all local variables."""
    structlog.reset_defaults()
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


_sent_and_answered: set[str] = set()


def remember_secrets(body: Any) -> None:
    """Remember what the body of a request or of an answer holds that the log of this test must not hold."""
    if isinstance(body, list):
        for item in body:
            remember_secrets(item)
    elif isinstance(body, dict):
        for name, value in body.items():
            values = value if isinstance(value, list) else [value]
            if name in SECRET_FIELDS:
                _sent_and_answered.update(text for text in values if _is_secret(text))
            remember_secrets(value)


def forget_secrets() -> None:
    _sent_and_answered.clear()


def _is_secret(text: Any) -> bool:
    return isinstance(text, str) and len(text) >= MIN_SECRET_LENGTH and text.isprintable()


def _is_in(secret: str, text: str) -> bool:
    """Return whether a secret stands in a text by itself: six digits are part of many a duration and id."""
    return secret in text and re.search(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])", text) is not None


def personal_data_in(text: str) -> Iterator[str]:
    """Yield what a log holds of people and secrets: what it is, and the text."""
    kinds = list(PERSONAL)
    for match in _PATTERN.finditer(text):
        assert match.lastindex is not None
        yield f"{kinds[match.lastindex - 1]}: {match.group()}"


def check_log(lines: Iterable[str]) -> None:
    """Fail when the log of a process holds something personal."""
    personal = [*personal_data_in("\n".join(lines))]
    assert personal == [], f"the log holds {personal}"


def fail_if_personal(report: pytest.TestReport) -> pytest.TestReport:
    """Let a test fail that made the application log something personal, whatever it was about."""
    logged = [text for _title, text in report.sections]
    personal = {line for text in logged for line in personal_data_in(text)}
    personal |= {
        f"what was sent or answered: {secret}"
        for secret in _sent_and_answered
        for text in logged
        if _is_in(secret, text)
    }
    if personal and report.passed:
        report.outcome = "failed"
        report.longrepr = f"What was logged meanwhile holds {sorted(personal)}"
    return report
