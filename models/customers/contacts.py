"""Contacts of a customer: their normal form, and match keys that are equal for different spellings."""

import re
from collections.abc import Callable
from typing import Any

import phonenumbers

from models.db.text import fold
from models.errors import Invalid

CONTACT_FIELDS = ("phone", "email", "loyalty_number")
MAX_EMAIL_LENGTH, MAX_LOYALTY_NUMBER_LENGTH = 254, 60
MAX_PHONE_LENGTH = 40  # as typed, with spaces and signs
PHONE_KEY_DIGITS = 8  # the last digits of a phone number: equal with another country code or a leading zero

_MAILBOX = r"[-!#$%&'*+/=?^`{}|~\w]+(\.[-!#$%&'*+/=?^`{}|~\w]+)*"
_DOMAIN = r"([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W_][\w-]{0,61}[^\W_]"
_EMAIL = re.compile(f"{_MAILBOX}@{_DOMAIN}")


def to_e164(phone: str, country: str | None) -> str:
    """Return a phone number in E.164. A national number needs a country. Invalid when it is no number."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException as error:
        hint = "" if country else " Without a store or a phone region it has to start with + and the country code."
        raise Invalid(f"This is not a phone number.{hint}", pointer="/phone") from error
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This phone number is too short or too long to exist.", pointer="/phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def to_email(text: str) -> str:
    """Return an e-mail address as it is stored. Invalid when it cannot be one."""
    email = text.lower()
    if len(email) > MAX_EMAIL_LENGTH:  # some letters become two in lower case
        raise Invalid(f"An e-mail address has at most {MAX_EMAIL_LENGTH} characters.", pointer="/email")
    if not _EMAIL.fullmatch(email):
        raise Invalid("This is not an e-mail address.", pointer="/email")
    return email


def normalize_contacts(contacts: dict[str, Any], country: str | None) -> dict[str, str]:
    """Return name and contacts in the form they are stored and searched in, without blank ones. Invalid without any."""
    details = {field: value.strip() for field, value in contacts.items() if value and value.strip()}
    if phone := details.get("phone"):
        details["phone"] = to_e164(phone, country)
    if email := details.get("email"):
        details["email"] = email.lower()
        if len(details["email"]) > MAX_EMAIL_LENGTH:  # some letters become two in lower case
            raise Invalid(f"An e-mail address has at most {MAX_EMAIL_LENGTH} characters.", pointer="/email")
    if not details:
        raise Invalid("Give a name, a phone number, an e-mail address or a loyalty number.", pointer="")
    return details


def _phone_key(phone: str) -> str:
    return phone[-PHONE_KEY_DIGITS:]


def _email_key(email: str) -> str:
    """Drop dots and `+` tags from the mailbox: many providers ignore dots and deliver ana+news to ana."""
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '') or local}@{domain}"


def _loyalty_key(number: str) -> str:
    letters = "".join(char for char in number.casefold() if char.isalnum())
    return (letters.lstrip("0") or number)[:MAX_LOYALTY_NUMBER_LENGTH]


# For each field, a function whose result is equal for two spellings of one value.
MATCH_KEYS: dict[str, Callable[[str], str]] = {
    "name": fold,
    "phone": _phone_key,
    "email": _email_key,
    "loyalty_number": _loyalty_key,
}
