"""The page behind a standing QR code: tell us while you are here."""

from typing import Any

from flask import Response, g, request
from uuid_utils.compat import uuid7

from api.pages.page import blueprint, database, organization_behind, read_form, render_page
from api.schemas.standing_qrs import ConcernFormSchema
from api.web.rate_limits import RECEIPT_QR_LIMIT, TABLE_QR_LIMIT, count_hit
from models.recovery.qr_code import QrCode, is_already_logged
from notifications.decide.announce import announce

blp = blueprint("standing-qr-pages")


@blp.get("/q/<token>")
def listen(token: str) -> Response:
    with database().reading(organization_behind(token)) as session:
        return _form(QrCode.by_token(session, token), said=request.args)


@blp.post("/q/<token>")
def tell(token: str) -> Response:
    """Whoever hammers a code is refused before anything is written, and long before a phone rings for it."""
    said, wrong = read_form(ConcernFormSchema)
    organization_id = organization_behind(token)
    with database().reading(organization_id) as session:
        qr = QrCode.by_token(session, token)
        if wrong:
            return _form(qr, said=said, wrong=wrong)
        if is_already_logged(session, said["id"]):
            return render_page("told.html", store=qr.store)
    count_hit(TABLE_QR_LIMIT if qr.place_id else RECEIPT_QR_LIMIT, str(qr.id))
    with database().writing(organization_id) as session:
        event = QrCode.by_token(session, token, lock=True).log_concern(session, id_=said.pop("id"), **said, at=g.now)
        if event is not None:
            announce(session, event)
        alert = event.concern.alert if event else None
        return render_page("told.html", store=qr.store, called=alert is not None and alert.is_ringing)


def _form(qr: QrCode, *, said: Any, wrong: dict[str, Any] | None = None) -> Response:
    """The form, with a name of its own (`id`), so that a second tap tells nothing twice."""
    fresh = {"id": str(uuid7()), "order": said.get("order", "")[:100]}
    kept = {} if wrong is None else said
    return render_page(
        "standing_qr.html",
        status=422 if wrong else 200,
        store=qr.store,
        place=qr.place,
        said={**fresh, **kept} if "id" not in (wrong or {}) else {**kept, **fresh},
        wrong=wrong or {},
    )
