"""API keys of machines: made, rotated, revoked. Administrators only; no key may make another one."""

from datetime import timedelta
from typing import Any

from flask import g

from api.schemas.api_keys import ApiKeySchema, NewApiKeySchema, RotateApiKeySchema
from api.schemas.base import PageQuery, page_of
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.staff.credentials.api_key import ApiKey

blp = Blueprint("api-keys", __name__, "API keys of machines: tills, reports of head office, a warehouse")


@blp.route("/api-keys")
class ApiKeys(Resource):
    permissions = {"GET": Permission.KEY_MANAGE, "POST": Permission.KEY_MANAGE}
    never_stored = True
    recent_sign_in = frozenset({"POST"})

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(ApiKeySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the API keys, newest first; those that are revoked have `revoked_at`

        Without their tokens, which are shown once.
        """
        return paginate(ApiKey.select_visible(), ApiKey.created_at, ApiKey.id, descending=True, **query)

    @blp.arguments(NewApiKeySchema)
    @blp.response(201, ApiKeySchema)
    @idempotent(ApiKey, status=201)
    def post(self, data: dict[str, Any]) -> ApiKey:
        """Make an API key; `token` is shown in this answer only

        A repeat of this request answers the key with `token` null: if the answer was lost, rotate the key or make
        another one. A key with `exports:read` cannot be limited to stores. 409 `too-many` for more than 100 keys that
        are not revoked.
        """
        return ApiKey.create(g.session, organization_id=g.actor.organization_id, by=g.actor, at=g.now, **data)


@blp.route("/api-keys/<uuid:api_key_id>")
class ApiKeyById(Resource):
    permissions = {"GET": Permission.KEY_MANAGE}
    path_models = {"api_key_id": ApiKey}

    @blp.response(200, ApiKeySchema)
    def get(self, api_key: ApiKey) -> ApiKey:
        """Read an API key

        Without its token, which is shown once.
        """
        return api_key


@blp.route("/api-keys/<uuid:api_key_id>/rotate")
class RotateApiKey(Resource):
    permissions = {"POST": Permission.KEY_MANAGE}
    recent_sign_in = frozenset({"POST"})
    path_models = {"api_key_id": ApiKey}

    @blp.arguments(RotateApiKeySchema)
    @blp.response(200, ApiKeySchema)
    @idempotent(ApiKey, status=200)
    def post(self, data: dict[str, Any], api_key: ApiKey) -> ApiKey:
        """Give an API key a new `token`, which is shown in this answer only

        The former one is accepted until `previous_until`; one that was rotated out before ends at once. A repeat under
        the same Idempotency-Key does not rotate again, and answers `token` null. 409 `not-now` for a key that is
        revoked or has expired.
        """
        api_key.rotate(overlap=timedelta(hours=data["overlap_hours"]), at=g.now, by=g.actor)
        return api_key


@blp.route("/api-keys/<uuid:api_key_id>/revoke")
class RevokeApiKey(Resource):
    permissions = {"POST": Permission.KEY_MANAGE}
    recent_sign_in = frozenset({"POST"})
    path_models = {"api_key_id": ApiKey}

    @blp.response(200, ApiKeySchema)
    @idempotent(ApiKey, status=200)
    def post(self, api_key: ApiKey) -> ApiKey:
        """Revoke an API key: it is refused from the next request on, also under a former token

        A repeat does no harm. A revoked key stays in the list.
        """
        api_key.revoke(at=g.now)
        return api_key
