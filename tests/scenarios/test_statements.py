"""Statements of requests: the same number whatever the number of rows."""

from datetime import timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from uuid_utils.compat import uuid7

from api.schemas.base import MAX_PAGE_SIZE
from models.access import Permission
from models.db.cache import TtlCache
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import Databases
from tests.support.factories.bulk_copies import copy, originals
from tests.support.factories.concerns import log_concern
from tests.support.factories.full_organization import QUERIES, FullOrganization, full_organizations
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.openapi_document import Operation, operations, resolved

FEW, MANY = 10, 200

# Each of the two transactions of a request (who asks; the answer) tells PostgreSQL first whose rows it may see, and a
# report how it has to be planned. That is left out of the tables below.
TELLING = ("SELECT set_config(", "SET LOCAL ")

# The first statement of each is who asks.
READ = {
    "getApiKeyById": 3,  # it, with who made it; its stores
    "getApiKeys": 3,
    "getAlertById": 4,  # it; its notifications, for the summary; what was tried before
    "getAlertNotifications": 5,  # the alert, its notifications; theirs, and whom they are for on shared phones
    "getAlertRuleById": 2,
    "getAlertRules": 2,
    "getAlerts": 3,
    "getCategories": 3,  # they; their causes
    "getCategoryById": 3,
    "getConcernById": 5,  # it, with whom and what it names; its items; its actions; its alert's notifications
    "getConcernEvents": 6,  # the concern; its steps
    "getConcernFeedbackRequests": 6,
    "getConcernFollowUps": 6,
    "getConcernRecoveryActions": 6,
    "getConcerns": 6,  # and where the change feed stands
    "getCustomerById": 3,  # it; what others call it
    "getCustomerDuplicates": 6,  # the customer; the others; the store whose budget of contacts it counts for
    "getCustomerHistory": 11,  # the customer; what matters now; concerns, items, notifications, actions
    "getCustomers": 3,
    "getCustomersImportTemplate": 1,
    "getEscalationPolicies": 2,
    "getEscalationPolicyById": 2,
    "getFixById": 3,  # it; its figures
    "getFixCustomers": 4,  # the fix; customers with a concern; their thank-yous
    "getFixes": 2,
    "getGroupById": 3,  # it; its stores
    "getGroups": 3,
    "getGuidance": 3,  # without a store: the shift, and the questions
    "getFeedback": 2,
    "getFeedbackPolicyOfOrganization": 2,
    "getFeedbackRequestQr": 2,
    "getFollowUpById": 2,
    "getFollowUps": 2,
    "getItemById": 2,
    "getItems": 2,
    "getLogPolicyOfOrganization": 2,
    "getOrganization": 2,
    "getCurrentEnrolmentStaff": 3,  # the phone; its people, and who is signed in
    "getDevices": 2,
    "getMySessions": 2,
    "getMyHome": 4,  # of an administrator: its position, shifts, decisions; see test_home.py for the floor
    "getMyNotificationById": 3,  # the notification; what it is one of
    "getMyNotifications": 2,
    "getMe": 6,  # the person, their stores, their regions; the shift; whose log they get
    "getPlacesImportTemplate": 1,
    "getQuestionById": 2,
    "getQuestions": 2,
    "getRecoveryActionById": 2,
    "getRecoveryActions": 2,
    "getRecoveryLogByDate": 25,  # of it, nine for the page, the headings and what earlier days left
    "getRecoveryLogs": 2,
    "getRegions": 2,
    "getRemedies": 3,
    "getRemedyById": 3,
    "getReportAlerts": 5,  # they; their phones; how late; the stores' names, as for each of the others
    "getReportCauses": 8,  # words that are being merged; figures; cost; fixes; the names of all three
    "getReportFollowUps": 3,
    "getReportItems": 7,  # figures and all concerns, by group and together; names
    "getReportListening": 5,  # concerns; checks; days
    "getReportRecovery": 13,  # dirty months; of those: figures, feedback, cost, checks, days; rollups; currencies
    "getReportRemedies": 5,  # by group and together; names
    "getStaffById": 4,
    "getStaffList": 4,
    "getStaffListImportTemplate": 1,
    "getStandingQrImage": 2,
    "getStoreById": 3,  # it; its places
    "getStoreDayByDate": 4,
    "getStoreHours": 3,  # the store, and its places
    "getStoreOnShift": 5,
    "getStorePlaces": 4,  # the store, and those of its places that it offers; all places
    "getStoreQrSheet": 5,  # the store, and its places; the codes; the language
    "getStorePauses": 4,  # the store, its places, and who pauses (nobody)
    "getStoreStandingQrs": 4,  # the store, and its places; they
    "getStores": 3,
    "getStoresImportTemplate": 1,
}

