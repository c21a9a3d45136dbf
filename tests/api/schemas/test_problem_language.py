"""Language of problems: the one of whoever asks, for everything that we refuse, and for what libraries refuse."""

import re
from pathlib import Path
from time import process_time

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from api.schemas import problem_language
from api.schemas.problem_language import (
    LOCALES,
    PROBLEM_CATALOGUES,
    ProblemCatalogue,
    SentencePattern,
    load_problem_catalogues,
)
from tests.api.conftest import UnchangedOrganization
from tests.support.problem_texts import problem_texts, unreadable_refusals

VALUE = re.compile(r"\{[a-z_0-9]+\}")
TEXTS = problem_texts()


def test_portuguese_and_spanish_are_there() -> None:
    assert {"es", "pt"} <= PROBLEM_CATALOGUES.keys()


@pytest.mark.parametrize("language", PROBLEM_CATALOGUES)
def test_a_catalogue_has_every_sentence_that_refuses_something(language: str) -> None:
    sentences = PROBLEM_CATALOGUES[language].sentences
    assert {text: where for text, where in TEXTS.items() if text not in sentences} == {}


@pytest.mark.parametrize("language", PROBLEM_CATALOGUES)
def test_a_translation_fills_in_what_the_english_sentence_fills_in(language: str) -> None:
    with (LOCALES / f"{language}.po").open("rb") as file:
        written = read_po(file, abort_invalid=True)
    assert str(written.locale).replace("_", "-").lower() == language
    for message in written:
        if message.id:
            assert sorted(VALUE.findall(str(message.string))) == sorted(VALUE.findall(str(message.id))), message.id


def test_each_sentence_is_recognized_with_its_values_in_it() -> None:
    brackets = ProblemCatalogue.of({text: f"[[{text}]]" for text in TEXTS})
    english = [VALUE.sub(lambda place: f"'{place[0][1:-1]}-7'", text) for text in TEXTS]
    assert [text for text in english if brackets.translate(text) != f"[[{text}]]"] == []


def test_every_refusal_says_its_text_as_one_sentence_that_a_catalogue_can_name() -> None:
    assert unreadable_refusals() == []


def test_a_value_that_is_a_word_of_ours_is_translated_and_a_name_is_not() -> None:
    portuguese = PROBLEM_CATALOGUES["pt"]
    assert portuguese.translate("This store has no place 'bar'.") == "Esta loja não tem o lugar 'bar'."
    assert portuguese.translate("At most 1,000 places of a store.") == "No máximo 1,000 lugares de uma loja."
    assert portuguese.translate("Rita is already on the way.") == "Rita já vai a caminho."


def test_a_long_value_that_looks_like_a_sentence_of_ours_takes_no_longer_than_another() -> None:
    """A regular expression took half a minute for six thousand characters of this."""
    portuguese, name = PROBLEM_CATALOGUES["pt"], " was the slug of the place x" * 5_000
    begun = process_time()
    assert portuguese.translate(f"{name}!") == f"{name}!"
    assert portuguese.translate(f"This store has no place '{name}'.") == f"Esta loja não tem o lugar '{name}'."
    assert process_time() - begun < 2, "a bound of the processor's time, so wide that a busy machine is within it"


@given(values=st.tuples(st.text(), st.text(), st.text()))
def test_values_are_read_out_of_the_sentence_that_they_were_written_into(values: tuple[str, str, str]) -> None:
    pattern = SentencePattern.of("The {noun} {slug} of {store} is there.")
    text = "The {} {} of {} is there.".format(*values)
    read = pattern.values_in(text)
    assert read is not None
    assert "The {noun} {slug} of {store} is there.".format(**read) == text


def test_what_no_catalogue_knows_stays_as_it_is() -> None:
    assert PROBLEM_CATALOGUES["es"].translate("Something new") == "Something new"


def test_one_file_more_is_one_language_more(
    unchanged: UnchangedOrganization, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "fr.po").write_text(
        'msgid ""\nmsgstr "Language: fr\\n"\n\nmsgid "Sign in first"\nmsgstr "Connectez-vous"\n'
    )
    monkeypatch.setattr(problem_language, "PROBLEM_CATALOGUES", load_problem_catalogues(tmp_path))
    answer = unchanged.ask("GET", "/v1/me", None, headers={"Accept-Language": "fr-CA"})
    assert answer.json["title"] == "Connectez-vous"
    assert answer.headers["Content-Language"] == "fr"


REFUSED = [
    ("POST", "/v1/sessions", None, {"organization": "none", "login": "nobody", "password": "wrong-password-1"}),
    ("POST", "/v1/sessions", None, {}),
    ("GET", "/v1/me", None, None),
    ("GET", "/v1/nothing", "floor", None),
    ("PUT", "/v1/nothing", "floor", {}),
    ("DELETE", "/v1/concerns", "floor", None),
    ("GET", "/v1/concerns?limit=0", "floor", None),
    ("GET", "/v1/concerns?limit=many&status=nonsense&cursor=x", "floor", None),
    ("GET", "/v1/concerns?cursor=x", "floor", None),
    ("GET", "/v1/concerns?nothing=1", "floor", None),
    ("GET", "/v1/concerns?limit=1&limit=2", "floor", None),
    ("GET", "/v1/concerns/01a2057b-741c-7631-8cca-22605be163db", "floor", None),
    ("GET", "/v1/me?nothing=1", "floor", None),
    ("POST", "/v1/concerns", "floor", []),
    ("POST", "/v1/concerns", "floor", {"mood": 9}),
    ("POST", "/v1/concerns", "floor", {"mood": "x", "kind": 3, "stake": "nonsense", "customer": [], "more": 1}),
    ("POST", "/v1/concerns", "floor", {"mood": 1, "their_words": "x" * 100_000}),
    ("POST", "/v1/customers/search", "manager", {"phone": "12"}),
    ("POST", "/v1/customers/search", "manager", {"phone": "12", "email": "no address"}),
    ("POST", "/v1/customers", "manager", {}),
    ("POST", "/v1/stores", "floor", {}),
    ("POST", "/v1/stores", "hq", {"slug": "A B", "name": "", "time_zone": "Nowhere", "currency": "euros"}),
    ("GET", "/v1/reports/recovery?from=2020-01-01&to=2024-01-01", "hq", None),
    ("GET", "/v1/reports/recovery?from=2024-01-02&to=2024-01-01", "hq", None),
]


@pytest.mark.parametrize(("method", "path", "by", "body"), REFUSED)
def test_no_refusal_has_a_text_that_is_not_translated(
    unchanged: UnchangedOrganization,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    path: str,
    by: str | None,
    body: object,
) -> None:
    """The language in brackets is made here: what is answered without brackets is in no catalogue."""
    brackets = ProblemCatalogue.of({text: f"[[{text}]]" for text in PROBLEM_CATALOGUES["pt"].sentences})
    monkeypatch.setattr(problem_language, "PROBLEM_CATALOGUES", {"qps": brackets})
    sent = {} if body is None else {"json": body}
    answer = unchanged.ask(method, path, by, headers={"Accept-Language": "qps"}, **sent)
    assert answer.status_code >= 400
    assert answer.headers["Content-Language"] == "qps"
    problem = answer.json
    texts = [problem["title"], problem["detail"], *(error["detail"] for error in problem.get("errors", ()))]
    assert [text for text in texts if not re.fullmatch(r"\[\[.*\]\]", text, re.DOTALL)] == []
