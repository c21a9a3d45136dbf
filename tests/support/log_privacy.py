"""Watch over what is logged: no test of the suite may make the application write a person's data or a secret."""

import re
from collections.abc import Iterable, Iterator

import pytest
import structlog

from tests.support.factories.organizations import PASSWORD, PEOPLE

# PINs that tests use. A number of six digits alone is nothing to look for: durations have as many.
PINS = ("482917", "906153", "271828")
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
    personal = {line for _title, text in report.sections for line in personal_data_in(text)}
    if personal and report.passed:
        report.outcome = "failed"
        report.longrepr = f"What was logged meanwhile holds {sorted(personal)}"
    return report
