"""Phones of a store and its people: listed, and signed out when they are lost."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.devices import PhoneQuery, PhoneSchema
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.operations.people.phones import revoke_phone
from models.staff.device import Device

blp = Blueprint("devices", __name__, "Phones of stores and their people: list them, sign lost ones out")


@blp.route("/devices")
class Devices(Resource):
    permissions = {"GET": Permission.DEVICE_MANAGE}

    @blp.arguments(PhoneQuery, location="query")
    @blp.response(200, page_of(PhoneSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the phones within reach, the last registered first; those that are not rung have `retired_at`

        That are the shared phones of one's stores, and the phones of the people who belong to them.
        """
        stmt = Device.select_visible(g.actor, store_id=query.pop("store_id", None))
        return paginate(stmt, Device.registered_at, Device.id, descending=True, **query)


@blp.route("/devices/<uuid:device_id>/revoke")
class RevokeDevice(Resource):
    permissions = {"POST": Permission.ME_USE}
    path_models = {"device_id": Device}

    @blp.response(200, PhoneSchema)
    @idempotent(Device, status=200)
    def post(self, device: Device) -> Device:
        """Sign a lost phone out: its tokens are refused from the next request on, and it gets no more pushes

        Everybody may do this with their own phones, and with `device:manage` with those that `GET /v1/devices` lists.
        Of a shared phone all sign-ins end and its secret is refused: it has to be enrolled again. A repeat does no
        harm.
        """
        revoke_phone(g.session, device, at=g.now)
        return device
