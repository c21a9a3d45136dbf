"""The catalogues of the pages: complete, valid, and in the same languages as the messages."""

import string
from collections.abc import Iterator
from gettext import NullTranslations

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api.pages import tables
from api.pages.page import CATALOGUES, LANGUAGES
from api.schemas.base import Schema
from api.schemas.reports.base import ByConcernQuery
from api.schemas.reports.causes import CausesReportQuery
from api.schemas.reports.follow_ups import FollowUpsReportQuery
from api.schemas.reports.listening import ListeningReportQuery
from api.schemas.reports.recovery import RecoveryReportQuery
from config import ROOT
from notifications.messages import translations as languages
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.organizations import Shop
from tests.support.tables import LISTS

PAGES = ROOT / "api" / "pages"
REPORTS: dict[str, type[Schema]] = {
    "recovery": RecoveryReportQuery,
    "remedies": ByConcernQuery,
    "causes": CausesReportQuery,
    "items": ByConcernQuery,
    "follow-ups": FollowUpsReportQuery,
    "listening": ListeningReportQuery,
    "alerts": ByConcernQuery,
}


def messages_to_translate() -> set[str]:
    """Every sentence of the pages that is to be translated."""
    extracted = extract_from_dir(PAGES, method_map=[("**.html", "jinja2.ext:babel_extract")], keywords={"_": None})
    return {message for _file, _line, message, _comments, _context in extracted}


def catalogue(language: str) -> Catalog:
    with (PAGES / "locales" / f"{language}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def fields(text: str) -> set[str | None]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_the_pages_speak_the_languages_of_the_phones() -> None:
    assert CATALOGUES.keys() == languages.CATALOGUES.keys()
    assert LANGUAGES == {"en": "English", "es": "Español", "pt": "Português"}


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_has_each_sentence_of_the_pages_and_no_other(language: str) -> None:
    written = catalogue(language)
    translated = {message.id for message in written if message.id and message.string and not message.fuzzy}
    assert translated == messages_to_translate()
    assert not written.obsolete


class Recorder(NullTranslations):
    """A catalogue that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: set[str] = set()

    def gettext(self, message: str) -> str:
        self.messages.add(message)
        return message

    def pgettext(self, context: str, message: str) -> str:
        self.messages.add(f"{context}: {message}")
        return message


@only_on_sqlite
def test_each_heading_and_legend_of_a_page_of_tables_is_translated(app: App, shop: Shop, monkeypatch) -> None:
    recorder = Recorder()
    monkeypatch.setitem(tables.CATALOGUES, "es", recorder)
    days = "from=2026-01-01&to=2026-03-02"
    log = f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-02"
    paths = [log, *LISTS, f"/v1/fixes?store_id={shop.store_id}", *report_queries(days)]
    headers = {"Accept": "text/html", "Accept-Language": "es"}
    answers = [app.request("GET", path, (shop, "manager"), headers=headers) for path in paths]
    assert {(answer.status_code, answer.mimetype) for answer in answers} == {(200, "text/html")}
    for language in ("es", "pt"):
        written = catalogue(f"tables/{language}")
        translated = {
            f"{message.context}: {message.id}" if message.context else str(message.id)
            for message in written
            if message.id and message.string and not message.fuzzy
        }
        assert translated == recorder.messages
        assert not written.obsolete


def report_queries(days: str) -> Iterator[str]:
    """Yield each report by itself, and one by each thing that reports can be grouped by."""
    yield f"/v1/reports/recovery?{days}&compare_to=previous"
    grouped: set[str] = set()
    for name, schema in REPORTS.items():
        choices = [by for by in schema().fields["group_by"].inner.validate.choices if by not in grouped]
        grouped |= {*choices}
        for by in choices or [""]:
            yield f"/v1/reports/{name}?{days}" + (f"&group_by={by}" if by else "")


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_fills_in_what_the_english_sentence_fills_in(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert fields(str(message.string)) == fields(str(message.id)), message.id
