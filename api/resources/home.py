"""The home screen of a phone, in one call."""

from flask import Response, g

from api.schemas.home import HomeSchema
from api.web.etags import PositionTag
from api.web.resource import Resource
from api.web.shared_blueprints import me as blp
from models.access import Permission
from models.operations.home import Home, home_position, read_home


@blp.route("/me/home")
class MyHome(Resource):
    permissions = {"GET": Permission.ME_USE}

    @blp.response(200, HomeSchema)
    def get(self) -> Response | tuple[Home, int, dict[str, str]]:
        """Read all that the home screen shows, in one call

        Send its ETag as If-None-Match when you ask again: 304 until something has changed in the stores of the person,
        for the person, or by the time.
        """
        position = home_position(g.session, by=g.actor, at=g.now)
        tag = PositionTag.of(position, actor=g.actor)
        if (unchanged := tag.unchanged(at=g.now)) is not None:
            return unchanged
        home = read_home(g.session, position, by=g.actor, at=g.now)
        return home, 200, tag.header(until=home.unchanged_until)
