"""The signed-in person: profile, shift, devices."""

from typing import Any

from flask import g

from api.blueprint import Blueprint
from api.resource import Resource
from api.schemas.sessions import DeviceSchema, MeSchema, PutDeviceSchema, PutShiftSchema, ShiftSchema
from models.access import Permission
from models.device import Device
from models.errors import Invalid, Missing
from models.staff import Shift, Staff
from models.store import Store

blp = Blueprint("me", __name__, "The signed-in person: profile, shift, devices")


@blp.route("/me")
class Me(Resource):
    needs = {"GET": Permission.ME_USE}

    @blp.response(200, MeSchema)
    def get(self) -> Staff:
        """Who am I, and where am I checked in"""
        return Staff.find(g.session, g.actor.staff_id, seen_by=g.actor)


@blp.route("/me/shift")
class MyShift(Resource):
    needs = {"PUT": Permission.ME_USE, "DELETE": Permission.ME_USE}

    @blp.arguments(PutShiftSchema)
    @blp.response(200, ShiftSchema)
    def put(self, data: dict[str, Any]) -> Shift:
        """Check in on the floor of a store"""
        store = Store.find(g.session, data["store_id"], seen_by=g.actor, pointer="/store_id")
        return Shift.check_in(g.session, staff_id=g.actor.staff_id, store=store, lead=data["lead"], at=g.now)

    @blp.response(204)
    def delete(self) -> None:
        """Check out"""
        Shift.check_out(g.session, staff_id=g.actor.staff_id, at=g.now)


@blp.route("/me/devices/<string:installation_id>")
class MyDevice(Resource):
    needs = {"PUT": Permission.ME_USE, "DELETE": Permission.ME_USE}

    @blp.arguments(PutDeviceSchema)
    @blp.response(200, DeviceSchema)
    def put(self, data: dict[str, Any], installation_id: str) -> Device:
        """Register this phone for pushes

        An address that another installation had before moves here; a phone that changes hands belongs to who signed
        in last.
        """
        if len(installation_id) > Device.LONGEST_INSTALLATION_ID or not installation_id.isprintable():
            raise Invalid("An installation id has at most 200 printable characters.", pointer="/installation_id")
        return Device.register(g.session, by=g.actor, installation_id=installation_id, at=g.now, **data)

    @blp.response(204)
    def delete(self, installation_id: str) -> None:
        """Forget this phone: no more pushes to it"""
        if not installation_id.isprintable():
            raise Missing("You have no such phone registered.")
        Device.forget(g.session, by=g.actor, installation_id=installation_id, at=g.now)
