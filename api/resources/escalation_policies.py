"""Escalation policies of the organization and of stores: whom an alert rings, and when."""

from typing import Any

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.escalation_policies import (
    EditEscalationPolicySchema,
    EscalationPolicySchema,
    NewEscalationPolicySchema,
)
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.alerts.escalation_policy import EscalationPolicy
from models.organizations.store import Store

blp = Blueprint(
    "escalation policies",
    __name__,
    "Escalation policies: whom an alert rings and when, in the organization and in stores",
)


@blp.route("/escalation-policies")
class EscalationPolicies(Resource):
    permissions = {"GET": Permission.POLICY_READ, "POST": Permission.POLICY_WRITE}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(EscalationPolicySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the organization's policy and those of the stores within reach

        A store without a policy of its own has the one whose `store_id` is null.
        """
        return paginate(EscalationPolicy.select_visible(g.actor), EscalationPolicy.slug, **query)

    @blp.arguments(NewEscalationPolicySchema)
    @blp.response(201, EscalationPolicySchema)
    @idempotent(EscalationPolicy, status=201)
    def post(self, data: dict[str, Any]) -> EscalationPolicy:
        """Give a store a policy of its own

        It applies to alerts that are raised from now on.
        """
        store_id = data.pop("store_id", None)
        store = Store.get_visible(g.session, store_id, actor=g.actor, pointer="/store_id") if store_id else None
        return EscalationPolicy.create(g.session, store=store, at=g.now, **data)


@blp.route("/escalation-policies/<uuid:escalation_policy_id>")
class EscalationPolicyById(Resource):
    permissions = {"GET": Permission.POLICY_READ, "PATCH": Permission.POLICY_WRITE, "DELETE": Permission.POLICY_WRITE}
    path_models = {"escalation_policy_id": EscalationPolicy}

    @blp.response(200, EscalationPolicySchema)
    def get(self, escalation_policy: EscalationPolicy) -> EscalationPolicy:
        """Read a policy

        Its `version` is what a change of it names in `If-Match`.
        """
        return escalation_policy

    @blp.arguments(EditEscalationPolicySchema)
    @blp.response(200, EscalationPolicySchema)
    def patch(self, data: dict[str, Any], escalation_policy: EscalationPolicy) -> EscalationPolicy:
        """Change a policy; alerts raised before keep the one they began with

        `steps` are replaced as a whole. 422 where they name somebody who does not work here.
        """
        escalation_policy.edit(g.session, at=g.now, **data)
        return escalation_policy

    @blp.response(204)
    def delete(self, escalation_policy: EscalationPolicy) -> None:
        """Remove a store's policy, so that the organization's applies there; that one cannot be removed (409)

        Alerts raised before keep the one they began with.
        """
        escalation_policy.drop(g.session)
