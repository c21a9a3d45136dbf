"""Orders: told by tills, so that nobody gets more back than they paid."""

from typing import Any

from flask import g

from api.schemas.orders import RecordedOrderSchema, ToldOrderSchema
from api.web.blueprint import Blueprint
from api.web.resource import Resource
from models.access import Permission
from models.operations.tell_order import tell_order

blp = Blueprint("orders", __name__, "Orders: told by tills, the cap of refunds")


@blp.route("/orders/<string:source>/<string:reference>")
class OrderOfTill(Resource):
    permissions = {"PUT": Permission.ORDER_TELL}

    @blp.arguments(ToldOrderSchema)
    @blp.response(200, RecordedOrderSchema)
    @blp.alt_response(201, schema=RecordedOrderSchema, description="The order was told for the first time")
    def put(self, data: dict[str, Any], source: str, reference: str) -> Any:
        """Tell an order, or what has become of it

        `source` is the name of the till, and belongs to the key that used it first: that of another key is 404, as is
        `staff`, which stands for what people type. An order is its store, source, business day and reference, whatever
        its capitals: tills begin at one again every day, so `store_id` and `opened` are part of what it is told apart
        by. A concern of that store and day that names the reference is about this order, whether it was logged before
        or after, and `value`, in the store's currency, is the most that can be refunded for it. A key that gave
        something for the order itself may lower that, and not raise it: the `value` it tells then stands, and no more
        can be refunded for it.
        """
        order, is_new = tell_order(g.session, source, reference, data, by=g.actor, at=g.now)
        return order, 201 if is_new else 200