READ_BY = {"getMyNotificationById": "manager"}  # whom it was for
# The same with all that `include` can name. To whoever may give something, guidance costs two or three more.
INCLUDING = {
    "getAlerts": 5,  # customers; what others call them
    "getConcernById": 11,  # each of its lists is one
    "getConcerns": 8,
    "getFollowUps": 4,
    "getRecoveryActions": 4,
}

# Logging, by what came along. Three more than the rows to write: who asks, the shift, the key or id. On PostgreSQL
# the dirty day, the counter of changes and the changes are one statement, on SQLite three. Hints for the
# conversation are one, for what is not over; past outcomes are cached for a minute.
DESCRIBED = {"mood": 1, "category": "food", "cause": "cold", "place": "table-12", "their_words": "It is stone cold."}
KNOWN, UNKNOWN = {"customer": {"phone": "912 345 678"}}, {"customer": {"phone": "912 345 679"}}
DISHES = {"items": [{"name": "Soup"}, {"name": "Bread"}]}
RIGHT_AWAY = {"handling": "mine", "outcome": "recovered", "mood_after": 5}
LOGGED = {  # what comes along: the body; statements on SQLite, on PostgreSQL
    "a mood": ({"mood": 2}, 11, 9),
    "what staff describe": (DESCRIBED, 12, 10),
    "and a customer this store has met": ({**DESCRIBED, **KNOWN}, 13, 11),
    "and the question that was asked": ({**DESCRIBED, **KNOWN, "question": "what-happened"}, 13, 11),
    "a customer who is new here": ({**DESCRIBED, **UNKNOWN}, 13, 11),
    "and whether they may be contacted": (
        {**DESCRIBED, "customer": {"phone": "912 345 678", "consent": {"contact": True}}},
        14,
        12,
    ),
    "and their name": ({**DESCRIBED, "customer": {"name": "Ana Lima", "phone": "912 345 670"}}, 14, 12),
    "a phone's own id": ({**DESCRIBED, **KNOWN, "id": "01a2057b-741c-7631-8cca-22605be163db"}, 13, 11),
    "and dishes that were named before": ({**DESCRIBED, "items": [{"name": "SOUP"}, {"slug": "bread"}]}, 14, 12),
    "and new ones": ({**DESCRIBED, "items": [{"name": "Fish"}, {"name": "Rice"}, {"slug": "bread"}]}, 16, 14),
    "a place by the slug it had before": ({**DESCRIBED, "place": "terrace"}, 12, 10),
    "how it was put right": ({"mood": 2, "recovery_actions": [{"remedy": "apology"}], **RIGHT_AWAY}, 11, 9),
    # What costs something: a lock, and what was given before.
    "and at what cost": ({"mood": 2, "recovery_actions": [{"remedy": "remake"}], **RIGHT_AWAY}, 13, 11),
    "and five things done": ({"mood": 2, "recovery_actions": [{"remedy": "remake"}] * 5, **RIGHT_AWAY}, 13, 11),
}
MOST = 12  # with the telling
MORE_FOR = {
    # What was tried the last time.
    "and a customer this store has met": 1,
    "and the question that was asked": 1,
    "a phone's own id": 1,
    "and whether they may be contacted": 2,  # and their profile
    "a customer who is new here": 1,  # their profile
    "and their name": 2,  # and its words
    "and dishes that were named before": 2,  # their rows, and the look-up of the catalogue
    "and new ones": 4,  # how many there are, and what enters it
    "and at what cost": 1,
    "and five things done": 1,
}

# The export is counted in test_report_statements: its rows come from the feed, which copies are not in.
READS = [operation for operation in operations() if operation.method == "GET" and operation.permissions]
READS = [operation for operation in READS if operation.id != "getExportChanges"]
INCLUDE = [operation for operation in READS if "include" in operation.named("query")]


