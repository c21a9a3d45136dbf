"""Command that writes the OpenAPI document to a file, for client generators and reviewers."""

from pathlib import Path

import click
from flask import current_app

from api.cli.base import Group
from api.web.openapi import render_document
from config import ROOT

openapi = Group("openapi", help="The OpenAPI document.")


@openapi.command("write")
@click.option("--check", is_flag=True, help="Write nothing; fail when the file is not up to date.")
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), default=ROOT / "openapi.json")
def write(*, check: bool, file: Path) -> None:
    """Write openapi.json from the code."""
    document = render_document(current_app)
    if not check:
        file.write_text(document, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != document:
        raise click.ClickException(f"{file.name} is not what the code says; run: make openapi")
