"""What a profile says of somebody: name and contacts, how to speak with them, and what they agreed to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column, validates

from models.access import Actor
from models.base import Base, link
from models.consent import Consent, ConsentSource, allergies, contact_consent
from models.contact import CONTACTS, KEYS, LONGEST_EMAIL, LONGEST_NAME, LONGEST_NUMBER

KNOWN_BY = frozenset({"name", *CONTACTS})  # a profile has at least one of them
WORDS, LISTS = ("preferred_name", "pronunciation", "preferences"), ("languages", "tags")
# Compared byte by byte on both databases, so that a range of an ordinary index holds every name with one beginning.
BYTES = String(LONGEST_NAME).with_variant(String(LONGEST_NAME, collation="C"), "postgresql")


class Profile(Base):
    """The part of a customer that is told. The keys follow what they are made from; see `contact.KEYS`."""

    __abstract__ = True

    name: Mapped[str | None] = mapped_column(String(LONGEST_NAME))
    phone: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(LONGEST_EMAIL))
    loyalty_number: Mapped[str | None] = mapped_column(String(LONGEST_NUMBER))
    name_key: Mapped[str | None] = mapped_column(BYTES)
    phone_key: Mapped[str | None] = mapped_column(String(20))
    email_key: Mapped[str | None] = mapped_column(String(LONGEST_EMAIL))
    loyalty_number_key: Mapped[str | None] = mapped_column(String(LONGEST_NUMBER))
    preferred_name: Mapped[str | None] = mapped_column(String(LONGEST_NAME))
    pronunciation: Mapped[str | None] = mapped_column(String(LONGEST_NAME))
    languages: Mapped[list[Any]] = mapped_column(default=list)
    tags: Mapped[list[Any]] = mapped_column(default=list)
    preferences: Mapped[str | None] = mapped_column(Text)
    may_contact: Mapped[bool | None]
    consent_at: Mapped[datetime | None]
    consent_source: Mapped[ConsentSource | None]
    consent_by_id: Mapped[UUID | None] = link("staff", nullable=True)
    allergies: Mapped[str | None] = mapped_column(Text)
    allergies_consent_at: Mapped[datetime | None]

    @validates(*KEYS)
    def _keep_the_key(self, field: str, value: str | None) -> str | None:
        setattr(self, f"{field}_key", KEYS[field](value) if value else None)
        return value

    @property
    def consent(self) -> Consent | None:
        if self.may_contact is None or self.consent_at is None or self.consent_source is None:
            return None
        return Consent(self.may_contact, self.consent_at, self.consent_source)


def beside_contacts(said: dict[str, Any], *, since: datetime | None, by: Actor, at: datetime) -> dict[str, Any]:
    """The columns for everything that was said but name and contacts; `since` is the earlier consent to allergies."""
    values: dict[str, Any] = {name: (said[name] or "").strip() or None for name in WORDS if name in said}
    for name in LISTS:
        if name in said:
            values[name] = list(dict.fromkeys(one.strip() for one in said[name] or () if one.strip()))
    if "consent" in said:
        values |= contact_consent(said["consent"], by=by, at=at)
    if {"allergies", "allergies_consent"} & said.keys():
        values |= allergies(said, since=since, at=at)
    return values
