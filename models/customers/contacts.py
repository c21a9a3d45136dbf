"""How a customer can be told from others: contacts in the one form they are kept in, and keys that forgive spelling."""

from collections.abc import Callable
from typing import Any

import phonenumbers

from models.db.text import fold
from models.errors import Invalid

CONTACT_FIELDS = ("phone", "email", "loyalty_number")
MAX_EMAIL_LENGTH, MAX_LOYALTY_NUMBER_LENGTH = 254, 60
PHONE_KEY_DIGITS = 8  # of a phone number: what is left when a country or a zero was told differently


def to_e164(phone: str, country: str | None) -> str:
    """A phone number in E.164; a national one is read with the store's country. Invalid when it is no number."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException as error:
        hint = "" if country else " Without a store to tell the country it has to start with + and the country code."
        raise Invalid(f"This is not a phone number.{hint}", pointer="/phone") from error
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This phone number is too short or too long to exist.", pointer="/phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalize_contacts(said: dict[str, Any], country: str | None) -> dict[str, str]:
    """Contacts in the one form they are stored and searched in; blank ones left out."""
    details = {field: value.strip() for field, value in said.items() if value and value.strip()}
    if phone := details.get("phone"):
        details["phone"] = to_e164(phone, country)
    if email := details.get("email"):
        details["email"] = email.lower()
        if len(details["email"]) > MAX_EMAIL_LENGTH:  # some letters become two when they are made small
            raise Invalid(f"An e-mail address has at most {MAX_EMAIL_LENGTH} characters.", pointer="/email")
    if not details:
        raise Invalid("Give a name, a phone number, an e-mail address or a loyalty number.", pointer="")
    return details


def _phone_key(phone: str) -> str:
    return phone[-PHONE_KEY_DIGITS:]


def _email_key(email: str) -> str:
    """Many mailboxes do not mind dots, and deliver ana+news to ana."""
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '') or local}@{domain}"


def _loyalty_key(number: str) -> str:
    letters = "".join(sign for sign in number.casefold() if sign.isalnum())
    return (letters.lstrip("0") or number)[:MAX_LOYALTY_NUMBER_LENGTH]


# What is the same for two spellings of one thing.
MATCH_KEYS: dict[str, Callable[[str], str]] = {
    "name": fold,
    "phone": _phone_key,
    "email": _email_key,
    "loyalty_number": _loyalty_key,
}
