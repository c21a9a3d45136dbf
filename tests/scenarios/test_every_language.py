"""Every text of ours is in the language of whoever reads it: in answers, on pages, in pushes and in mails."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from api.pages.page import LANGUAGES
from models.organizations.organization import Organization
from models.tables import metadata
from tests.support.app import App
from tests.support.databases import Databases, only_on_sqlite
from tests.support.factories.full_organization import FullOrganization, full_organizations
from tests.support.openapi_document import Operation, operations
from tests.support.pseudo_language import (
    TAG,
    pseudo,
    remaining_english,
    speak_pseudo_language,
    texts_of_answer,
    texts_of_page,
    untranslated,
    words_of,
)
from tests.support.sound_requests import sound_request
from tests.support.store_scenario import StoreScenario

WORDS = [table for table in metadata.sorted_tables if "names" in table.c]
CHOICES = {
    value
    for table in metadata.sorted_tables
    for column in table.c
    if isinstance(column.type, sa.Enum)
    for value in column.type.enums
}
READERS = ("admin", "manager", "floor", "key")
FORMS = ("application/json", "text/html")
# What a machine reads has the organization's own words.
FOR_MACHINES = {"getExportChanges"}
READS = [operation for operation in operations() if operation.method == "GET" and operation.id not in FOR_MACHINES]
UNKNOWN = str(UUID(int=1))


class Reading(NamedTuple):
    """An organization whose words have names in the pseudo-language, and the words of what people named and wrote."""

    app: App
    org: FullOrganization
    known: set[str]


@pytest.fixture(scope="module")
def reading(databases: Databases) -> Iterator[Reading]:
    with full_organizations(databases, "sqlite", "acme") as (app, (org,)):
        name_words(app, TAG)
        yield Reading(app, org, words_of(texts_of_people(app)))


def name_words(app: App, language: str) -> None:
    """Give every word and place of the organization a name in this language, and print its QR codes in it."""
    with app.back_office.engine.begin() as connection:
        for table in WORDS:
            name = table.c.get("name", table.c.get("text"))
            for id_, text in connection.execute(sa.select(table.c.id, name)).all():
                connection.execute(table.update().where(table.c.id == id_).values(names={language: pseudo(text)}))
        connection.execute(sa.update(Organization).values(languages=[language]))


def texts_of_people(app: App) -> set[str]:
    """Return what people wrote and named: every text in the database but the names of words, which are translated."""
    texts: set[str] = set()
    with app.back_office.engine.connect() as connection:
        for table in metadata.sorted_tables:
            names = ("name", "text", "names") if table in WORDS else ()
            columns = [column for column in table.c if column.name not in names]
            for row in connection.execute(sa.select(*columns)):
                texts |= {text for value in row for text in texts_in(value)}
    return texts - CHOICES


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_in(inner)


def texts_shown(answer: TestResponse) -> list[tuple[str, str]]:
    """Return the texts of an answer that people read, each with where it stands."""
    if answer.mimetype == "text/html":
        return [("page", text) for text in texts_of_page(answer.text)]
    return [*texts_of_answer(answer.json)] if answer.data and answer.mimetype.endswith("json") else []


def english_in(answer: TestResponse, known: set[str]) -> set[tuple[Any, ...]]:
    written = known if answer.mimetype == "text/html" else known | words_of(CHOICES)  # a program reads and sends them
    return {
        (answer.status_code, where, text, *words)
        for where, text in texts_shown(answer)
        if (words := untranslated(text, written))
    }


@pytest.mark.parametrize("operation", READS, ids=lambda operation: operation.id)
def test_an_answer_and_a_page_have_no_english_text_for_another_reader(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    speak_pseudo_language(monkeypatch)
    request = sound_request(operation, reading.org.ids_for(operation.id))
    english = set()
    for login in READERS:
        for form in FORMS:
            request["headers"] = {"Accept-Language": TAG, "Accept": form}
            reading.app.forget_hits()
            english |= english_in(reading.app.request(by=(reading.org.shop, login), **request), reading.known)
    assert not english


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.id)
def test_a_refusal_has_no_english_text_for_another_reader(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    """Nobody who signed in, a thing that is not there, values of the wrong shape, and an unknown field."""
    speak_pseudo_language(monkeypatch)
    sound = sound_request(operation, reading.org.ids_for(operation.id))
    unknown = {name: UNKNOWN if name.endswith("_id") else value for name, value in reading.org.ids.items()}
    elsewhere = sound | {"path": operation.path.format(**unknown)}
    known = reading.known | words_of(texts_in(sound.get("json")))
    requests = [(None, sound), ("admin", elsewhere), ("floor", elsewhere)]
    if "json" in sound:
        requests += [("admin", sound | {"json": body}) for body in bad_bodies(sound["json"])]
    english = set()
    for login, request in requests:
        headers = {**request["headers"], "Accept-Language": TAG}
        reading.app.forget_hits()
        answer = reading.app.request(by=login and (reading.org.shop, login), **request | {"headers": headers})
        if answer.status_code >= 400:
            assert answer.headers["Content-Language"] == TAG
            english |= english_in(answer, known)
    assert not english


def bad_bodies(body: Any) -> Iterator[Any]:
    yield []
    yield {}
    if isinstance(body, dict):
        yield {**body, "nobody-knows-this": 1}
        for wrong in (None, "", "\x00", -1, "x" * 10_001, [{"a": 1}], {"a": 1}):
            yield dict.fromkeys(body, wrong)


class Walk:
    """The main job in one language: what everybody reads on the way, by where it stood."""

    def __init__(self, scenario: StoreScenario, language: str) -> None:
        self.scenario, self.app, self.shop, self.language = scenario, scenario.app, scenario.shop, language
        self.read: list[tuple[str, str]] = []
        name_words(self.app, language)
        for login in ("floor", "colleague", "lead", "manager", "regional"):
            scenario.set_preferences(login, language=language)
        scenario.set_preferences("manager", email="manager@acme.example")
        self.do("PATCH", "me", "manager", daily_logs=[str(self.shop.store_id)])

    def do(self, method: str, path: str, by: str | None, **body: Any) -> Any:
        """Send a request of the API, and note what its answer says."""
        return self.ask(method, f"/v1/{path}", by, json=body or None, headers={"If-Match": "*"}).json

    def show(self, path: str, by: str | None = None, method: str = "GET", **form: str) -> None:
        """Open a page, or send its form, and note what it says."""
        address = path.removeprefix(self.app.flask.config["PUBLIC_URL"])
        self.ask(method, address, by, data=form or None, headers={"Accept": "text/html"})

    def ask(self, method: str, path: str, by: str | None, *, headers: dict[str, str], **content: Any) -> TestResponse:
        headers = headers | ({} if by else {"Accept-Language": self.language})
        self.app.forget_hits()
        answer = self.app.request(method, path, by and (self.shop, by), headers=headers, **content)
        assert answer.status_code < 300, answer.text
        self.read += [(f"{method} {path} {where}", text) for where, text in texts_shown(answer)]
        self.scenario.let_pass(seconds=1)
        return answer

    def texts(self) -> list[tuple[str, str]]:
        """Return all that was read, with what phones showed and what came by mail."""
        messages = [message for _, message in self.scenario.messages if message.kind != "withdraw"]
        sent = [(f"{it.notification_kind} {it.recipient.channel}", (it.title, it.text or it.body)) for it in messages]
        return self.read + [(where, text) for where, shown in sent for text in shown]


def do_main_job(walk: Walk) -> None:
    """Log, ring, take, ask what may be given, promise, resolve, ask the customer, sign the day."""
    store, app = str(walk.shop.store_id), walk.app
    customer = {"name": "Ana", "phone": "912 345 678"}
    words = {"category": "food", "cause": "cold", "place": "table-12", "question": "what-happened", "times_told": 2}
    logged = walk.do("POST", "concerns", "floor", mood=1, customer=customer, their_words="Cold.", **words)
    concern = f"concerns/{logged['id']}"
    for login in ("floor", "manager"):
        walk.do("GET", "me/home", login)
    walk.do("POST", f"{concern}/take", "manager")
    walk.do("GET", f"guidance?store_id={store}&category=food&mood=1&times_told=2", "manager")
    walk.do("POST", f"{concern}/recovery-actions", "manager", remedy="remake")
    for verb in ("approve", "decline"):
        cost = {"amount": 5000, "currency": "EUR"}
        request = walk.do("POST", f"{concern}/recovery-actions", "floor", remedy="voucher", cost=cost)
        walk.do("GET", "me/home", "manager")
        walk.do("POST", f"recovery-actions/{request['id']}/{verb}", "manager", note="As you say.")
    for minutes in (5, 10):
        due_at = (app.clock() + timedelta(minutes=minutes)).isoformat()
        promise = walk.do("POST", f"{concern}/follow-ups", "manager", kind="call", due_at=due_at, what="Call Ana")
    walk.do("POST", f"follow-ups/{promise['id']}/keep", "manager", note="Called.")
    walk.scenario.let_pass(minutes=20)
    walk.do("POST", f"{concern}/resolve", "manager", outcome="recovered", mood_after=4)
    page = walk.do("POST", f"{concern}/feedback-requests", "manager")["link"]
    walk.show(page)
    walk.show(page, method="POST", rating="4", recommend="9", words="Well done.")
    walk.show(page)
    walk.do("POST", "concerns", "floor", mood=2, category="waiting-time", place="table-1")
    walk.scenario.let_pass(minutes=40)
    everything = "customer,actions,follow_ups,events,guidance,feedback"
    walk.do("GET", f"{concern}?include={everything}", "manager")
    for path in ("concerns", "alerts", "follow-ups", "recovery-actions", "me/notifications", "feedback"):
        walk.do("GET", path, "manager")
    log = f"stores/{store}/recovery-logs/{logged['business_date']}"
    walk.show(f"/v1/{log}", "manager")
    day = logged["business_date"]
    for report in ("recovery", "causes", "remedies", "follow-ups", "alerts", "listening"):
        walk.do("GET", f"reports/{report}?from={day}&to={day}", "manager")
        walk.show(f"/v1/reports/{report}?from={day}&to={day}", "manager")
    walk.do("POST", f"stores/{store}/standing-qrs/missing", "manager")
    walk.show(f"/v1/stores/{store}/qr-sheet", "manager")
    walk.show("/i/" + walk.do("POST", f"staff/{walk.shop.staff['colleague']}/invitations", "manager")["code"])
    walk.do("POST", "password-resets", None, organization=walk.shop.slug, login="manager")
    walk.scenario.let_pass(hours=24)
    walk.do("POST", f"{log}/sign-off", "manager")


@only_on_sqlite
@pytest.mark.parametrize("language", [TAG, "pt"])
def test_the_main_job_has_no_english_text_for_another_reader(
    scenario: StoreScenario, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    speak_pseudo_language(monkeypatch)
    walk = Walk(scenario, language)
    do_main_job(walk)
    texts = walk.texts()
    kinds = {where.partition(" ")[0] for where, _ in texts}
    assert {"ring", "approval", "decision", "follow_up", "broken", "daily_log", "code_by_mail"} <= kinds
    if language == TAG:
        known = words_of([*texts_of_people(walk.app), *LANGUAGES.values()])
        assert {(where, text, *words) for where, text in texts if (words := untranslated(text, known))} == set()
    else:
        assert {(where, text) for where, text in texts if remaining_english(text, language)} == set()
