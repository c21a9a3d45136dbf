"""Page with the QR codes of a store's places, to print, cut out and stick on the tables."""

from base64 import b64encode
from collections.abc import Sequence

from flask import Response

from api.links import SVG, public_url, qr_svg
from api.pages.page import InlineStyle, render_page
from models.organizations.store import Store
from models.recovery.qr_code import QrCode

STYLE = InlineStyle.load("qr_sheet.css")


def render_qr_sheet(store: Store, codes: Sequence[QrCode], *, language: str) -> Response:
    """Return the page of these codes, in the language of the customers who will read it."""
    cards = [(code.place, _picture(public_url("q", code.token))) for code in codes]
    page = render_page(
        "qr_sheet.html", fixed_language=language, names_language=language, sheet=STYLE.sheet, store=store, cards=cards
    )
    page.headers.update(STYLE.headers)
    return page


def _picture(link: str) -> str:
    """Return the QR code as a data URL, so that the page needs no second request."""
    return f"data:{SVG};base64,{b64encode(qr_svg(link).encode()).decode()}"
