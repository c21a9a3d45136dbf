"""Consent of a customer to being contacted, and to the storage of their allergies."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from models.access import Actor
from models.errors import Invalid


class ConsentSource(StrEnum):
    """Where the customer gave the consent."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    WEB = "web"
    APP = "app"


@dataclass(frozen=True)
class Consent:
    """The customer's latest answer on whether they may be contacted."""

    contact: bool
    given_at: datetime
    source: ConsentSource


def contact_consent_columns(consent: dict[str, Any] | None, *, by: Actor, at: datetime) -> dict[str, Any]:
    """Return the profile columns for a consent (`contact`, `source`), recorded by this actor.

    None clears the consent: nobody knows what the customer wants, and the profile keeps since when.
    """
    return {
        "may_contact": consent["contact"] if consent else None,
        "consent_source": consent["source"] if consent else None,
        "consent_at": at,
        "consent_by_id": by.staff_id,
    }


def standing(contact: bool | None, at: datetime | None) -> tuple[datetime, int]:  # noqa: FBT001 as the profile has it
    """Return what sorts statements about one consent: the last one stands, in whatever order they arrive.

    That is the newest: what a phone sends late may be older. Of those at one time the no stands, and else that the
    consent was cleared (None). Without a time nothing was ever said.
    """
    return at or datetime.min.replace(tzinfo=UTC), (True, None, False).index(contact)


def allergy_columns(data: dict[str, Any], *, since: datetime | None, at: datetime) -> dict[str, Any]:
    """Return the profile columns for `allergies` and `allergies_consent`.

    Allergies need a consent of their own, and are deleted when it is withdrawn. `since` is when it was given earlier.
    Invalid for allergies without consent.
    """
    agrees, allergies = data.get("allergies_consent"), (data.get("allergies") or "").strip() or None
    if agrees is True and since is None:
        since = at
    if agrees is False:
        since = None
    if allergies and since is None:
        raise Invalid("Allergies are kept with the customer's consent only: allergies_consent.", pointer="/allergies")
    if agrees is False:
        return {"allergies": None, "allergies_consent_at": None}
    return {"allergies_consent_at": since} | ({"allergies": allergies} if "allergies" in data else {})
