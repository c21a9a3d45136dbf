"""Opening hours of stores."""

from api.schemas.store_hours import HoursSchema, PutHoursSchema
from api.web.blueprint import Blueprint
from api.web.resource import Resource
from models.access import Permission
from models.organizations.opening_hours import Hours
from models.organizations.store import Store

blp = Blueprint("hours", __name__, "When a store is open")


@blp.route("/stores/<uuid:store_id>/hours")
class StoreHours(Resource):
    permissions = {"GET": Permission.STORE_READ, "PUT": Permission.STORE_RUN}
    path_models = {"store_id": Store}

    @blp.response(200, HoursSchema)
    def get(self, store: Store) -> Hours:
        """Read when a store is open, in its own time zone

        A store that never shuts has `always` and no week.
        """
        return store.opening_hours

    @blp.arguments(PutHoursSchema)
    @blp.response(200, HoursSchema)
    def put(self, data: Hours, store: Store) -> Hours:
        """Set when a store is open; while it is closed, only people on shift are rung

        Either the openings of a week are given as `weekly`, or `always` is true; `weekly` null says the same. In a
        store that shuts in the week shifts end with the day: `shifts_end_daily` becomes true.
        """
        store.set_hours(data)
        return store.opening_hours
