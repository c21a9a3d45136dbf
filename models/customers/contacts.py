"""Contacts of a customer: their normal form, and match keys that are equal for different spellings."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

import idna
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult

from models.db.text import drop_invisible, fold
from models.errors import Invalid

CONTACT_FIELDS = ("phone", "email", "loyalty_number")  # each identifies one customer
# The columns that a contact stands in: who shares a phone number is told apart by the extension.
COLUMNS_BY_CONTACT: dict[str, tuple[str, ...]] = {
    field: (field, "phone_extension") if field == "phone" else (field,) for field in CONTACT_FIELDS
}
IDENTITY_FIELDS = tuple(chain.from_iterable(COLUMNS_BY_CONTACT.values()))
MAX_EMAIL_LENGTH, MAX_LOYALTY_NUMBER_LENGTH = 254, 60
MAX_PHONE_LENGTH = 40  # as typed, with spaces and signs
MAX_EXTENSION_LENGTH = 20  # as typed
SAME_PHONE_END = 8  # so many last digits are equal with another country code or a leading zero

_MAILBOX = r"[-!#$%&'*+/=?^`{}|~\w]+(\.[-!#$%&'*+/=?^`{}|~\w]+)*"
_DOMAIN = r"([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W_][\w-]{0,61}[^\W_]"
_EMAIL = re.compile(f"{_MAILBOX}@{_DOMAIN}")
_EXTENSION = re.compile(r"(?:ext\.?|x|#)?\s*(\d{1,11})", re.IGNORECASE)
# What phonenumbers does not read as the beginning of an extension, in the languages of this product.
_EXTENSION_WORDS = re.compile(r"\b(?:extens[aã]o|ramal|interno)\b", re.IGNORECASE)
# Until 2019 mobile numbers of Mexico were dialled with a 1 from abroad, and others with these prefixes at home.
_MEXICO: Final = 52
_MEXICAN_PREFIX = re.compile(r"(?:0?1|04[45])(\d{10})")


def to_phone(phone: str, country: str | None, extension: str | None = None) -> tuple[str, str]:
    """Return a phone number in E.164 and its extension, which is empty where there is none.

    A national number needs a country. The extension may stand in the number, as in `+351 21 000 0020 ext. 12`, or
    beside it. Invalid for what is no number, or one that many share: a local one, or the same digit again and again.
    """
    number = _parse(phone, country)
    national = phonenumbers.national_significant_number(number)
    if number.country_code == _MEXICO and (mexican := _MEXICAN_PREFIX.fullmatch(national)):
        national = mexican[1]
        number = PhoneNumber(_MEXICO, int(national), number.extension)
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise Invalid("This phone number lacks its area code.", pointer="/phone")
    if reason != ValidationResult.IS_POSSIBLE:
        raise Invalid("This phone number is too short or too long to exist.", pointer="/phone")
    if len(set(national)) == 1:
        raise Invalid("This phone number is one digit again and again: it is nobody's.", pointer="/phone")
    inside = _to_extension(number.extension, pointer="/phone")
    beside = _to_extension(extension, pointer="/phone_extension")
    if inside and beside and inside != beside:
        raise Invalid("Another extension stands in the phone number.", pointer="/phone_extension")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164), beside or inside


def _parse(phone: str, country: str | None) -> PhoneNumber:
    try:
        return phonenumbers.parse(_EXTENSION_WORDS.sub("ext", unicodedata.normalize("NFC", phone)), country)
    except NumberParseException as error:
        hint = "" if country else " Without a store or a phone region it has to start with + and the country code."
        raise Invalid(f"This is not a phone number.{hint}", pointer="/phone") from error


def _to_extension(text: str | None, *, pointer: str) -> str:
    """Return the digits of an extension, or nothing for none: 'ext. 12' gives 12. Invalid when it cannot be one."""
    plain = drop_invisible(text or "").strip()
    if not plain:
        return ""
    match = _EXTENSION.fullmatch(plain)
    if match is None:
        raise Invalid("A phone extension has 1 to 11 digits.", pointer=pointer)
    return "".join(str(unicodedata.decimal(digit)) for digit in match[1])


def to_email(text: str) -> str:
    """Return an e-mail address as it is stored, its domain in ASCII. Invalid when it cannot be one."""
    mailbox, at, domain = unicodedata.normalize("NFC", drop_invisible(text)).strip().lower().rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError as error:
            raise Invalid("This is not an e-mail address.", pointer="/email") from error
    email = mailbox + at + domain
    if len(email) > MAX_EMAIL_LENGTH:  # some letters become two in lower case
        raise Invalid(f"An e-mail address has at most {MAX_EMAIL_LENGTH} characters.", pointer="/email")
    if not _EMAIL.fullmatch(email):
        raise Invalid("This is not an e-mail address.", pointer="/email")
    return email


def to_loyalty_number(text: str) -> str:
    """Return a loyalty number as it is stored. Invalid without a digit or letter that tells it from another."""
    number = text.strip()
    if not any(char.isalnum() and char != "0" for char in number):
        raise Invalid("This is not a loyalty number.", pointer="/loyalty_number")
    return number


def normalize_contacts(contacts: dict[str, Any], country: str | None) -> dict[str, str]:
    """Return name and contacts in the form they are stored and searched in, without blank ones. Invalid without any.

    The extension of a phone number stands in `phone_extension`, where it has one.
    """
    details: dict[str, str] = {}
    for _, read in _readings(contacts, country):
        details |= read()
    if not details:
        raise Invalid("Give a name, a phone number, an e-mail address or a loyalty number.", pointer="")
    return details


def usable_contacts(contacts: dict[str, Any], country: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return name and contacts as `normalize_contacts` does, and those that identify nobody, as they were typed.

    A phone number and its extension are one contact: if one of them cannot be read, both are left out.
    """
    usable: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for typed, read in _readings(contacts, country):
        try:
            usable |= read()
        except Invalid:
            left_out |= typed
    return usable, left_out


