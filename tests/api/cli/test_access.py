"""docs/access.md shows which role may do what, and `access write --check` says when it does not."""

import copy
from pathlib import Path

import click
import pytest

from api.cli.access import render_access
from tests.support.databases import ROOT
from tests.support.openapi_document import bare_application, document, operations

PAGE = ROOT / "docs" / "access.md"


def line_of(operation: str) -> list[str]:
    """Return the cells of an operation's line."""
    (line,) = (line for line in render_access(document()).splitlines() if line.startswith(f"| `{operation}` "))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_page_in_the_repository_is_the_one_the_code_writes():
    written = render_access(document())
    assert PAGE.read_text(encoding="utf-8") == written, "renew it, and read the difference: make access"


def test_every_operation_has_one_line_under_its_noun():
    lines = [line for line in render_access(document()).splitlines() if line.startswith("| `") and "` /" not in line]
    addresses = [line.split("`")[1] for line in lines if " /" in line.split("`")[1]]
    assert addresses == [
        f"{operation.method} {operation.path.removeprefix('/v1')}"
        for operation in sorted(operations(), key=lambda operation: (operation.path, operation.method))
    ]


def test_a_line_says_how_far_each_role_and_which_key_reaches():
    assert line_of("GET /concerns/{concern_id}") == ["concern:read", *["own"] * 3, *["all"] * 2, "concerns:read"]
    assert line_of("PUT /log-policy") == ["policy:write", *["-"] * 4, "yes", "-"]
    assert line_of("GET /questions") == ["vocabulary:read", *["yes"] * 5, "any"]
    assert line_of("GET /items/{item_id}") == ["item:read", *["yes"] * 3, "-", "yes", "concerns:read, concerns:write"]
    assert line_of("PATCH /items/{item_id}") == ["item:write", "-", *["own"] * 2, "-", "all", "-"]
    assert line_of("GET /me") == ["me:use", *["self"] * 5, "-"]
    assert line_of("POST /sessions") == ["-", *["open"] * 6]


def test_a_new_noun_has_to_say_how_far_it_reaches():
    longer = copy.deepcopy(document())
    longer["paths"]["/v1/gadgets"] = {"get": {"security": [{"bearer": ["store:read"]}]}}
    with pytest.raises(click.ClickException, match=r"Say in REACH of api/cli/access.py how far /v1/gadgets reaches"):
        render_access(longer)


def test_a_page_that_is_out_of_date_is_refused_in_one_line(tmp_path: Path):
    runner, file = bare_application().test_cli_runner(), tmp_path / "access.md"
    assert runner.invoke(args=["access", "write", "--file", str(file)]).exit_code == 0
    assert runner.invoke(args=["access", "write", "--check", "--file", str(file)]).exit_code == 0
    file.write_text("old", encoding="utf-8")
    refused = runner.invoke(args=["access", "write", "--check", "--file", str(file)])
    assert refused.exit_code == 1
    assert refused.output == "Error: access.md does not show who may do what; run: make access\n"
