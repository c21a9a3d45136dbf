"""Pages behind a standing QR code: the customer logs a concern while they are there, and sees how the call goes."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, g, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from uuid_utils.compat import uuid7

from api.pages.page import HEADERS, blueprint, database, organization_behind, read_form, render_page
from api.schemas.standing_qrs import ConcernFormSchema
from api.web.rate_limits import RECEIPT_QR_LIMIT, TABLE_QR_LIMIT, count_hit
from models.errors import NotFound
from models.policy_defaults import GUEST_PAGE_REFRESH
from models.recovery.qr_code import GuestCall, QrCode, find_by_guest, is_already_logged
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
            return _to_guest_page(token, values["id"])
    count_hit(TABLE_QR_LIMIT if qr.place_id else RECEIPT_QR_LIMIT, str(qr.id))
    with database().writing(organization_id) as session:
        id_ = values.pop("id")
        event = QrCode.by_token(session, token, lock=True).log_concern(session, id_=id_, **values, at=g.now)
        if event is not None:
            announce(session, event)
    return _to_guest_page(token, id_)


@blp.get("/q/<token>/<token:signature>")
def show_call(token: str, signature: str) -> Response:
    """Show how the call goes. The page asks again by itself, without a script, until the concern is over.

    Whatever else has the id that was sent looks like a concern that nobody was called for.
    """
    with database().reading(organization_behind(token)) as session:
        qr = QrCode.by_token(session, token)
        concern = find_by_guest(session, _concern_id(token, signature), at=g.now)
        call = GuestCall.of(concern) if concern else GuestCall.RECEIVED
        page = render_page("guest_call.html", store=qr.store, call=call)
    if call is not GuestCall.OVER:
        page.headers["Refresh"] = str(int(GUEST_PAGE_REFRESH.total_seconds()))
    return page


def _to_guest_page(token: str, concern_id: UUID) -> Response:
    """Lead to the page of a concern. Its address cannot be guessed by whoever knows the code and the id."""
    signature = _signer(token).dumps(concern_id.hex)
    address = url_for(".show_call", token=token, signature=signature, lang=request.args.get("lang"))
    return Response(status=303, headers={**HEADERS, "Location": address})


def _concern_id(token: str, signature: str) -> UUID:
    """Return the concern of an address that was made for this code. Raises NotFound for any other."""
    try:
        return UUID(_signer(token).loads(signature))
    except BadSignature as error:
        raise NotFound("There is no such page.") from error


def _signer(token: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"guest page {token}")


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
