"""Contacts: one normal form for all spellings, and no key for what identifies nobody."""

import pytest

from models.customers.contacts import normalize_contacts, usable_contacts
from models.errors import Invalid

SWITCHBOARD = {"phone": "+351210000020", "phone_extension": "12"}


@pytest.mark.parametrize(
    "spelling",
    [
        "+351 21 000 0020 ext. 12",
        "21 000 0020 ext 12",
        "21 000 0020 x12",
        "21 000 0020 #12",
        "+351210000020;ext=12",
        "tel:+351-21-000-0020;ext=12",
        "21 000 0020 extensão 12",
        "21 000 0020 ramal 12",
        "+351\u200b21\u00a0000\u00a00020 ext. 12",
        "+٣٥١ ٢١ ٠٠٠ ٠٠٢٠ ext. ١٢",  # noqa: RUF001 digits of Arabic
    ],
)
def test_an_extension_in_the_number_is_split_off(spelling: str) -> None:
    assert normalize_contacts({"phone": spelling}, "PT") == SWITCHBOARD


@pytest.mark.parametrize("extension", ["12", " 12 ", "ext. 12", "x12", "#12", "١٢"])
def test_an_extension_may_stand_beside_the_number(extension: str) -> None:
    assert normalize_contacts({"phone": "21 000 0020", "phone_extension": extension}, "PT") == SWITCHBOARD
    assert normalize_contacts({"phone": "21 000 0020 x12", "phone_extension": extension}, "PT") == SWITCHBOARD


@pytest.mark.parametrize(
    ("contacts", "pointer"),
    [
        ({"phone": "21 000 0020 x12", "phone_extension": "13"}, "/phone_extension"),
        ({"phone": "21 000 0020", "phone_extension": "the lodge"}, "/phone_extension"),
        ({"phone": "21 000 0020", "phone_extension": "123456789012"}, "/phone_extension"),
        ({"phone_extension": "12"}, "/phone_extension"),
        ({"phone": "000 000 000"}, "/phone"),
        ({"phone": "+351 999 999 999"}, "/phone"),
        ({"phone": "112"}, "/phone"),
        ({"email": "ana@-example.com"}, "/email"),
        ({"email": "ana@exämple..com"}, "/email"),
        ({"loyalty_number": "000"}, "/loyalty_number"),
        ({"loyalty_number": "-"}, "/loyalty_number"),
        ({"name": "\u200b", "phone": " \u2060"}, ""),
    ],
)
def test_what_identifies_nobody_is_refused_with_its_pointer(contacts: dict[str, str], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalize_contacts(contacts, "PT")
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(("phone", "country"), [("555-0199", "US"), ("+1 555 0199", None), ("7946 0018", "GB")])
def test_a_local_number_is_refused_as_strangers_share_it(phone: str, country: str | None) -> None:
    with pytest.raises(Invalid, match="area code"):
        normalize_contacts({"phone": phone}, country)


@pytest.mark.parametrize(
    "spelling", ["+52 1 55 1234 5678", "+52 55 1234 5678", "55 1234 5678", "044 55 1234 5678", "01 55 1234 5678"]
)
def test_mexican_numbers_lose_the_prefixes_of_old(spelling: str) -> None:
    assert normalize_contacts({"phone": spelling}, "MX") == {"phone": "+525512345678"}


def test_the_9_of_argentine_mobile_numbers_is_part_of_them() -> None:
    assert normalize_contacts({"phone": "+54 9 11 2345 6789"}, None) == {"phone": "+5491123456789"}
    assert normalize_contacts({"phone": "11 15 2345 6789"}, "AR") == {"phone": "+5491123456789"}


@pytest.mark.parametrize(
    "spelling",
    [
        " Ana@Exämple.com\u200b",
        "ana@xn--exmple-cua.com",
        "ANA@EXÄMPLE.COM",
        "ana@exa\u0308mple.com",
        "\ufeffana@exämple。com",
    ],
)
def test_an_address_is_compared_without_invisible_characters_and_by_its_ascii_domain(spelling: str) -> None:
    assert normalize_contacts({"email": spelling}, None) == {"email": "ana@xn--exmple-cua.com"}


def test_what_identifies_nobody_is_left_out_as_it_was_typed() -> None:
    typed = {
        "name": " Ana ",
        "phone": "555-0199",
        "phone_extension": "12",
        "email": "Ana@example.org ",
        "loyalty_number": "0",
    }
    assert usable_contacts(typed, "US") == (
        {"name": "Ana", "email": "ana@example.org"},
        {"phone": "555-0199", "phone_extension": "12", "loyalty_number": "0"},
    )
    assert usable_contacts({"phone": " ", "name": ""}, "US") == ({}, {})
    # Without its extension the number would be that of somebody else.
    unreadable = {"phone": "21 000 0020", "phone_extension": "the lodge"}
    assert usable_contacts(unreadable, "PT") == ({}, unreadable)
