"""CSV files, and their import through the API."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.factories.organizations import Shop


def csv_text(columns: Sequence[str], rows: Iterable[dict[str, str]], separator: str = ",") -> str:
    """Return a CSV file with these columns; what a row leaves out is blank."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def import_csv(
    app: App,
    shop: Shop,
    kind: str,
    file: str | bytes,
    login: str = "admin",
    *,
    dry_run: bool = False,
    headers: dict[str, str] | None = None,
) -> TestResponse:
    """Import a file through the API."""
    return app.request(
        "POST",
        f"/v1/imports/{kind}",
        (shop, login),
        query_string={"dry_run": "true"} if dry_run else {},
        data=file,
        content_type="text/csv",
        headers=headers or {},
    )


def faults(answer: TestResponse) -> list[tuple[str, str]]:
    """Return where the faults are that a refusal or a dry run names, and their codes, in the order of lines."""
    if answer.status_code == 422:
        return [(error["pointer"].removeprefix("/lines/"), error["code"]) for error in answer.json["errors"]]
    return [
        (f"{item['line']}/{error['column']}" if error["column"] else str(item["line"]), error["code"])
        for item in answer.json["items"]
        for error in item["errors"]
    ]


def verdicts(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["verdict"] for item in answer.json["items"]]


def counts(answer: TestResponse) -> dict[str, Any]:
    """Return how many lines had each verdict, without those that none had."""
    assert answer.status_code == 200, answer.text
    names = ("created", "updated", "unchanged", "refused")
    return {name: answer.json[name] for name in names if answer.json[name]}
