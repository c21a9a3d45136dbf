"""Standing QR codes: customers log a concern by them while they are there."""

from typing import Any

from flask import Response, g

from api.links import SVG, public_url, qr_response
from api.pages.qr_sheet import render_qr_sheet
from api.schemas.base import PageQuery, page_of
from api.schemas.standing_qrs import NewStandingQrSchema, StandingQrListSchema, StandingQrSchema
from api.web.idempotency import idempotent
from api.web.negotiation import HTML, negotiate
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import feedback as blp
from models.access import Permission
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.recovery.qr_code import QrCode


@blp.route("/stores/<uuid:store_id>/standing-qrs")
class StoreStandingQrs(Resource):
    never_stored = True
    permissions = {"GET": Permission.STORE_READ, "POST": Permission.STORE_RUN}
    path_models = {"store_id": Store}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(StandingQrSchema))
    def get(self, query: dict[str, Any], store: Store) -> dict[str, Any]:
        """List the valid codes of a store

        Those that were withdrawn are left out.
        """
        return paginate(QrCode.select_visible(g.actor, store_id=store.id), QrCode.made_at, QrCode.id, **query)

    @blp.arguments(NewStandingQrSchema)
    @blp.response(201, StandingQrSchema)
    @idempotent(QrCode, status=201)
    def post(self, data: dict[str, Any], store: Store) -> QrCode:
        """Make a code to print, for a place or for receipts

        What a customer writes by it becomes a concern with `source: customer`, which rings like any other.
        """
        return QrCode.create(g.session, store, id_=data["id"], place=data.get("place"), by=g.actor, at=g.now)


@blp.route("/stores/<uuid:store_id>/standing-qrs/missing")
class MissingStandingQrs(Resource):
    never_stored = True
    permissions = {"POST": Permission.STORE_RUN}
    path_models = {"store_id": Store}

    @blp.response(200, StandingQrListSchema)
    @idempotent(Store, status=200, on_replay=lambda store, _path: _codes_of_places(store))
    def post(self, store: Store) -> dict[str, Any]:
        """Make a code for each place that has none

        Answers the codes of all places in use, in the order of the places. Retired places get none.
        """
        QrCode.create_missing(g.session, store, by=g.actor, at=g.now)
        return _codes_of_places(store)


@blp.route("/stores/<uuid:store_id>/qr-sheet")
class StoreQrSheet(Resource):
    never_stored = True
    permissions = {"GET": Permission.STORE_RUN}
    path_models = {"store_id": Store}

    @blp.response(200, {"type": "string"}, content_type=HTML)
    @blp.refuses(406)
    def get(self, store: Store) -> Response:
        """Show the codes of a store's places as a page to print: twelve on a sheet of A4, with the place under each

        It is in the organization's first language. Retired places are left out.
        """
        negotiate(HTML)
        organization = Organization.get(g.session, g.actor.organization_id)
        return render_qr_sheet(store, QrCode.of_places_in_use(g.session, store), language=organization.languages[0])


@blp.route("/standing-qrs/<uuid:standing_qr_id>")
class StandingQrById(Resource):
    never_stored = True
    permissions = {"DELETE": Permission.STORE_RUN}
    path_models = {"standing_qr_id": QrCode}

    @blp.response(204)
    def delete(self, standing_qr: QrCode) -> None:
        """Withdraw a code: its form takes nothing from now on

        For good: make another code for the place.
        """
        standing_qr.withdraw(at=g.now)


@blp.route("/standing-qrs/<uuid:standing_qr_id>/qr")
class StandingQrImage(Resource):
    never_stored = True
    permissions = {"GET": Permission.STORE_READ}
    path_models = {"standing_qr_id": QrCode}

    @blp.response(200, {"type": "string"}, content_type=SVG)
    def get(self, standing_qr: QrCode) -> Response:
        """Show a code as an image to print

        An SVG image.
        """
        return qr_response(public_url("q", standing_qr.token))


def _codes_of_places(store: Store) -> dict[str, Any]:
    return {"items": QrCode.of_places_in_use(g.session, store)}
