"""Shared phones: enrolled with a code, and what they ask for by themselves, with their device secret."""

from typing import Any

from flask import current_app, g

from api.schemas.enrolments import (
    EnrolledPhoneSchema,
    EnrolmentSchema,
    NewEnrolmentSchema,
    PhoneUsersSchema,
    RedeemEnrolmentSchema,
    SharedPhoneSchema,
)
from api.schemas.me import PutDeviceSchema
from api.web.blueprint import Blueprint
from api.web.client_address import client_address
from api.web.idempotency import idempotent
from api.web.rate_limits import REDEEM_LIMIT, count_hit
from api.web.resource import Resource
from models.access import Permission
from models.db.session import Database
from models.operations.people.phones import record_app_of_shared_phone, redeem_enrolment
from models.organizations.store import Store
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.enrolment import Enrolment

blp = Blueprint("enrolments", __name__, "Shared phones: enrolment, and what they may do by themselves")


@blp.route("/stores/<uuid:store_id>/enrolments")
class StoreEnrolments(Resource):
    permissions = {"POST": Permission.DEVICE_MANAGE}
    path_models = {"store_id": Store}

    @blp.arguments(NewEnrolmentSchema)
    @blp.response(201, EnrolmentSchema)
    @idempotent(Enrolment, status=201)
    def post(self, data: dict[str, Any], store: Store) -> Enrolment:
        """Make a code that makes one phone a shared phone of this store; `code` is shown in this answer only

        It is used once, within 24 hours. A repeat of this request answers `code` null: make another one. 409 `not-now`
        for a closed store, `too-many` for more than 50 shared phones and unused codes.
        """
        return Enrolment.create(g.session, store=store, by=g.actor, at=g.now, **data)


@blp.route("/enrolments/redeem")
class RedeemEnrolment(Resource):
    permissions = {"POST": Permission.ANYONE}

    @blp.arguments(RedeemEnrolmentSchema)
    @blp.response(201, EnrolledPhoneSchema)
    @blp.refuses(409, 429)
    def post(self, data: dict[str, Any]) -> Device:
        """Make this phone a shared phone, with the code of a manager; `secret` is shown in this answer only

        From then on the phone sends `secret` as `device_secret` where people sign in, and as its bearer token where it
        asks by itself. If the answer was lost, a manager makes another code. Whoever had this installation or address
        before is told. A code that is unknown, was used or has expired has one answer (422 on `/code`).
        """
        database: Database = current_app.extensions["database"]
        code = Token.parse(data.pop("code"))
        if code is None or code.kind != "e" or not _is_valid(database, code):
            count_hit(REDEEM_LIMIT, "enrolment", client_address())
            raise Enrolment.invalid_code_error()
        with database.writing(code.organization_id) as session:
            return redeem_enrolment(session, code, at=g.now, **data)


def _is_valid(database: Database, code: Token) -> bool:
    with database.reading(code.organization_id) as session:
        return Enrolment.is_valid(session, code, at=g.now)


class ResourceOfPhone(Resource):
    """Resource of the shared phone that asks by itself, with its device secret."""

    def _find(self, _path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """Return the phone as the subject: the path has no id."""
        return {"device": Device.get_visible(g.session, g.actor.device_id, actor=g.actor, lock=lock)}


@blp.route("/enrolments/current")
class CurrentEnrolment(ResourceOfPhone):
    permissions = {"PUT": Permission.ENROLMENT_USE}

    @blp.arguments(PutDeviceSchema)
    @blp.response(200, SharedPhoneSchema)
    def put(self, data: dict[str, Any], device: Device) -> Device:
        """Keep the address of this shared phone up to date, also while it is locked

        An address that a personal phone had moves here, and its owner is told. 409 for that of another shared phone.
        """
        record_app_of_shared_phone(g.session, device, at=g.now, **data)
        return device


@blp.route("/enrolments/current/staff")
class CurrentEnrolmentStaff(ResourceOfPhone):
    permissions = {"GET": Permission.ENROLMENT_USE}

    @blp.response(200, PhoneUsersSchema)
    def get(self, device: Device) -> dict[str, Any]:
        """List who may sign in on this shared phone with their PIN

        Those who belong to its store or look after its region, can be rung, and have set a PIN.
        """
        return {"items": device.users(g.session, at=g.now)}
