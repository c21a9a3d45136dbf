"""Base class of resources: authentication, permission, subjects of the path, checks of the input, one transaction."""

from typing import Any, ClassVar
from uuid import UUID

from flask import current_app, g, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from werkzeug.exceptions import RequestEntityTooLarge

from api.web.auth import authenticate
from api.web.etags import Versioned, check_if_match
from api.web.problems import UnexpectedInput
from api.web.request_body import JsonBody, RequestBody
from api.web.smorest_internals import declared_parameters, takes_several
from models.access import Permission
from models.db.base import Aggregate, TenantOwned
from models.db.session import Database, ScopedSession
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
    `body`: what the methods take that have a body.
    `without_transaction`: the methods that open their own transactions, because they compute a slow hash in between.
    `locks_itself`: the methods whose operation takes its own locks, because it locks several rows in one order.
    `recent_sign_in`: the methods that need a recent sign-in of a person; API keys never sign in, and may.
    `without_second_factor`: the methods that an administrator may use who has not set up a second factor.
    `sent_by_app`: the methods that an app uses by itself, so that they are no tap.
    `serves_any_app`: the methods that an app of any age may use, because what it sends must not be lost.
    `never_stored`: whether its answers hold contacts or secrets, which no cache may keep, not even the app's own.

    A request counts as a tap, which keeps a shared phone from locking and a shift from ending, if a person has done
    something for it to be sent: everything that writes, and a GET of one thing, whose address ends in its id or date. A
    GET of anything else is what an app asks for by itself again and again: the home screen, lists, figures.
    """

    permissions: ClassVar[dict[str, Permission]] = {}
    path_models: ClassVar[dict[str, type[TenantOwned]]] = {}
    read_only: ClassVar[frozenset[str]] = frozenset({"GET"})
    body: ClassVar[RequestBody] = JsonBody()
    locks_itself: ClassVar[frozenset[str]] = frozenset()
    recent_sign_in: ClassVar[frozenset[str]] = frozenset()
    without_second_factor: ClassVar[frozenset[str]] = frozenset()
    without_transaction: ClassVar[frozenset[str]] = frozenset()
    sent_by_app: ClassVar[frozenset[str]] = frozenset()
    serves_any_app: ClassVar[frozenset[str]] = frozenset()
    never_stored: ClassVar[bool] = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        undeclared = {method for method in METHODS if hasattr(cls, method.lower())} - cls.permissions.keys()
        if undeclared:
            raise TypeError(f"{cls.__name__} does not say who may {sorted(undeclared)}")

    def dispatch_request(self, **path: Any) -> ResponseReturnValue:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self.permissions:
            return super().dispatch_request(**path)  # Flask answers 405
        too_large = self.body.read()
        g.actor = authenticate(
            self.permissions[method],
            is_tap=self._is_tap(method),
            without_second_factor=method in self.without_second_factor,
            recent_sign_in=method in self.recent_sign_in,
            serves_any_app=method in self.serves_any_app,
        )
        if g.actor is None or method in self.without_transaction:
            content = self._check(method, too_large)
            return super().dispatch_request(**path, **content)
        database: Database = current_app.extensions["database"]
        if method in self.read_only:
            with database.reading(g.actor.organization_id) as session:
                return self._call_method(session, method, path, too_large)
        return database.run(
            g.actor.organization_id, lambda session: self._call_method(session, method, path, too_large)
        )

    def _call_method(
        self, session: ScopedSession, method: str, path: dict[str, Any], too_large: RequestEntityTooLarge | None
    ) -> ResponseReturnValue:
        """Find the subjects, check the input and call the method, in the transaction of the request."""
        g.session = session
        subjects = self._find(path, lock=method not in self.read_only | self.locks_itself)
        content = self._check(method, too_large, subjects)
        return super().dispatch_request(**subjects, **content)

    def _is_tap(self, method: str) -> bool:
        if method == "GET":
            return request.url_rule is not None and request.url_rule.rule.endswith(">")
        return method not in self.sent_by_app

    def _check(
        self, method: str, too_large: RequestEntityTooLarge | None, subjects: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Refuse what is wrong with the request before its values are read, in the documented order of problems.

        Return what the body gives the method besides its declared arguments.
        """
        locations = {parameter["in"] for parameter in declared_parameters(getattr(self, method.lower()))}
        if method not in WITHOUT_BODY:
            self.body.check(too_large)
        elif too_large is not None or request.get_data(cache=True):
            raise UnexpectedInput("body", [""])
        if method == "PATCH" and subjects:
            check_if_match(self.changed(subjects))
        if "query" not in locations and request.args:
            raise UnexpectedInput("query", list(request.args))
        for name, values in request.args.lists():
            if len(values) > 1 and not takes_several(getattr(self, method.lower()), name):
                raise Invalid("This is given more than once.", pointer=f"/{name}")
        return {} if method in WITHOUT_BODY else self.body.content(declared="json" in locations)

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
