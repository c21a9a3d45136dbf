"""The documents: links lead somewhere, named files exist, pages are in the index, lines wrap."""

import re
from pathlib import Path

import pytest

from tests.support.databases import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`((?:api|models|notifications|migrations|tests|bench|docs)/[\w./-]*)`")
EVENT = re.compile(r'(?:listens_for|event\.listen)\([^"]*"(\w+)"')
WIDTH = 110


def prose(path: Path) -> str:
    """Return a document without its blocks of code."""
    return CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a document, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def leads_somewhere(document: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = (document.parent / file).resolve() if file else document
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(document: Path):
    links = [link for link in LINK.findall(prose(document)) if "://" not in link]
    assert [link for link in links if not leads_somewhere(document, link)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_that_a_document_names_exists(document: Path):
    assert [file for file in FILE.findall(prose(document)) if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_lines_wrap_except_in_tables_and_code(document: Path):
    lines = prose(document).splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith(("|", "!["))] == []


def test_the_index_links_every_page():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose(index))}
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "adr"} - {index}
    assert pages - linked == set()


def test_every_decision_is_listed_and_numbered():
    overview = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for number, path in enumerate(sorted((ROOT / "docs" / "adr").glob("*.md")), 1):
        assert path.name.startswith(f"{number:04}-")
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. "), path.name
        assert f"(adr/{path.name})" in overview, path.name


def test_every_event_that_runs_code_is_listed():
    overview = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = [
        path for folder in ("api", "models", "notifications", "migrations") for path in (ROOT / folder).rglob("*.py")
    ]
    events = {event for path in files for event in EVENT.findall(path.read_text(encoding="utf-8"))}
    assert events
    assert [event for event in sorted(events) if f"`{event}`" not in overview] == []


def test_every_picture_is_used():
    used = {
        (document.parent / link).resolve()
        for document in DOCUMENTS
        for link in LINK.findall(document.read_text(encoding="utf-8"))
    }
    assert set((ROOT / "docs" / "images").iterdir()) - used == set()
