"""Members of staff, as colleagues see them."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.staff import StaffQuery, StaffSchema
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.staff.staff import Staff


@blp.route("/staff")
class StaffList(Resource):
    permissions = {"GET": Permission.STAFF_READ}

    @blp.arguments(StaffQuery, location="query")
    @blp.response(200, page_of(StaffSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the colleagues within reach"""
        store_id = query.pop("store_id", None)
        return paginate(Staff.select_visible(g.actor, store_id=store_id), Staff.name, Staff.id, **query)


@blp.route("/staff/<uuid:staff_id>")
class StaffById(Resource):
    permissions = {"GET": Permission.STAFF_READ}
    path_models = {"staff_id": Staff}

    @blp.response(200, StaffSchema)
    def get(self, staff: Staff) -> Staff:
        """Read a colleague"""
        return staff
