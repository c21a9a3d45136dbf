"""Checks, and the figures of a store's day they are held against."""

from datetime import date
from typing import Any

from flask import g

from api.schemas.checks import CheckSchema, NewCheckSchema, StoreDaySchema, TellStoreDaySchema
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.resource import Resource
from models.access import Permission
from models.concerns.check import WellbeingCheck
from models.organizations.store import Store
from models.organizations.store_day import StoreDay

blp = Blueprint("listening", __name__, "Checks, and the figures of a store's day they are held against")


@blp.route("/checks")
class Checks(Resource):
    permissions = {"POST": Permission.CONCERN_LOG}

    @blp.arguments(NewCheckSchema)
    @blp.response(201, CheckSchema)
    @idempotent(WellbeingCheck, status=201)
    def post(self, data: dict[str, Any]) -> WellbeingCheck:
        """Asked, all well: one tap; the store comes from the shift"""
        return WellbeingCheck.record(g.session, by=g.actor, at=g.now, **data)


@blp.route("/stores/<uuid:store_id>/days/<date:business_date>")
class StoreDayByDate(Resource):
    permissions = {"GET": Permission.DAY_FIGURES, "PUT": Permission.DAY_FIGURES}
    path_models = {"store_id": Store}

    @blp.response(200, StoreDaySchema)
    def get(self, store: Store, business_date: date) -> StoreDay:
        """Read what a store told of its business day"""
        return StoreDay.for_day(g.session, store, business_date)

    @blp.arguments(TellStoreDaySchema)
    @blp.response(200, StoreDaySchema)
    def put(self, data: dict[str, Any], store: Store, business_date: date) -> StoreDay:
        """Say how many guests and receipts a store had, and what they paid, in the place of what was told before"""
        return StoreDay.record(g.session, store, business_date, **data)
