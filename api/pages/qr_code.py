"""The page behind a standing QR code: tell us while you are here."""

from typing import Any

from flask import Response, g, request
from uuid_utils.compat import uuid7

from api.pages.page import blueprint, database, organization_behind, sent, show
from api.schemas.feedback import TellFormSchema
from api.web.rate_limits import TOLD_AT_A_TABLE, TOLD_BY_RECEIPTS, count
from models.recovery.qr_code import StandingQr, is_told
from notifications.decide.announce import announce

blp = blueprint("standing-qr-pages")


@blp.get("/q/<token>")
def listen(token: str) -> Response:
    with database().reading(organization_behind(token)) as session:
        return _form(StandingQr.behind(session, token), said=request.args)


@blp.post("/q/<token>")
def tell(token: str) -> Response:
    """Whoever hammers a code is refused before anything is written, and long before a phone rings for it."""
    said, wrong = sent(TellFormSchema)
    organization_id = organization_behind(token)
    with database().reading(organization_id) as session:
        qr = StandingQr.behind(session, token)
        if wrong:
            return _form(qr, said=said, wrong=wrong)
        if is_told(session, said["id"]):
            return show("told.html", store=qr.store)
    count(TOLD_AT_A_TABLE if qr.place_id else TOLD_BY_RECEIPTS, str(qr.id))
    with database().writing(organization_id) as session:
        event = StandingQr.behind(session, token, lock=True).tell(session, id_=said.pop("id"), **said, at=g.now)
        if event is not None:
            announce(session, event)
        alert = event.concern.alert if event else None
        return show("told.html", store=qr.store, called=alert is not None and alert.calling)


def _form(qr: StandingQr, *, said: Any, wrong: dict[str, Any] | None = None) -> Response:
    """The form, with a name of its own (`id`), so that a second tap tells nothing twice."""
    fresh = {"id": str(uuid7()), "order": said.get("order", "")[:100]}
    kept = {} if wrong is None else said
    return show(
        "standing_qr.html",
        status=422 if wrong else 200,
        store=qr.store,
        place=qr.place,
        said={**fresh, **kept} if "id" not in (wrong or {}) else {**kept, **fresh},
        wrong=wrong or {},
    )
