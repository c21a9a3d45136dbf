"""The private attributes of flask-smorest that the adapter reads are where it expects them."""

from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields

from api.web.resource import Resource
from api.web.smorest_internals import (
    add_document_callback,
    body_schema,
    declared_parameters,
    newest_endpoint_document,
    openapi_spec,
)
from models.access import Permission


class Body(Schema):
    name = fields.String()


def test_the_adapter_finds_what_flask_smorest_left():
    calls = []

    def callback(doc: dict[str, Any], facts: dict[str, Any], *, method: str, **_: Any) -> dict[str, Any]:
        calls.append((facts["fact"], method))
        return doc

    blp = Blueprint("things", __name__)
    add_document_callback(blp, callback)

    class Things(Resource):
        permissions = {"POST": Permission.ANYONE, "DELETE": Permission.ANYONE}

        @blp.arguments(Body)
        @blp.response(200, Body)
        def post(self, data: dict[str, Any]) -> dict[str, Any]:
            return data

        def delete(self) -> str:
            return ""

    blp.add_url_rule("/things", view_func=Things)
    for method in ("post", "delete"):
        newest_endpoint_document(blp)[method]["fact"] = 4711
    app = Flask("things")
    app.config.update(API_TITLE="things", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    Api(app).register_blueprint(blp)

    assert [parameter["in"] for parameter in declared_parameters(Things.post)] == ["json"]
    assert isinstance(body_schema(Things.post), Body)
    assert body_schema(Things.delete) is None
    assert sorted(calls) == [(4711, "delete"), (4711, "post")]
    assert set(openapi_spec(app).to_dict()["paths"]["/things"]) == {"post", "delete"}
