"""How to begin with a customer who has told their concern before."""

from models.operations.guidance import Apology
from notifications.messages.translations import translations_for


def opening(apology: Apology, *, locale: str | None) -> str:
    """Return an apology, and what was tried in the organization's own words."""
    _ = translations_for(locale).gettext
    sorry = _("I am sorry that you have to tell this again.")
    if not apology.tried:
        return sorry
    tried = _("What we have tried: {remedies}.").format(remedies=", ".join(apology.tried))
    return f"{sorry} {tried}"
