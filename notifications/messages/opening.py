"""How to begin with a customer who has told their concern before."""

from collections.abc import Callable

from models.operations.guidance import Apology
from models.organizations.names import Named
from notifications.messages.translations import translations_for


def opening(apology: Apology, *, locale: str | None, name: Callable[[Named], str]) -> str:
    """Return an apology, and what was tried, each by its `name`."""
    _ = translations_for(locale).gettext
    sorry = _("I am sorry that you have to tell this again.")
    if not apology.tried:
        return sorry
    tried = _("What we have tried: {remedies}.").format(remedies=", ".join(map(name, apology.tried)))
    return f"{sorry} {tried}"
