"""Page behind a standing QR code: the customer logs a concern while they are there."""

from typing import Any

from flask import Response, g, request
from uuid_utils.compat import uuid7

from api.pages.page import blueprint, database, organization_behind, read_form, render_page
from api.schemas.standing_qrs import ConcernFormSchema
from api.web.rate_limits import RECEIPT_QR_LIMIT, TABLE_QR_LIMIT, count_hit
from models.recovery.qr_code import QrCode, is_already_logged
from notifications.decide.announce import announce

blp = blueprint("standing-qr-pages")


@blp.get("/q/<token:token>")
def show_form(token: str) -> Response:
    with database().reading(organization_behind(token)) as session:
        return _form(QrCode.by_token(session, token), values=request.args)


@blp.post("/q/<token:token>")
def log_concern(token: str) -> Response:
    """Log what the customer wrote. The rate limit is checked before anything is written and any phone rings."""
    values, errors = read_form(ConcernFormSchema)
    organization_id = organization_behind(token)
    with database().reading(organization_id) as session:
        qr = QrCode.by_token(session, token)
        if errors:
            return _form(qr, values=values, errors=errors)
        if is_already_logged(session, values["id"]):
            return render_page("concern_received.html", store=qr.store)
    count_hit(TABLE_QR_LIMIT if qr.place_id else RECEIPT_QR_LIMIT, str(qr.id))
    with database().writing(organization_id) as session:
        event = QrCode.by_token(session, token, lock=True).log_concern(
            session, id_=values.pop("id"), **values, at=g.now
        )
        if event is not None:
            announce(session, event)
        alert = event.concern.alert if event else None
        return render_page("concern_received.html", store=qr.store, called=alert is not None and alert.is_ringing)


def _form(qr: QrCode, *, values: Any, errors: dict[str, Any] | None = None) -> Response:
    """Render the form with an id for the new concern, so that a second tap does not log it twice."""
    defaults = {"id": str(uuid7()), "order": values.get("order", "")[:100]}
    filled_in = {} if errors is None else values
    return render_page(
        "standing_qr.html",
        status=422 if errors else 200,
        store=qr.store,
        place=qr.place,
        values={**defaults, **filled_in} if "id" not in (errors or {}) else {**filled_in, **defaults},
        errors=errors or {},
    )
