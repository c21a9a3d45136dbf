"""One address of the API: who asks, may they, is it there, is the input sound, one transaction."""

from typing import Any, ClassVar
from uuid import UUID

from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from api.web.auth import authenticate
from api.web.etags import check_if_match
from api.web.problems import HttpProblem, UnexpectedInput
from api.web.smorest_internals import declared_parameters
from models.access import Permission
from models.db.base import Aggregate, TenantOwned
from models.db.session import Database
from models.errors import Invalid

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITHOUT_BODY = frozenset({"GET", "DELETE"})


class Resource(MethodView):
    """The keystone: a subclass says what each method needs, and gets its subject found and its transaction opened.

    `permissions`: the permission per method; a method without one cannot be imported.
    `path_models`: what the ids of the path stand for; the method gets the object instead (`concern_id` -> `concern`),
             locked when it is going to be changed.
    `read_only`: the methods that only read.
    `locks_itself`: the methods whose verb locks what it changes by itself, several things in one order.
    """

    permissions: ClassVar[dict[str, Permission]] = {}
    path_models: ClassVar[dict[str, type[TenantOwned]]] = {}
    read_only: ClassVar[frozenset[str]] = frozenset({"GET"})
    locks_itself: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        undeclared = {method for method in METHODS if hasattr(cls, method.lower())} - cls.permissions.keys()
        if undeclared:
            raise TypeError(f"{cls.__name__} does not say who may {sorted(undeclared)}")

    def dispatch_request(self, **path: Any) -> ResponseReturnValue:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self.permissions:
            return super().dispatch_request(**path)  # Flask answers 405
        too_large = _read_body()
        g.actor = authenticate(self.permissions[method])
        if g.actor is None:
            self._check(method, too_large)
            return super().dispatch_request(**path)
        database: Database = current_app.extensions["database"]
        reads = method in self.read_only
        with (database.reading if reads else database.writing)(g.actor.organization_id) as g.session:
            subjects = self._find(path, lock=not reads and method not in self.locks_itself)
            self._check(method, too_large, subjects)
            return super().dispatch_request(**subjects)

    def _check(
        self, method: str, too_large: RequestEntityTooLarge | None, subjects: dict[str, Any] | None = None
    ) -> None:
        """Everything about the request that can be refused before its values are looked at, in the promised order."""
        takes = {parameter["in"] for parameter in declared_parameters(getattr(self, method.lower()))}
        if method not in WITHOUT_BODY:
            _check_body(too_large)
        elif too_large is not None or request.get_data(cache=True):
            raise UnexpectedInput("body", [""])
        if method == "PATCH" and subjects:
            check_if_match(self.changed(subjects))
        if "query" not in takes and request.args:
            raise UnexpectedInput("query", list(request.args))
        if twice := [name for name, values in request.args.lists() if len(values) > 1]:
            raise Invalid("This is given more than once.", pointer=f"/{twice[0]}")
        if request.get_data(cache=True) and method not in WITHOUT_BODY:
            body = request.get_json()
            if "json" not in takes and body:
                raise UnexpectedInput("body", [""])
            if "json" in takes and not isinstance(body, dict):
                raise Invalid("The body has to be a JSON object, such as {}.", pointer="")

    def changed(self, subjects: dict[str, Any]) -> Aggregate:
        """What a PATCH changes, whose version has to be named: the first shared object of the path."""
        return next(thing for thing in subjects.values() if isinstance(thing, Aggregate))

    def _find(self, path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """The path with ids replaced by what they stand for: 404 before anything is said about the body."""
        found = {}
        for name, value in path.items():
            if isinstance(value, UUID):
                found[name.removesuffix("_id")] = self.path_models[name].get_visible(
                    g.session, value, actor=g.actor, lock=lock
                )
            else:
                found[name] = value
        return found


def _read_body() -> RequestEntityTooLarge | None:
    """Take the whole body off the wire before anything is opened: a slow phone holds a thread, never a transaction."""
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        return error
    except HTTPException:
        raise
    except Exception as error:  # each server has its own words for a chunk that is none
        raise HttpProblem(
            400, "The body cannot be read: it breaks off, or its chunks are not as HTTP has them."
        ) from error
    # A body in chunks does not say how long it is: it is cut off at the limit, without an error.
    cut_off = request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]
    return RequestEntityTooLarge() if cut_off else None


def _check_body(too_large: RequestEntityTooLarge | None) -> None:
    """413, 415, 400: in that order, and only once we know that the caller may be told."""
    if too_large is not None:
        raise HttpProblem(413, f"A body may have {current_app.config['MAX_CONTENT_LENGTH']} bytes.")
    if not request.get_data(cache=True):
        return
    if not request.is_json:
        raise HttpProblem(415, "Send the body as application/json.")
    try:
        current_app.json.loads(request.get_data())
    except ValueError as error:
        raise HttpProblem(400, f"The body is not JSON: {error}.") from error
