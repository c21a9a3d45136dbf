"""Shifts of colleagues: who is on the floor, ended by whoever leads, begun and ended by a time clock."""

from typing import Any

from flask import g

from api.schemas.shifts import ClockedShiftSchema, RecordedShiftSchema, StoreOnShiftSchema
from api.web.blueprint import Blueprint
from api.web.resource import Resource
from models.access import Permission
from models.operations.people.clocked_shift import put_shift
from models.operations.people.on_shift import on_shift
from models.operations.people.shifts import end_shift
from models.organizations.store import Store
from models.staff.shift import Shift
from notifications.decide.announce import announce_all, announce_shift_ended

blp = Blueprint("shifts", __name__, "Shifts: who is on the floor, ended by others, begun and ended by a time clock")


@blp.route("/stores/<uuid:store_id>/on-shift")
class StoreOnShift(Resource):
    permissions = {"GET": Permission.STAFF_READ}
    path_models = {"store_id": Store}

    @blp.response(200, StoreOnShiftSchema)
    def get(self, store: Store) -> dict[str, Any]:
        """List who is on shift in a store: since when, who leads, and how many phones reach each of them

        For everybody who works there. Only the lead of the shift and the managers see who pauses: to others a colleague
        who pauses looks like any other.
        """
        return {"items": on_shift(g.session, store, by=g.actor, at=g.now)}


@blp.route("/shifts/<uuid:shift_id>")
class ShiftById(Resource):
    permissions = {"DELETE": Permission.SHIFT_END}
    path_models = {"shift_id": Shift}
    locks_itself = frozenset({"DELETE"})

    @blp.response(204)
    def delete(self, shift: Shift) -> None:
        """End the shift of a colleague who forgot to check out

        For whoever leads the shift there, and managers; 403 for others. It is recorded who did it, and the person is
        told. Concerns they have taken there are given back, and ring again. A shift that is over stays as it is. One's
        own shift ends as by a check-out.
        """
        ended, given_back = end_shift(g.session, shift, by=g.actor, at=g.now)
        announce_all(g.session, given_back)
        if ended:
            announce_shift_ended(g.session, shift, at=g.now)


@blp.route("/shifts/<string:source>/<string:reference>")
class ShiftOfTimeClock(Resource):
    permissions = {"PUT": Permission.SHIFT_SYNC}

    @blp.arguments(ClockedShiftSchema)
    @blp.response(200, RecordedShiftSchema)
    @blp.alt_response(201, schema=RecordedShiftSchema, description="The shift began by this")
    def put(self, data: dict[str, Any], source: str, reference: str) -> Any:
        """Begin or end a shift for a time clock: a repeat changes nothing

        `source` is the name of the clock, `reference` that of the shift there. Without `ended_at` the shift begins: the
        one before ends by this, unless the person began it with the app in the same store: that one becomes this one.
        With it the shift ends. Whichever shift ends, concerns that the person has taken in it are given back. It also
        ends by itself, as any other; a shift that is over stays over, and one that is over when it comes changes no
        other. 422 for somebody who does not work in that store, and for times that cannot be; 409
        `already-exists` for a reference of somebody else or of another store.
        """
        shift, is_new, given_back = put_shift(g.session, source, reference, data, by=g.actor, at=g.now)
        announce_all(g.session, given_back)
        return shift, 201 if is_new else 200