def _readings(
    contacts: dict[str, Any], country: str | None
) -> Iterator[tuple[dict[str, str], Callable[[], dict[str, str]]]]:
    """Yield the name and each contact that is not blank, as typed, with the function that returns its columns."""
    typed = {field: value for field, value in contacts.items() if value and drop_invisible(value).strip()}
    if name := typed.get("name"):
        yield {"name": name}, lambda: {"name": name.strip()}
    if phone := {field: typed[field] for field in COLUMNS_BY_CONTACT["phone"] if field in typed}:
        yield phone, lambda: _phone_columns(phone, country)
    if email := typed.get("email"):
        yield {"email": email}, lambda: {"email": to_email(email)}
    if number := typed.get("loyalty_number"):
        yield {"loyalty_number": number}, lambda: {"loyalty_number": to_loyalty_number(drop_invisible(number))}


def _phone_columns(typed: dict[str, str], country: str | None) -> dict[str, str]:
    if "phone" not in typed:
        raise Invalid("An extension needs the phone number that it belongs to.", pointer="/phone_extension")
    phone, extension = to_phone(drop_invisible(typed["phone"]), country, typed.get("phone_extension"))
    return {"phone": phone, "phone_extension": extension} if extension else {"phone": phone}


def phone_end_key(digits: str) -> str:
    """Return the beginning of the keys of all phone numbers that end with these digits: they stand backwards there."""
    return digits[::-1]


def _phone_key(phone: str) -> str:
    return phone_end_key(phone.removeprefix("+"))


def _email_key(email: str) -> str:
    """Drop dots and `+` tags from the mailbox: many providers ignore dots and deliver ana+news to ana."""
    local, _, domain = email.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '') or local}@{domain}"


def _loyalty_key(number: str) -> str:
    letters = "".join(char for char in number.casefold() if char.isalnum())
    return (letters.lstrip("0") or number)[:MAX_LOYALTY_NUMBER_LENGTH]


# For each field, a function whose result is equal for two spellings of one value; that of phones, in its beginning.
MATCH_KEYS: dict[str, Callable[[str], str]] = {
    "name": fold,
    "phone": _phone_key,
    "email": _email_key,
    "loyalty_number": _loyalty_key,
}
