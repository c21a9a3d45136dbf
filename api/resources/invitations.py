"""One-time codes: a first password or PIN, and forgotten ones. Nobody is signed in here."""

from typing import Any

from flask import Response, current_app, g

from api.schemas.invitations import (
    PasswordResetSchema,
    RedeemedSchema,
    RedeemInvitationSchema,
    RedeemPasswordResetSchema,
)
from api.web.blueprint import Blueprint
from api.web.client_address import client_address
from api.web.rate_limits import RESET_LIMIT, RESETS_OF_ADDRESS_LIMIT, count_hit
from api.web.redemption import Redeemed, redeem
from api.web.resource import Resource
from models.access import Permission
from models.db.session import ALL_TENANTS, Database
from models.operations.people.invite_staff import send_reset_mail
from models.organizations.organization import Organization

blp = Blueprint("invitations", __name__, "One-time codes: a first password or PIN, and forgotten ones")


@blp.route("/invitations/redeem")
class RedeemInvitation(Resource):
    permissions = {"POST": Permission.ANYONE}

    @blp.arguments(RedeemInvitationSchema)
    @blp.response(200, RedeemedSchema)
    @blp.refuses(410, 429)
    def post(self, data: dict[str, Any]) -> Redeemed:
        """Set a password, a PIN or both with a one-time code

        The code is void afterwards, and so are the other codes of the person; all their sign-ins end. 410
        `code-not-valid`, in the same words, for a code that is unknown, used, withdrawn or expired, and for somebody
        who has left. A password or PIN that is refused (422) leaves the code as it is. The `device_proof` goes with the
        first sign-in, so that no guesses of strangers keep the person off a new phone.
        """
        return redeem(**data)


@blp.route("/password-resets")
class PasswordResets(Resource):
    permissions = {"POST": Permission.ANYONE}

    @blp.arguments(PasswordResetSchema)
    @blp.response(202)
    @blp.refuses(429)
    def post(self, data: dict[str, Any]) -> Response:
        """Ask for a mail with a one-time code

        Always 202, in the same time, whether or not there is such a person with an e-mail address. Without one the
        manager makes a code. At most five times an hour for one login.
        """
        count_hit(RESETS_OF_ADDRESS_LIMIT, "reset", client_address())
        count_hit(RESET_LIMIT, "reset", data["organization"], data["login"])
        database: Database = current_app.extensions["database"]
        with database.reading(ALL_TENANTS) as session:
            organization_id = Organization.find_id(session, data["organization"])
        if organization_id is not None:  # their names are no secret: whoever signs in has to know them
            with database.writing(organization_id) as session:
                send_reset_mail(session, organization_id, data["login"], at=g.now)
        accepted = current_app.response_class(status=202)
        del accepted.headers["Content-Type"]
        return accepted


@blp.route("/password-resets/redeem")
class RedeemPasswordReset(Resource):
    permissions = {"POST": Permission.ANYONE}

    @blp.arguments(RedeemPasswordResetSchema)
    @blp.response(200, RedeemedSchema)
    @blp.refuses(410, 429)
    def post(self, data: dict[str, Any]) -> Redeemed:
        """Set a new password with the code of the mail

        The same as `POST /v1/invitations/redeem`.
        """
        return redeem(**data)
