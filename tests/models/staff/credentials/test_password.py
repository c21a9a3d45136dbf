"""Passwords: hashed, compared, and long enough."""

import pytest

from models.errors import Invalid
from models.staff.credentials.password import hash_password, matching_spelling, password_hasher


def test_a_matching_spelling_its_own_hash_and_no_other() -> None:
    first, second = (hash_password("ten symbols") for _ in range(2))
    assert first != second  # salted
    assert first.startswith("$argon2id$")
    assert matching_spelling(first, "ten symbols")
    assert not matching_spelling(first, "ten symbolS")


def test_a_matching_spelling_in_nfc_and_as_it_was_typed_before_that() -> None:
    composed, decomposed = "p\xe9n\xe9lope's soup", "pe\u0301ne\u0301lope's soup"
    assert all(matching_spelling(hash_password(composed), typed) for typed in (composed, decomposed))
    of_before = password_hasher.hash(decomposed)
    assert matching_spelling(of_before, decomposed)
    assert not matching_spelling(of_before, composed)
    assert not matching_spelling(None, decomposed)


def test_nobody_matches_no_password() -> None:
    assert not matching_spelling(None, "nobody has this password")


def test_a_short_password_is_invalid() -> None:
    with pytest.raises(Invalid) as refused:
        hash_password("9 symbols")
    assert refused.value.pointer == "/password"
