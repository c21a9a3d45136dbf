"""PINs: six digits that are not guessed at once, and useless without the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from models.errors import Invalid
from models.staff.credentials.derived_key import KEY_LENGTH, derive_key
from models.staff.credentials.pin import check_pin, hash_pin, pin_matches

KEY = derive_key("a secret of the tests", "PINs")
PINS = st.from_regex(r"[0-9]{6}", fullmatch=True)


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12345a", " 48291", "48291\n", "٤٨٢٩١٧", "-48291"])
def test_a_pin_has_six_digits(pin: str) -> None:
    with pytest.raises(Invalid, match="six digits") as refused:
        check_pin(pin, pointer="/new_pin")
    assert refused.value.pointer == "/new_pin"


@pytest.mark.parametrize(
    "pin",
    ["000000", "123456", "654321", "012345", "135791", "121212", "123123", "123321", "778777", "147258"],
)
def test_a_pin_that_people_try_first_is_refused(pin: str) -> None:
    with pytest.raises(Invalid, match="easy to guess"):
        check_pin(pin)


@pytest.mark.parametrize("pin", ["482917", "906153", "271828", "005839"])
def test_another_pin_is_taken(pin: str) -> None:
    assert check_pin(pin) == pin


@given(pin=PINS, other=PINS)
def test_only_the_same_pin_of_the_same_person_matches(pin: str, other: str) -> None:
    ana, ben = uuid7(), uuid7()
    digest = hash_pin(pin, key=KEY, staff_id=ana)
    assert pin_matches(digest, pin, key=KEY, staff_id=ana)
    assert not pin_matches(digest, pin, key=KEY, staff_id=ben)
    assert pin_matches(digest, other, key=KEY, staff_id=ana) == (pin == other)


def test_nobody_matches_no_pin() -> None:
    assert not pin_matches(None, "482917", key=KEY, staff_id=uuid7())


def test_a_digest_is_of_no_use_under_another_key() -> None:
    ana = uuid7()
    other_key = derive_key("another secret", "PINs")
    assert len(KEY) == KEY_LENGTH
    assert KEY not in (other_key, derive_key("a secret of the tests", "second factors"))
    assert not pin_matches(hash_pin("482917", key=KEY, staff_id=ana), "482917", key=other_key, staff_id=ana)
