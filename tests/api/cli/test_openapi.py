"""The command `openapi write` and its check."""

import json

from tests.support.app import App, commands_of


def test_the_document_is_written_and_checked(app: App, tmp_path):
    command, file = commands_of(app), tmp_path / "openapi.json"
    missing = command("openapi", "write", "--check", "--file", str(file))
    assert command("openapi", "write", "--file", str(file)).exit_code == 0
    fresh = command("openapi", "write", "--check", "--file", str(file))
    written = file.read_text()
    file.write_text(written.replace('"openapi"', '"openapi "'))
    changed = command("openapi", "write", "--check", "--file", str(file))

    assert [answer.exit_code for answer in (missing, fresh, changed)] == [1, 0, 1]
    assert changed.stderr == "Error: openapi.json is not what the code says; run: make openapi\n"
    assert written.endswith("}\n")
    assert json.loads(written) == app.request("GET", "/openapi.json").json
