"""What a customer agreed to: being contacted, and that we keep what they must not eat."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from models.access import Actor
from models.errors import Invalid


class ConsentSource(StrEnum):
    """Where a customer said so."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    WEB = "web"
    APP = "app"


@dataclass(frozen=True)
class Consent:
    """Whether a customer may be contacted, as they said it last."""

    contact: bool
    given_at: datetime
    source: ConsentSource


def contact_consent_columns(said: dict[str, Any] | None, *, by: Actor, at: datetime) -> dict[str, Any]:
    """The columns of a profile for what was said about being contacted; who takes it down, and when, is not told."""
    return {
        "may_contact": said["contact"] if said else None,
        "consent_source": said["source"] if said else None,
        "consent_at": at if said else None,
        "consent_by_id": by.staff_id if said else None,
    }


def allergy_columns(said: dict[str, Any], *, since: datetime | None, at: datetime) -> dict[str, Any]:
    """The columns of a profile for what was said about allergies: kept with a consent of its own, and gone with it.

    `since` is when that consent was given earlier. Invalid for allergies that nobody agreed to have kept.
    """
    agrees, told = said.get("allergies_consent"), (said.get("allergies") or "").strip() or None
    if agrees is True and since is None:
        since = at
    if agrees is False:
        since = None
    if told and since is None:
        raise Invalid("Allergies are kept with the customer's consent only: allergies_consent.", pointer="/allergies")
    if agrees is False:
        return {"allergies": None, "allergies_consent_at": None}
    return {"allergies_consent_at": since} | ({"allergies": told} if "allergies" in said else {})