class RecountedOrganization:
    """An organization that grows."""

    def __init__(self, app: App, org: FullOrganization) -> None:
        self.app, self.org, self.size = app, org, 1

    def grow(self, size: int) -> None:
        """Have that many of everything, and everything there is of one concern, one customer, one store."""
        owner = sa.create_engine(self.app.url)
        with owner.begin() as connection:
            self._grow(connection, size - self.size)
        owner.dispose()
        self.app.database.answer_cache = TtlCache()
        self.app.request("GET", "/v1/concerns?limit=1", (self.org.shop, "admin"))  # caches the epoch for a minute
        self.size = size

    def _grow_people(self, owner: sa.Connection, more: int) -> None:
        """Have more people in the first store, with phones, and more sign-ins of the administrator."""
        first, own = self.size, {"organization_id": self.org.shop.organization_id}
        (floor,) = originals(owner, "staff", id=UUID(self.org.ids["staff_id"]))
        people = copy(owner, "staff", floor, more, login=lambda number: f"copy-{first + number}")
        for place in ("staff_store", "shift"):
            (belongs,) = originals(owner, place, staff_id=floor["id"])
            copy(owner, place, belongs, more, staff_id=people.__getitem__)
        phone = {**originals(owner, "device", **own)[0], "address": None, "secret_digest": None}
        fresh = {"installation_id": lambda number: f"copy-{first + number}", "staff_id": people.__getitem__}
        copy(owner, "device", phone, more, **fresh)
        sign_in = originals(owner, "staff_session", staff_id=self.org.shop.staff["admin"])[0]
        copy(owner, "staff_session", sign_in, more, digest=lambda _number: token_bytes(32))

    def _grow(self, owner: sa.Connection, more: int) -> None:
        first, own = self.size, {"organization_id": self.org.shop.organization_id}
        slug = {"slug": lambda number: f"copy-{first + number}"}
        ids = {name: UUID(self.org.ids[name]) for name in ("concern_id", "alert_id", "customer_id")}
        (concern,) = originals(owner, "concern", id=ids["concern_id"])
        (alert,) = originals(owner, "alert", id=ids["alert_id"])
        keys = {"digest": lambda _number: token_bytes(32)}
        api_keys = copy(owner, "api_key", originals(owner, "api_key", name="key-here", **own)[0], more, **keys)
        store = originals(owner, "api_key_store", **own)[0]
        copy(owner, "api_key_store", store, more, api_key_id=api_keys.__getitem__)
        for table in ("region", "question", "remedy", "alert_rule", "catalogue_item"):
            copy(owner, table, originals(owner, table, **own)[0], more, **slug)
        for table, part, link in [("category", "cause", "category_id"), ("store", "place", "store_id")]:
            copies = copy(owner, table, originals(owner, table, **own)[0], more, **slug)
            copy(owner, part, originals(owner, part, **own)[0], more, **slug, **{link: copies.__getitem__})
            if table == "store":
                policy = originals(owner, "escalation_policy", **own)[0]
                copy(owner, "escalation_policy", policy, more, **slug, store_id=copies.__getitem__)
        table = originals(owner, "place", store_id=self.org.shop.store_id)[0]
        copy(owner, "place", table, more, slug=lambda number: f"here-{first + number}")
        groups = copy(owner, "store_group", originals(owner, "store_group", **own)[0], more, **slug)
        copy(
            owner,
            "store_group_member",
            originals(owner, "store_group_member", **own)[0],
            more,
            group_id=groups.__getitem__,
        )
        self._grow_people(owner, more)
        (customer,) = originals(owner, "customer", id=ids["customer_id"])
        customers = copy(owner, "customer", {**customer, "phone": None}, more, created_at=_before)
        copy(owner, "concern", concern, more, received_at=_before, customer_id=customers.__getitem__)
        copy(owner, "fix", originals(owner, "fix", **own)[0], more)
        concerns = copy(owner, "concern", concern, more, received_at=_before)
        alerts = copy(owner, "alert", alert, more, concern_id=concerns.__getitem__, raised_at=_before)
        for part in ("concern_item", "concern_event", "recovery_action"):
            original = originals(owner, part, concern_id=concern["id"])[0]
            copy(owner, part, original, more, concern_id=concerns.__getitem__)
            if part != "concern_item":
                fresh = {"number": lambda number: 10 + first + number} if part == "concern_event" else {}
                copy(owner, part, original, more, **fresh)
        (promised, *_) = originals(owner, "follow_up", concern_id=concern["id"])
        due = {"business_date": lambda _number: concern["business_date"]}
        copy(owner, "follow_up", promised, more, concern_id=concerns.__getitem__, **due)
        copy(owner, "follow_up", promised, more, **due)
        left = originals(owner, "daily_log_handover", **own)[0]
        copy(owner, "daily_log_handover", left, more, concern_id=concerns.__getitem__)
        on_days = {"business_date": lambda number: NOON.date() - timedelta(days=1 + first + number)}
        copy(owner, "concern", {**concern, "customer_id": None}, more, **on_days)
        (answer, *_) = originals(owner, "feedback_request", concern_id=concern["id"], rating=4)
        copy(owner, "feedback_request", answer, more, token=lambda number: f"{first + number:038}")
        (qr, *_) = originals(owner, "qr_code", **own)
        copy(owner, "qr_code", qr, more, token=lambda number: f"{first + number:038}")
        notified = originals(owner, "notification", alert_id=alert["id"])[0]
        copy(owner, "notification", notified, more, alert_id=alerts.__getitem__)
        copy(owner, "notification", notified, more, step=lambda number: 10 + first + number)
        (test_push, *_) = originals(owner, "notification", kind="test", **own)
        copy(owner, "notification", test_push, more, announcement_id=lambda _number: uuid7())


