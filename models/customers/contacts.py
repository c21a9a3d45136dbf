"""How a customer can be told from others: contacts in the one form they are kept in, and keys that forgive spelling."""

from collections.abc import Callable
from typing import Any

import phonenumbers

from models.db.text import folded
from models.errors import Invalid

CONTACTS = ("phone", "email", "loyalty_number")
LONGEST_EMAIL, LONGEST_NUMBER = 254, 60
LAST_DIGITS = 8  # of a phone number: what is left when a country or a zero was told differently


def e164(phone: str, country: str | None) -> str:
    """A phone number in E.164; a national one is read with the store's country. Invalid when it is no number."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException as error:
        hint = "" if country else " Without a store to tell the country it has to start with + and the country code."
        raise Invalid(f"This is not a phone number.{hint}", pointer="/phone") from error
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This phone number is too short or too long to exist.", pointer="/phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalised(said: dict[str, Any], country: str | None) -> dict[str, str]:
    """Contacts in the one form they are stored and searched in; blank ones left out."""
    details = {field: value.strip() for field, value in said.items() if value and value.strip()}
    if phone := details.get("phone"):
        details["phone"] = e164(phone, country)
    if email := details.get("email"):
        details["email"] = email.lower()
        if len(details["email"]) > LONGEST_EMAIL:  # some letters become two when they are made small
            raise Invalid(f"An e-mail address has at most {LONGEST_EMAIL} characters.", pointer="/email")
    if not details:
        raise Invalid("Give a name, a phone number, an e-mail address or a loyalty number.", pointer="")
    return details


def _phone_key(phone: str) -> str:
    return phone[-LAST_DIGITS:]


def _email_key(email: str) -> str:
    """Many mailboxes do not mind dots, and deliver ana+news to ana."""
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '') or local}@{domain}"


def _loyalty_key(number: str) -> str:
    letters = "".join(sign for sign in number.casefold() if sign.isalnum())
    return (letters.lstrip("0") or number)[:LONGEST_NUMBER]


# What is the same for two spellings of one thing.
KEYS: dict[str, Callable[[str], str]] = {
    "name": folded,
    "phone": _phone_key,
    "email": _email_key,
    "loyalty_number": _loyalty_key,
}
