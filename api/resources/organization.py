"""The organization itself: its settings."""

from typing import Any

from flask import g

from api.schemas.organization import EditOrganizationSchema, OrganizationSchema
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.organizations.organization import Organization as OrganizationModel


@blp.route("/organization")
class Organization(Resource):
    permissions = {"GET": Permission.STORE_READ, "PATCH": Permission.ORGANIZATION_WRITE}

    @blp.response(200, OrganizationSchema)
    def get(self, organization: OrganizationModel) -> OrganizationModel:
        """Read the settings of the organization

        Everybody who is signed in may read them, and API keys.
        """
        return organization

    @blp.arguments(EditOrganizationSchema)
    @blp.response(200, OrganizationSchema)
    def patch(self, data: dict[str, Any], organization: OrganizationModel) -> OrganizationModel:
        """Change the settings of the organization

        Session lengths apply to new sign-ins at once, to running ones when they are used the next time. The length of
        passwords applies to new passwords. Another first language translates nothing: `name` fields stay as they are.
        """
        organization.edit(**data)
        return organization

    def changed(self, subjects: dict[str, Any]) -> OrganizationModel:
        return subjects["organization"]

    def _find(self, _path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """Return the actor's organization as the subject: this path has no id."""
        return {"organization": OrganizationModel.get(g.session, g.actor.organization_id, lock=lock)}
