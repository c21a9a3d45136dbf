"""docs/data-model.md shows the tables of the models, and `db diagram --check` says when it does not."""

from pathlib import Path

from api.cli.data_model import PACKAGES, render_data_model
from models.tables import metadata
from tests.support.databases import ROOT
from tests.support.openapi_document import bare_application

PAGE = ROOT / "docs" / "data-model.md"


def test_the_page_in_the_repository_is_the_one_the_models_write():
    assert PAGE.read_text(encoding="utf-8") == render_data_model(), "renew it with: make data-model"


def test_every_table_stands_in_the_diagram_of_its_package():
    lines = render_data_model().splitlines()
    for name in metadata.tables:
        assert lines.count(f"    {name} {{") == 1, name
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == list(PACKAGES)


def test_a_foreign_key_is_drawn_within_its_package_and_listed_across():
    text = render_data_model()
    assert "    concern ||--o{ concern_event : concern_id" in text
    assert "| `follow_up.concern_id` | `concern` | concerns |" in text


def test_a_page_that_is_out_of_date_is_refused_in_one_line(tmp_path: Path):
    runner, file = bare_application().test_cli_runner(), tmp_path / "data-model.md"
    assert runner.invoke(args=["db", "diagram", "--file", str(file)]).exit_code == 0
    assert runner.invoke(args=["db", "diagram", "--check", "--file", str(file)]).exit_code == 0
    file.write_text("old", encoding="utf-8")
    refused = runner.invoke(args=["db", "diagram", "--check", "--file", str(file)])
    assert refused.exit_code == 1
    assert refused.output == "Error: data-model.md does not show the tables of the models; run: make data-model\n"
