"""Names, phone numbers and addresses as version 0.2.0 looks them up: what revision 1004 writes into rows of before.

A copy of what the application does at that revision, and, for the way back, of what it did before. It never changes.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import idna
import sqlalchemy as sa
from uuid_utils.compat import uuid7

BATCH = 2_000  # rows that are read and written at a time
MAX_LENGTH = 200
PHONE_KEY_DIGITS_BEFORE = 8

IGNORABLE = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, range(0xE0000, 0xE1000)))
LETTERS = dict(zip("øɵɔđðɖɗħłƚŧƭƀɓƈɛƒǥɠıɨȷƙƞɲƥʉƴƶȥŋəĸ", "oooddddhllttbbcefggiijknnpuyzzneq", strict=True)) | {
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
APOSTROPHES = frozenset(
    "'`\xb4\u2018\u2019\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb"
) | frozenset("\u055a\u05f3\ua78c\uff07\u1fbd\u1fbf")
DASHES = frozenset("\u2212\u2043\u02d7")
FRACTION_SLASHES = frozenset("\u2044\u2215")
TATWEEL = "\u0640"
MEXICAN_PREFIX = re.compile(r"\A\+52(?:0?1|04[45])(\d{10})\Z")


def fold(name: str) -> str:
    """Return a name as it is looked up from this revision on."""
    separated = []
    for before, char, after in zip(f" {name}", name, f"{name[1:]} ", strict=False):
        if char in APOSTROPHES:
            separated.append("'")
        elif char.isascii() or char.isdecimal():
            separated.append(char)
        elif unicodedata.decomposition(char).startswith("<fraction>"):
            separated.append(f" {char} ")
        else:
            plain = unicodedata.normalize("NFKD", char)
            first, last = before.isdecimal() and plain[0].isdecimal(), after.isdecimal() and plain[-1].isdecimal()
            separated.append(f"{' ' if first else ''}{char}{' ' if last else ''}")
    decomposed = unicodedata.normalize("NFKD", "".join(separated)).casefold()
    letters = map(_fold_character, unicodedata.normalize("NFKD", decomposed))
    return (" ".join("".join(letters).split()) or name)[:MAX_LENGTH].rstrip()


def _fold_character(char: str) -> str:
    category = unicodedata.category(char)
    invisible = char in IGNORABLE or category == "Cf" or (category == "Cc" and not char.isspace())
    if unicodedata.combining(char) or invisible or char == TATWEEL:
        return ""
    if char in APOSTROPHES:
        return "'"
    if char in DASHES or category == "Pd":
        return "-"
    if char in FRACTION_SLASHES:
        return "/"
    return str(unicodedata.decimal(char)) if char.isdecimal() else LETTERS.get(char, char)


def fold_before(name: str) -> str:
    """Return a name as it was looked up before this revision."""
    letters = (char for char in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(char))
    return (" ".join("".join(letters).split()) or name)[:MAX_LENGTH]


def words(name: str) -> list[str]:
    """Return the words by which a name is found."""
    result: set[str] = set()
    for chunk in fold(name).split():
        parts = "".join(
            char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in chunk
        ).split()
        result.update(parts, filter(None, ["".join(parts)]))
    return sorted(result)


def phone_key(phone: str) -> str:
    """Return the digits of a phone number backwards: its end is the beginning of a range."""
    return phone.removeprefix("+")[::-1]


def phone_key_before(phone: str) -> str:
    return phone[-PHONE_KEY_DIGITS_BEFORE:]


def email_with_ascii_domain(email: str) -> str:
    """Return an address with its domain in ASCII, or as it is where that cannot be."""
    mailbox, at, domain = email.rpartition("@")
    try:
        return email if domain.isascii() else mailbox + at + idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return email


def phone_of_mexico(phone: str) -> str:
    """Return a number without what was dialled before Mexican ones until 2019."""
    return MEXICAN_PREFIX.sub(r"+52\1", phone)


def email_key(email: str) -> str:
    local, _, domain = email.rpartition("@")
    return f"{re.sub(r'[+].*', '', local).replace('.', '') or local}@{domain}"


CUSTOMER = sa.table(
    "customer",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    *(sa.column(name, sa.String()) for name in ("name", "name_key", "phone", "phone_key", "email", "email_key")),
)
ITEM = sa.table(
    "catalogue_item",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    *(sa.column(name, sa.String()) for name in ("name", "name_key")),
)
NAME_WORD = sa.table(
    "customer_name_word",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "customer_id")),
    sa.column("word", sa.String()),
)


def fold_again(connection: sa.Connection) -> None:
    """Write the keys of all names, phone numbers and addresses, and the words of the names of customers."""
    _write_keys(connection, ITEM, {"name": fold})
    _write_keys(connection, CUSTOMER, {"name": fold, "phone": phone_key})
    for rows in _batches(connection, CUSTOMER, "name", "email", "phone"):
        of_names = [
            {"organization_id": row.organization_id, "id": uuid7(), "customer_id": row.id, "word": word}
            for row in rows
            for word in words(row.name or "")
        ]
        if of_names:
            connection.execute(NAME_WORD.insert(), of_names)
        for row in rows:
            if row.email and (email := email_with_ascii_domain(row.email)) != row.email:
                _rewrite(connection, row, email=email, email_key=email_key(email))
            if row.phone and (phone := phone_of_mexico(row.phone)) != row.phone:
                _rewrite(connection, row, phone=phone, phone_key=phone_key(phone))


def fold_as_before(connection: sa.Connection) -> None:
    """Write the keys that version 0.1.0 looks for."""
    _write_keys(connection, ITEM, {"name": fold_before})
    _write_keys(connection, CUSTOMER, {"name": fold_before, "phone": phone_key_before})


def _write_keys(connection: sa.Connection, table: sa.TableClause, keys: dict[str, Callable[[str], str]]) -> None:
    """Write the keys of these columns where they are others now: most names fold as they did."""
    stmt = table.update().where(
        table.c.organization_id == sa.bindparam("organization"), table.c.id == sa.bindparam("row")
    )
    stmt = stmt.values({f"{name}_key": sa.bindparam(f"new_{name}") for name in keys})
    for rows in _batches(connection, table, *keys, *(f"{name}_key" for name in keys)):
        changed = []
        for row in rows:
            present = {name: value and key(value) for name, key in keys.items() for value in [getattr(row, name)]}
            if any(value != getattr(row, f"{name}_key") for name, value in present.items()):
                new = {f"new_{name}": value for name, value in present.items()}
                changed.append({"organization": row.organization_id, "row": row.id, **new})
        if changed:
            connection.execute(stmt, changed)


def _rewrite(connection: sa.Connection, row: sa.Row[Any], **contact: str) -> None:
    """Write a contact, and after it its key, in the present form, unless another profile has that already."""
    of_organization = CUSTOMER.c.organization_id == row.organization_id
    field, present = next(iter(contact.items()))
    in_use = sa.select(CUSTOMER.c.id).where(of_organization, CUSTOMER.c[field] == present)
    if connection.execute(in_use).first() is None:
        connection.execute(CUSTOMER.update().where(of_organization, CUSTOMER.c.id == row.id).values(contact))


def _batches(connection: sa.Connection, table: sa.TableClause, *columns: str) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield all rows of a table, with its key and these columns, some thousands at a time."""
    key = sa.tuple_(table.c.organization_id, table.c.id)
    stmt = sa.select(table.c.organization_id, table.c.id, *(table.c[name] for name in columns))
    stmt = stmt.order_by(table.c.organization_id, table.c.id).limit(BATCH)
    rows = connection.execute(stmt).all()
    while rows:
        yield rows
        after = sa.tuple_(*(sa.literal(value, sa.Uuid()) for value in rows[-1][:2]))
        rows = connection.execute(stmt.where(key > after)).all()
