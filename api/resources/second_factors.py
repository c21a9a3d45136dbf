"""Second factors: set up, confirmed, removed."""

from typing import Any

from flask import g

from api.schemas.second_factors import ConfirmedSecondFactorSchema, ConfirmSecondFactorSchema, SecondFactorSchema
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.keys import second_factor_key
from api.web.resource import Resource
from models.access import Permission
from models.errors import NotFound
from models.staff.credentials.second_factor import SecondFactor
from models.staff.staff import Staff
from notifications.decide.announce import announce_factor_removed

blp = Blueprint("second-factors", __name__, "Second factors: the authenticator apps of people")


@blp.route("/me/second-factor")
class MySecondFactor(Resource):
    permissions = {"POST": Permission.SECOND_FACTOR_SET, "DELETE": Permission.SECOND_FACTOR_SET}
    recent_sign_in = without_second_factor = frozenset({"POST", "DELETE"})

    @blp.response(201, SecondFactorSchema)
    def post(self) -> SecondFactor:
        """Set up a second factor: answers its secret for an authenticator app, once

        It counts when a code of the app was confirmed; until then a repeat replaces the secret. 409 `not-now` for
        whoever has one: it is removed first.
        """
        staff = Staff.get_visible(g.session, g.actor.person, actor=g.actor, lock=True)
        return SecondFactor.begin(g.session, staff=staff, key=second_factor_key(), at=g.now)

    @blp.response(204)
    @blp.refuses(404)
    def delete(self) -> None:
        """Remove one's own second factor, to set up another one or none

        An administrator, who has to have one, can do nothing else until the next one is confirmed.
        """
        staff = Staff.get_visible(g.session, g.actor.person, actor=g.actor, lock=True)
        SecondFactor.remove(g.session, staff=staff)


@blp.route("/me/second-factor/confirm")
class ConfirmMySecondFactor(Resource):
    permissions = {"POST": Permission.SECOND_FACTOR_SET}
    recent_sign_in = without_second_factor = frozenset({"POST"})

    @blp.arguments(ConfirmSecondFactorSchema)
    @blp.response(200, ConfirmedSecondFactorSchema)
    @blp.refuses(404)
    @idempotent(SecondFactor, status=200)
    def post(self, data: dict[str, Any], second_factor: SecondFactor) -> SecondFactor:
        """Confirm one's second factor with a code of the app: from now on signing in needs one

        Answers ten recovery codes, once; each is accepted in place of a code, once. All other sign-ins with a password
        end. 404 before `POST /v1/me/second-factor`.
        """
        second_factor.confirm(g.session, data["code"], by=g.actor, key=second_factor_key(), at=g.now)
        return second_factor

    def _find(self, _path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """Return the second factor of the signed-in person as the subject: this path has no id."""
        Staff.lock_staff(g.session, g.actor.person)
        factor = SecondFactor.of(g.session, g.actor.person, lock=lock)
        if factor is None:
            raise NotFound("You have not begun to set up a second factor: POST /v1/me/second-factor does.")
        return {"second_factor": factor}


@blp.route("/staff/<uuid:staff_id>/second-factor")
class StaffSecondFactor(Resource):
    permissions = {"DELETE": Permission.SECOND_FACTOR_REMOVE}
    recent_sign_in = frozenset({"DELETE"})
    path_models = {"staff_id": Staff}

    @blp.response(204)
    def delete(self, staff: Staff) -> None:
        """Remove the second factor of a colleague who has lost their phone; they are told

        They sign in with the password alone then, and an administrator has to set up another one at once.
        """
        SecondFactor.remove(g.session, staff=staff)
        announce_factor_removed(g.session, staff, at=g.now)
