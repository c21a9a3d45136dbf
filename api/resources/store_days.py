"""Figures of a store's day: guests, receipts, sales."""

from datetime import date
from typing import Any

from flask import g

from api.schemas.store_days import PutStoreDaySchema, StoreDaySchema
from api.web.resource import Resource
from api.web.shared_blueprints import listening as blp
from models.access import Permission
from models.organizations.store import Store
from models.organizations.store_day import StoreDay


@blp.route("/stores/<uuid:store_id>/days/<date:business_date>")
class StoreDayByDate(Resource):
    permissions = {"GET": Permission.DAY_FIGURES, "PUT": Permission.DAY_FIGURES}
    path_models = {"store_id": Store}

    @blp.response(200, StoreDaySchema)
    def get(self, store: Store, business_date: date) -> StoreDay:
        """Read the figures that a store reported for a business day

        Null for what was not reported.
        """
        return StoreDay.for_day(g.session, store, business_date)

    @blp.arguments(PutStoreDaySchema)
    @blp.response(200, StoreDaySchema)
    def put(self, data: dict[str, Any], store: Store, business_date: date) -> StoreDay:
        """Report guests, receipts and sales of a business day, in place of what was reported before

        422 for a day more than ten years ago or a month ahead.
        """
        return StoreDay.record(g.session, store, business_date, at=g.now, **data)
