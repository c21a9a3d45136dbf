"""Base class of resources: authentication, permission, subjects of the path, checks of the input, one transaction."""

from typing import Any, ClassVar
from uuid import UUID

from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from api.web.auth import authenticate
from api.web.etags import Versioned, check_if_match
from api.web.problems import HttpProblem, UnexpectedInput
from api.web.smorest_internals import declared_parameters
from models.access import Permission
from models.db.base import Aggregate, TenantOwned
from models.db.session import Database
from models.errors import Invalid

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WITHOUT_BODY = frozenset({"GET", "DELETE"})


class Resource(MethodView):
    """Base class of every resource under /v1.

    A subclass declares what its methods need. For each request the class authenticates, opens the transaction, finds
    the subjects, checks the input, and calls the method.

    `permissions`: the permission per HTTP method. A class that leaves one out cannot be imported.
    `path_models`: the model of each id in the path. The method gets the object (`concern_id` -> `concern`), locked
        unless the method only reads.
    `read_only`: the methods that only read.
    `locks_itself`: the methods whose operation takes its own locks, because it locks several rows in one order.
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
        read_only = method in self.read_only
        with (database.reading if read_only else database.writing)(g.actor.organization_id) as g.session:
            subjects = self._find(path, lock=not read_only and method not in self.locks_itself)
            self._check(method, too_large, subjects)
            return super().dispatch_request(**subjects)

    def _check(
        self, method: str, too_large: RequestEntityTooLarge | None, subjects: dict[str, Any] | None = None
    ) -> None:
        """Refuse what is wrong with the request before its values are read, in the documented order of problems."""
        locations = {parameter["in"] for parameter in declared_parameters(getattr(self, method.lower()))}
        if method not in WITHOUT_BODY:
            _check_body(too_large)
        elif too_large is not None or request.get_data(cache=True):
            raise UnexpectedInput("body", [""])
        if method == "PATCH" and subjects:
            check_if_match(self.changed(subjects))
        if "query" not in locations and request.args:
            raise UnexpectedInput("query", list(request.args))
        if repeated := [name for name, values in request.args.lists() if len(values) > 1]:
            raise Invalid("This is given more than once.", pointer=f"/{repeated[0]}")
        if request.get_data(cache=True) and method not in WITHOUT_BODY:
            body = request.get_json()
            if "json" not in locations and body:
                raise UnexpectedInput("body", [""])
            if "json" in locations and not isinstance(body, dict):
                raise Invalid("The body has to be a JSON object, such as {}.", pointer="")

    def changed(self, subjects: dict[str, Any]) -> Versioned:
        """Return what a PATCH changes, whose version If-Match names: the first aggregate of the path."""
        return next(subject for subject in subjects.values() if isinstance(subject, Aggregate))

    def _find(self, path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """Return the path's values with ids replaced by their objects. A missing one is 404, whatever the body is."""
        subjects = {}
        for name, value in path.items():
            if isinstance(value, UUID):
                subjects[name.removesuffix("_id")] = self.path_models[name].get_visible(
                    g.session, value, actor=g.actor, lock=lock
                )
            else:
                subjects[name] = value
        return subjects


def _read_body() -> RequestEntityTooLarge | None:
    """Read the whole body before a transaction is opened, so that a slow client holds a thread and no connection."""
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge as error:
        return error
    except HTTPException:
        raise
    except Exception as error:  # each server raises its own error for a malformed chunk
        raise HttpProblem(
            400, "The body cannot be read: it breaks off, or its chunks are not as HTTP has them."
        ) from error
    # A chunked body has no Content-Length: werkzeug cuts it off at the limit without an error.
    cut_off = request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]
    return RequestEntityTooLarge() if cut_off else None


def _check_body(too_large: RequestEntityTooLarge | None) -> None:
    """Raise HttpProblem 413, 415 or 400, in this order."""
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
