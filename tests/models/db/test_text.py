"""Folding: two spellings of one name are one, and two quantities are two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.db.slug import slug_from_name, slug_from_text
from models.db.text import drop_invisible, fold, name_words, search_words
from tests.support.profiles import examples


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Álvaro  Zé", "alvaro ze"),
        ("Łukasz", "lukasz"),
        ("Øyvind", "oyvind"),
        ("Đặng", "dang"),
        ("Lætitia", "laetitia"),
        ("Işıl", "isil"),  # noqa: RUF001
        ("ISIL", "isil"),
        ("Straße", "strasse"),
        ("Þórður", "thordur"),
        ("Ħamrun", "hamrun"),
        ("Ёлкина", "елкина"),
        ("A\u200bna\u00ad", "ana"),
        ("محـمد", "محمد"),
        ("٢٥ Ａna", "25 ana"),  # noqa: RUF001 digits and letters of other widths and scripts
    ],
)
def test_letters_are_compared_without_what_is_added_to_them(name: str, folded: str) -> None:
    assert fold(name) == folded


@pytest.mark.parametrize("apostrophe", "'’‘`´ʼʻ′＇")  # noqa: RUF001 they are what is tried
def test_all_apostrophes_are_one(apostrophe: str) -> None:
    assert fold(f"Shepherd{apostrophe}s pie") == "shepherd's pie"
    assert slug_from_text(f"Shepherd{apostrophe}s pie") == "shepherd-s-pie"


@pytest.mark.parametrize("dash", "-‐‑‒–—―−﹣－")  # noqa: RUF001 they are what is tried
def test_all_dashes_are_one(dash: str) -> None:
    assert fold(f"Jean{dash}Luc") == "jean-luc"


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2009", "\u3000", "\u202f", " \t\n "])
def test_all_spaces_are_one(space: str) -> None:
    assert fold(f"{space}Ana{space}Lima{space}") == "ana lima"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("½ chicken", "12 chicken"),
        ("1½ l", "11/2 l"),
        ("2·5 l", "25 l"),
        ("2.5 l", "25 l"),
        ("5² l", "52 l"),
        ("10₂", "102"),
        ("3①", "31"),
        ("1/2 l", "12 l"),
    ],
)
def test_two_quantities_are_two(one: str, other: str) -> None:
    assert fold(one) != fold(other)
    assert slug_from_text(one) != slug_from_text(other)
    assert slug_from_name(one) != slug_from_name(other)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("½ chicken", "1-2-chicken"),
        ("1/2 chicken", "1-2-chicken"),
        ("1½ l", "1-1-2-l"),
        ("2·5 l", "2-5-l"),
        ("Crème Brûlée", "creme-brulee"),
        ("Żurek śląski", "zurek-slaski"),
        ("Smørrebrød", "smorrebrod"),
        ("m² tile", "m2-tile"),
        ("Caixa nº 3", "caixa-no-3"),
        ("Mesa\u00a012", "mesa-12"),
        ("٢٥", "25"),
    ],
)
def test_a_slug_spells_what_is_written(text: str, slug: str) -> None:
    assert slug_from_text(text) == slug
    assert slug_from_name(text) == slug


def test_a_compound_name_is_found_by_its_parts_and_as_one() -> None:
    assert name_words("Sinéad O’Brien-Łoś") == {"sinead", "o", "brien", "los", "obrienlos"}  # noqa: RUF001
    assert search_words("o'brien sin") == ["obrien", "sin"]
    assert search_words(" – ") == []  # noqa: RUF001


@examples(quick=50, deep=300)
@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert slug_from_text(text) == slug_from_text(fold(text))


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from("\u200b\u2060\ufeff\u00ad\u202e\ufe0f"))
def test_invisible_characters_change_nothing(text: str, invisible: str) -> None:
    assert drop_invisible(invisible.join(text)) == drop_invisible(text)
