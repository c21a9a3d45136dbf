"""Page behind a one-time code: a person sets their password, their PIN or both."""

from flask import Response

from api.pages.page import blueprint, read_form, render_page
from api.schemas.invitations import InvitationFormSchema
from api.web.redemption import check_code, redeem
from models.errors import Expired, Invalid

blp = blueprint("invitation-pages")
blp.register_error_handler(Expired, lambda _: render_page("invitation_not_valid.html", status=410))


@blp.get("/i/<token:code>")
def show_form(code: str) -> Response:
    check_code(code)
    return render_page("invitation.html")


@blp.post("/i/<token:code>")
def set_credentials(code: str) -> Response:
    """Redeem the code. What was typed is never shown again; the code stays valid until something could be set."""
    values, errors = read_form(InvitationFormSchema)
    wrong = next(iter(errors), None) or _what_is_wrong(values)
    if wrong is None:
        try:
            sign_in = redeem(code, password=values.get("password"), pin=values.get("pin"))
        except Invalid as error:
            wrong = (error.pointer or "").removeprefix("/")
        else:
            return render_page("invitation_redeemed.html", sign_in=sign_in)
    else:
        check_code(code)
    return render_page("invitation.html", status=422, wrong=wrong)


def _what_is_wrong(values: dict[str, str]) -> str | None:
    """Return the field of the form that cannot be taken as it is, if there is one."""
    if not values.keys() & {"password", "pin"}:
        return "nothing"
    return "password_again" if values.get("password") != values.get("password_again") else None
