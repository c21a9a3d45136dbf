"""How many answers of each operation fitted the document, printed after `make fuzz`."""

import os
from typing import Final

import pytest

ANSWERS: Final = "answers"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each operation: its answers, how many were successes, and the statuses."""
    if "FUZZ_EXAMPLES" not in os.environ:
        return
    counted = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == ANSWERS and report.when == "teardown"
    ]
    terminalreporter.section("answers that fitted the document")
    for name, statuses in sorted(counted):
        successes = sum(number for status, number in statuses.items() if status < "300")
        by_status = ", ".join(f"{status}: {number}" for status, number in sorted(statuses.items()))
        terminalreporter.write_line(f"{sum(statuses.values()):6} {successes:6}  {name}  ({by_status})")