def _before(number: int) -> Any:
    return NOON - timedelta(seconds=number)


def cost(organization: RecountedOrganization, operation: Operation, **more: str) -> int:
    """How many statements it takes to read this, in pages as long as there are."""
    query = {**QUERIES.get(operation.id, {}), **more}
    if operation.pages:
        query["limit"] = MAX_PAGE_SIZE
    reader = "shared-phone" if operation.permissions == Permission.ENROLMENT_USE else "admin"
    reader = READ_BY.get(operation.id, reader)
    path, by = operation.path.format(**organization.org.ids), (organization.org.shop, reader)
    with organization.app.counting() as statements:
        answer = organization.app.request("GET", path, by, query_string=query)
    assert answer.status_code == 200, (operation.id, answer.text)
    if operation.pages:
        assert len(answer.json["items"]) >= min(organization.size, MAX_PAGE_SIZE), operation.id
    return asking(statements)


def all_of(operation: Operation) -> str:
    """Return all that `include` can name."""
    (include,) = (parameter for parameter in operation.spec["parameters"] if parameter["name"] == "include")
    return ",".join(resolved(include["schema"]["items"])["enum"])


def asking(statements: list[str]) -> int:
    return sum(not statement.startswith(TELLING) for statement in statements)


# More than five seconds: two hundred rows of everything, read by every operation.
def test_reading_costs_as_much_with_ten_rows_as_with_two_hundred(databases: Databases, database_kind: str) -> None:
    with full_organizations(databases, database_kind, "acme") as (app, (org,)):
        organization = RecountedOrganization(app, org)
        for size in (FEW, MANY):
            organization.grow(size)
            costs = {operation.id: cost(organization, operation) for operation in READS}
            assert costs == READ, f"with {size} of each"
            costs = {operation.id: cost(organization, operation, include=all_of(operation)) for operation in INCLUDE}
            assert costs == INCLUDING, f"with {size} of each"


@pytest.mark.parametrize("along", LOGGED)
def test_logging_a_concern_takes_at_most_twelve(app: App, shop: Shop, along: str) -> None:
    floor = (shop, "floor")
    limit_vouchers(app, shop, 1000, 2500)  # without any limit nothing has to be added up
    places, any_version = f"/v1/stores/{shop.store_id}/places", {"If-Match": "*"}
    terrace = app.request("POST", places, (shop, "manager"), json={"name": "terrace"}).json
    garden = app.request(
        "PATCH", f"{places}/{terrace['id']}", (shop, "manager"), json={"slug": "garden"}, headers=any_version
    )
    assert garden.json["slug"] == "garden"
    log_concern(app, shop, **DESCRIBED, **KNOWN, **DISHES)
    app.clock.move(hours=1)
    for reminder in (DESCRIBED, {"mood": 2}):
        log_concern(app, shop, **reminder)
    body, *expected = LOGGED[along]
    headers = {} if "id" in body else {"Idempotency-Key": "k"}
    with app.counting() as statements:
        answer = app.request("POST", "/v1/concerns", floor, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    kind = app.database.engine.dialect.name
    assert asking(statements) == dict(zip(("sqlite", "postgresql"), expected, strict=True))[kind], statements
    most = MOST + MORE_FOR.get(along, 0)
    assert len(statements) <= (most if kind == "postgresql" else most + 1)
