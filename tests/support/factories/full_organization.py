"""An organization in which every table has rows, and each id that a path, query or body can carry is known."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.access import KeyScope, Role
from models.alerts.alert import Alert
from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.daily_log.daily_log import DailyLogHandover
from models.daily_log.day_end import DayEndSchedule
from models.db.dirty_days import DirtyCauseMonth
from models.organizations.organization import Region
from models.organizations.vocabulary import Question
from models.policy_defaults import FEEDBACK_LINK_TTL
from models.recovery.feedback_request import FeedbackRequest
from models.recovery.public_token import new_token
from models.reports.rollups.rebuild import CAUSE_REBUILD_DELAY, rebuild_cause_months, rebuild_days
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.staff import Staff, StaffRegion, StaffStore
from tests.support.app import App
from tests.support.databases import Databases
from tests.support.factories.organizations import PASSWORD, Shop, make_shop, password_hash
from tests.support.sign_in import begin_second_factors, session_id_of, sign_in_again

PHONE = "+351912345678"
RULE = {"slug": "cold-soup", "name": "Cold soup", "category": "food", "enabled": False}
LIMIT = {"role": "floor", "per_customer": {"amount": 1000, "currency": "EUR"}}
DESSERT = {"slug": "dessert", "name": "Dessert", "kind": "gift", "limits": [LIMIT]}
ORDER = {"store_id": None, "opened": "2026-03-03T12:00:00Z", "place": None}
# The query that an operation requires.
REPORTS = ("Recovery", "Remedies", "Causes", "Items", "FollowUps", "Listening", "Alerts")
YEAR_BY_STORE = {"from": "2026-01-01", "to": "2026-12-31", "group_by": "store"}
QUERIES = {f"getReport{name}": YEAR_BY_STORE for name in REPORTS} | {"getRecoveryLogs": {"from": "2025-01-01"}}
# What each operation with a body accepts; ids are added by the test that wants them there.
BODIES: dict[str, Any] = {
    "postSessions": {"organization": "nobody", "login": "nobody", "password": "nobody has this one"},
    "postStoreEnrolments": {"name": "bar"},
    "postRedeemEnrolment": {"code": "nobody made this one", "installation_id": "phone of a thief", "platform": "ios"},
    "putCurrentEnrolment": {"platform": "ios", "address": "address of the bar", "address_kind": "log"},
    "postConfirmMySecondFactor": {"code": "123456"},
    "patchOrganization": {"minimum_app_versions": {"ios": "1.2.3"}},
    "postRegions": {"slug": "new", "name": "New"},
    "patchRegionById": {"name": "Changed"},
    "postStaffList": {"name": "New", "login": "new", "role": "floor", "store_ids": [None]},
    "patchStaffById": {"name": "Changed"},
    "postStaffInvitations": {},
    "postLeaveStaff": {"hand_over_to": None},
    "postRedeemInvitation": {"code": "nobody has this one", "password": "another good one"},
    "postRedeemPasswordReset": {"code": "nobody has this one", "password": "another good one"},
    "postPasswordResets": {"organization": "nobody", "login": "nobody"},
    "putMyPassword": {"current_password": PASSWORD, "new_password": "another good one"},
    "putMyPin": {"current_password": PASSWORD, "pin": "902715"},
    "postStorePlaces": {"name": "New"},
    "putStorePlaces": {"items": [{"name": "table 1"}, {"name": "New", "names": {"pt": "Novo"}}]},
    "patchStorePlaceById": {"name": "Changed"},
    "postStoresImport": "region,slug,name,kind,time_zone,country,currency,hours\n"
    "here,new,New,retail,Europe/Lisbon,PT,EUR,always\n",
    "putStaffByEmployeeNumber": {"name": "New", "login": "new", "role": "floor", "store_ids": [None]},
    "postStaffListImport": "login,name,role,stores\nnew,New,floor,first\n",
    "postPlacesImport": "store,name\nfirst,New\n",
    "postCustomersImport": "source,reference,name\ncrm,1,Somebody New\n",
    "postAlertRules": {"slug": "new", "name": "New", "mood_at_most": 1},
    "patchAlertRuleById": {"name": "Changed"},
    "postTryAlertRule": {"mood_at_most": 2},
    "postEscalationPolicies": {
        "slug": "new",
        "name": "New",
        "store_id": None,
        "steps": [{"after_seconds": 0, "whom": ["on_shift"]}],
    },
    "patchEscalationPolicyById": {"steps": [{"after_seconds": 0, "whom": ["on_shift"]}]},
    "putStoreHours": {"weekly": [{"weekday": "monday", "opens_at": "18:00", "closes_at": "02:00"}]},
    "patchMe": {"muted": ["outcome"]},
    "postMyPause": {"minutes": 3},
    "putMyShift": {"store_id": None},
    "putShiftOfTimeClock": {"store_id": None, "staff_id": None, "started_at": "2026-03-03T12:00:00Z"},
    "putOrderOfTill": ORDER,
    "putMyDevice": {"platform": "ios", "address": "address of a thief", "address_kind": "log"},
    "postCustomers": {"name": "Somebody New"},
    "postCustomerSearch": {"phone": PHONE},
    "patchCustomerById": {"name": "Changed"},
    "postMergeCustomers": {"customer_id": None, "preview": True},
    "postMeetCustomer": {"store_id": None},
    "postConcerns": {"mood": 2, "recovery_actions": [{"remedy": "apology"}]},
    "patchConcernById": {"stake": "changed"},
    "postHandOverConcern": {"staff_id": None},
    "postVoidConcern": {"reason": "changed"},
    "postResolveConcern": {"outcome": "lost", "mood_after": 1},
    "postConcernRecoveryActions": {"remedy": "apology"},
    "postConcernFollowUps": {"what": "We call you.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"},
    "postConcernFeedbackRequests": {},
    "putFeedbackPolicyOfOrganization": {"days_between": 7},
    "postStoreStandingQrs": {"place": "table-12"},
    "postKeepFollowUp": {"note": "changed"},
    "postCancelFollowUp": {"note": "changed"},
    "postHandOverFollowUp": {"staff_id": None},
    "postFixes": {"store_id": None, "category": "food", "cause": "cold", "what": "New lamps keep it warm."},
    "postFixThankYous": {"due_at": "2026-03-04T12:00:00Z"},
    "postChecks": {"store_id": None, "count": 2},
    "putLogPolicyOfOrganization": {"headings": [{"slug": "tomorrow", "name": "Tomorrow"}]},
    "patchRecoveryLogByDate": {"notes": {"tomorrow": "changed"}},
    "postLogAmendments": {"reason": "It was forgotten.", "text": "changed"},
    "putStoreDayByDate": {"covers": 10, "transactions": None, "sales": None},
    "postReverseRecoveryAction": {"note": "changed"},
    "postApproveRecoveryAction": {"note": "changed"},
    "postDeclineRecoveryAction": {"note": "changed"},
    "postReviewRecoveryAction": {"note": "changed"},
    "postSettleRecoveryAction": {"settlement": "requested"},
    "postCategories": {"slug": "new", "name": "New", "causes": [{"slug": "newer", "name": "Newer"}]},
    "patchCategoryById": {"name": "Changed", "causes": [{"slug": "salty", "name": "Salty"}]},
    "postMergeCategories": {"into": None},
    "postMergeCauses": {"into": None},
    "postQuestions": {"slug": "new", "text": "New?", "category": "food"},
    "patchQuestionById": {"text": "Changed?"},
    "postRemedies": {"slug": "new", "name": "New", "kind": "gift"},
    "patchRemedyById": {"name": "Changed"},
    "patchItemById": {"name": "Changed"},
    "patchStoreById": {"above_limit": "act_first"},
    "postApiKeys": {"name": "New", "scopes": ["reports:read"]},
    "postRotateApiKey": {"overlap_hours": 1},
    "postStores": {
        "region_id": None,
        "slug": "new",
        "name": "New",
        "kind": "retail",
        "time_zone": "Europe/Lisbon",
        "country": "PT",
        "currency": "EUR",
        "hours": {"always": True},
    },
    "postGroups": {"slug": "new", "name": "New", "kind": "other"},
    "patchGroupById": {"name": "Changed"},
    "postNotificationReceipts": {
        "receipts": [{"notification_id": None, "event": "opened", "at": "2026-03-03T12:00:00Z"}]
    },
}
ANSWER = "The second soup was hot, and she had not forgotten us."
AMENDMENT = BODIES["postLogAmendments"]
CALL, FIX = BODIES["postConcernFollowUps"], BODIES["postFixes"]
AGREES = {"consent": {"contact": True, "source": "in_person"}}


@dataclass
class FullOrganization:
    """A shop with all its ids, by the names that paths, queries and bodies use."""

    shop: Shop
    ids: dict[str, str] = field(default_factory=dict)
    sensitive: dict[str, str] = field(default_factory=dict)
    # By operation that wants a thing in another state than the thing in `ids` is in: other ids. Those with a JSON
    # pointer for a name belong into the body only.
    ids_by_operation: dict[str, dict[str, str]] = field(default_factory=dict)
    session_ids: dict[str, str] = field(default_factory=dict)  # by login: a sign-in that is nobody else's

    def ids_for(self, operation_id: str) -> dict[str, str]:
        """Return the ids of things in the state that an operation wants."""
        return {**self.ids, **self.ids_by_operation.get(operation_id, {})}

    @property
    def private(self) -> set[str]:
        """Return the ids that nobody outside the first store may ever read."""
        names = ("concern_id", "customer_id", "alert_id", "recovery_action_id", "notification_id", "store_id")
        names += ("follow_up_id", "check_id", "feedback_request_id", "fix_id", "amendment_id", "api_key_id")
        names += ("device_id",)
        return {self.ids[name] for name in names} | set(self.sensitive.values()) | {str(self.shop.staff["floor"])}


def _keep_days(app: App, shop: Shop) -> None:
    """Schedule day ends and build the rollups, as the worker does; subscribe the manager to the daily log mail."""
    _log_of_earlier_days(app, shop)
    wish = {"daily_logs": [str(shop.store_id)]}
    _do(app, "PATCH", "/v1/me", (shop, "manager"), json=wish, headers={"If-Match": "*"})
    with app.back_office.writing(shop.organization_id) as session:
        begun = [DayEndSchedule.first_row(store, at=app.clock()) for store in DayEndSchedule.new_stores(session)]
        session.bulk_insert_or_ignore(DayEndSchedule, begun)
        rebuild_days(session, shop.organization_id, at=app.clock())
        session.flush()
        rebuild_cause_months(session, shop.organization_id, due_by=app.clock() + CAUSE_REBUILD_DELAY)
        session.add(
            DirtyCauseMonth(store_id=shop.store_id, month=app.clock().date().replace(day=1), due_at=app.clock())
        )


def _enrol_phone(app: App, shop: Shop) -> tuple[str, str]:
    """Enrol a shared phone in the first store, and leave a code unused; return the secret of the phone and its id."""
    codes = [
        _do(app, "POST", f"/v1/stores/{shop.store_id}/enrolments", (shop, "manager"), json={"name": name})["code"]
        for name in ("bar", "terrace")
    ]
    phone = {"installation_id": f"bar-of-{shop.slug}", "platform": "android"}
    phone |= {"address": f"address of the bar of {shop.slug}", "address_kind": "log"}
    answer = app.request("POST", "/v1/enrolments/redeem", json={"code": codes[0], **phone})
    assert answer.status_code == 201, answer.text
    return str(answer.json["secret"]), str(answer.json["id"])


def _shift_of_manager(app: App, shop: Shop) -> str:
    items = _do(app, "GET", f"/v1/stores/{shop.store_id}/on-shift", (shop, "manager"))["items"]
    (shift_id,) = (str(item["shift_id"]) for item in items if item["role"] == "manager")
    return shift_id


def _make_words(app: App, shop: Shop) -> dict[str, str]:
    """Make a category with a cause, and merge another one; return the ids of the first."""
    room, hall, foyer = (
        _do(app, "POST", "/v1/categories", (shop, "admin"), json={"slug": slug, "name": slug.title(), "causes": causes})
        for slug, causes in (("room", [{"slug": "noise", "name": "Noise"}]), ("hall", []), ("foyer", []))
    )
    _do(app, "POST", f"/v1/categories/{hall['id']}/merge", (shop, "admin"), json={"into": foyer["id"]})
    return {"category_id": room["id"], "cause_id": room["causes"][0]["id"]}


def make_full_organization(app: App, slug: str) -> FullOrganization:
    """Make an organization through the API."""
    shop = make_shop(app.back_office, slug, on_shift=("floor", "manager", "colleague"))
    sign_in_again(app, shop, "admin")  # who has two sign-ins then
    org = FullOrganization(shop)
    floor = (shop, "floor")
    phone = {"platform": "android", "address": f"address of {slug}", "address_kind": "log"}
    _do(app, "PUT", f"/v1/me/devices/phone-of-{slug}", (shop, "manager"), json=phone)
    concern_fields = {
        "mood": 1,
        "customer": {"name": "Customer of " + slug, "phone": PHONE},
        "category": "food",
        "cause": "cold",
        "place": "table-12",
        "question": "what-happened",
        "items": [{"slug": "soup"}, {"name": "Bread"}],
        "recovery_actions": [{"remedy": "remake"}, {"remedy": "apology"}],
    }
    concern = _do(app, "POST", "/v1/concerns", floor, json=concern_fields, headers={"Idempotency-Key": "first"})
    _do(app, "POST", f"/v1/concerns/{concern['id']}/take", (shop, "manager"))
    hidden = _do(app, "POST", "/v1/concerns", floor, json={**concern_fields, "sensitive": True})
    with app.back_office.writing(shop.organization_id) as session:
        question = Question(slug="what-would-help", text="What would help?")
        session.add(question)
        session.add_all(
            Notification(
                alert_id=alert.id,
                device_id=session.scalars(sa.select(Device.id)).one(),
                staff_id=shop.staff["manager"],
                run_id=alert.run_id,
                step=step,
                queued_at=app.clock(),
                expires_at=app.clock(),
            )
            for alert in session.scalars(sa.select(Alert))
            for step in (0, 1)
        )
    regular = {"name": "Regular of " + slug, "loyalty_number": "4711"}
    _do(app, "POST", "/v1/customers", floor, json=regular)
    _do(app, "POST", "/v1/customers/search", (shop, "elsewhere"), json={"loyalty_number": "4711"})
    _do(app, "PUT", "/v1/orders/bar/4711", (shop, "key"), json={**ORDER, "store_id": str(shop.store_id)})
    twins = [
        _do(app, "POST", "/v1/customers", floor, json={"name": "Twin of " + slug, "references": [reference]})["id"]
        for reference in ({"source": "till", "reference": "1"}, {"source": "till", "reference": "2"})
    ]
    other = {"customer_id": twins[1]}
    merge = _do(app, "POST", f"/v1/customers/{twins[0]}/merge", (shop, "manager"), json=other)
    shop.staff["manager-there"], shop.tokens["manager-there"] = hire_elsewhere(app, shop, "manager-there", Role.MANAGER)
    shop.staff["regional-there"], shop.tokens["regional-there"] = hire_elsewhere(
        app, shop, "regional-there", Role.REGIONAL
    )
    _do(app, "POST", f"/v1/staff/{shop.staff['colleague']}/invitations", (shop, "admin"), json={})
    follow_ups = [_do(app, "POST", f"/v1/concerns/{concern['id']}/follow-ups", floor, json=CALL) for _ in range(2)]
    day_figures = BODIES["putStoreDayByDate"]
    _do(app, "PUT", f"/v1/stores/{shop.store_id}/days/{concern['business_date']}", (shop, "manager"), json=day_figures)
    feedback_request_ids = [
        _feedback_request_of(app, shop, concern["id"]),
        *(_feedback_request_of(app, shop, id_, rating=4, recommend=9, words=ANSWER) for id_ in (concern["id"],) * 3),
        _feedback_request_of(app, shop, hidden["id"], rating=5, words=ANSWER),
    ]
    _do(app, "PUT", "/v1/feedback-policy", (shop, "admin"), json={"days_between": 14})
    qrs = [_do(app, "POST", f"/v1/stores/{shop.store_id}/standing-qrs", (shop, "admin"), json={}) for _ in range(2)]
    cold = {name: concern_fields[name] for name in ("mood", "category", "cause")}
    _keep_days(app, shop)
    _do(app, "POST", "/v1/concerns", floor, json={**cold, "customer_id": twins[0]})
    for customer_id in (concern["customer_id"], twins[0]):
        _do(app, "PATCH", f"/v1/customers/{customer_id}", floor, json=AGREES, headers={"If-Match": "*"})
    app.clock.move(seconds=1)
    _do(app, "POST", "/v1/fixes", (shop, "admin"), json={**FIX, "store_id": str(shop.other_store_id)})
    fix = _do(app, "POST", "/v1/fixes", (shop, "manager"), json={**FIX, "store_id": str(shop.store_id)})
    yesterday = str(app.clock().date() - timedelta(days=1))
    log = _sign_day(app, shop, yesterday, concern["id"])
    here = {**BODIES["postGroups"], "store_ids": [str(shop.store_id)]}
    groups = [_do(app, "POST", "/v1/groups", (shop, "admin"), json={**here, "slug": it}) for it in ("brand", "city")]
    policy = {**BODIES["postEscalationPolicies"], "slug": "first-store", "store_id": str(shop.store_id)}
    shop.tokens["shared-phone"], shared_phone_id = _enrol_phone(app, shop)
    _notify_shared_phone(app, shop, UUID(concern["alert"]["id"]), UUID(shared_phone_id))
    begin_second_factors(app, shop, ("manager", "admin"))
    org.ids = {
        **_make_words(app, shop),
        "shift_id": _shift_of_manager(app, shop),
        "source": "till",
        "reference": "4711",
        "concern_id": concern["id"],
        "customer_id": concern["customer_id"],
        "merge_id": merge["id"],
        "alert_id": concern["alert"]["id"],
        "recovery_action_id": _first(app, shop, f"/v1/concerns/{concern['id']}/recovery-actions"),
        "notification_id": _first(app, shop, f"/v1/alerts/{concern['alert']['id']}/notifications"),
        "linked_id": concern["id"],
        "praised_id": str(shop.staff["floor"]),
        "follow_up_id": follow_ups[0]["id"],
        "feedback_request_id": feedback_request_ids[0],
        "standing_qr_id": qrs[0]["id"],
        "fix_id": fix["id"],
        "amendment_id": _do(app, "POST", f"{log}/amendments", (shop, "manager"), json=AMENDMENT)["id"],
        "check_id": _do(app, "POST", "/v1/checks", floor, json={})["id"],
        "store_id": str(shop.store_id),
        "daily_log": str(shop.store_id),
        "region_id": str(shop.region_id),
        "place_id": _renamed_place(app, shop),
        "group_id": groups[0]["id"],
        "escalation_policy_id": _do(app, "POST", "/v1/escalation-policies", (shop, "admin"), json=policy)["id"],
        "question_id": str(question.id),
        "remedy_id": _do(app, "POST", "/v1/remedies", (shop, "admin"), json=DESSERT)["id"],
        "item_id": _first(app, shop, "/v1/items"),
        "alert_rule_id": _do(app, "POST", "/v1/alert-rules", (shop, "admin"), json=RULE)["id"],
        "staff_id": str(shop.staff["floor"]),
        "owner_id": str(shop.staff["floor"]),
        "hand_over_to": str(shop.staff["floor"]),
        "taken_by": str(shop.staff["manager"]),
        "reported_by": str(shop.staff["floor"]),
        "session_id": session_id_of(app, shop, "floor"),
        "api_key_id": _make_keys_of_stores(app, shop),
        "installation_id": f"phone-of-{slug}",
        "employee_number": "10042",
        "device_id": shared_phone_id,
        "business_date": concern["business_date"],
    }
    over = _do(app, "POST", "/v1/concerns", floor, json={"mood": 4, "outcome": "recovered", "mood_after": 5})
    org.ids_by_operation = {
        "postConcernFeedbackRequests": {"concern_id": over["id"]},
        "postLogAmendments": {"business_date": yesterday},
    }
    org.sensitive = {
        "concern_id": hidden["id"],
        "alert_id": hidden["alert"]["id"],
        "recovery_action_id": _first(app, shop, f"/v1/concerns/{hidden['id']}/recovery-actions"),
        "notification_id": _first(app, shop, f"/v1/alerts/{hidden['alert']['id']}/notifications"),
        "follow_up_id": _do(app, "POST", f"/v1/concerns/{hidden['id']}/follow-ups", floor, json=CALL)["id"],
        "feedback_request_id": feedback_request_ids[-1],
    }
    return org


def _renamed_place(app: App, shop: Shop) -> str:
    """Add a place that had another slug before; return its id."""
    path = f"/v1/stores/{shop.store_id}/places"
    place = _do(app, "POST", path, (shop, "manager"), json={"name": "terrace"})
    garden, any_version = {"name": "garden", "slug": "garden"}, {"If-Match": "*"}
    _do(app, "PATCH", f"{path}/{place['id']}", (shop, "manager"), json=garden, headers=any_version)
    return str(place["id"])


def _sign_day(app: App, shop: Shop, business_date: str, concern_id: str) -> str:
    """Write notes on a day and sign it, and hand the concern over to today; return the address of the log."""
    log = f"/v1/stores/{shop.store_id}/recovery-logs/{business_date}"
    _do(app, "PATCH", log, (shop, "manager"), json={"notes": {"tomorrow": "Look."}}, headers={"If-Match": "*"})
    _do(app, "POST", f"{log}/sign-off", (shop, "manager"))
    _do(app, "PUT", "/v1/log-policy", (shop, "admin"), json=BODIES["putLogPolicyOfOrganization"])
    with app.back_office.writing(shop.organization_id) as session:
        left = UUID(concern_id)
        session.add(DailyLogHandover(store_id=shop.store_id, business_date=app.clock().date(), concern_id=left))
    return log


def _log_of_earlier_days(app: App, shop: Shop) -> None:
    """Log something of each of the two days before."""
    for days in (1, 2):
        occurred_at = (app.clock() - timedelta(days=days)).isoformat()
        _do(app, "POST", "/v1/concerns", (shop, "floor"), json={"mood": 4, "occurred_at": occurred_at})


def _feedback_request_of(app: App, shop: Shop, concern_id: str, **answers: Any) -> str:
    """Add a feedback request to a concern, whatever its state, and these answers of the customer; return its id."""
    with app.back_office.writing(shop.organization_id) as session:
        concern = session.get_one(Concern, (shop.organization_id, UUID(concern_id)))
        request = FeedbackRequest(
            concern_id=UUID(concern_id),
            store_id=shop.store_id,
            business_date=concern.business_date,
            token=new_token(shop.organization_id),
            asked_at=app.clock(),
            expires_at=app.clock() + FEEDBACK_LINK_TTL,
            answered_at=app.clock() if answers else None,
            **answers,
        )
        session.add(request)
    return str(request.id)


def hire_elsewhere(app: App, shop: Shop, login: str, role: Role) -> tuple[UUID, str]:
    """Add a person to the second store, or to its region; return their id and token."""
    with app.back_office.writing(shop.organization_id) as session:
        staff = Staff(login=login, name=login.title(), role=role, password_hash=password_hash())
        session.add(staff)
        session.flush()
        if role is Role.REGIONAL:
            there = session.scalars(sa.select(Region.id).where(Region.slug == "there")).one()
            session.add(StaffRegion(staff_id=staff.id, region_id=there))
        else:
            session.add(StaffStore(staff_id=staff.id, store_id=shop.other_store_id))
        _, token = StaffSession.open(session, staff=staff, at=app.clock())
    return staff.id, token.text


def _notify_shared_phone(app: App, shop: Shop, alert_id: UUID, device_id: UUID) -> None:
    """Add a notification of an alert on a shared phone, for the manager, and two tests on the administrator's."""
    with app.back_office.writing(shop.organization_id) as session:
        alert, device, manager = (
            session.get_one(model, (shop.organization_id, id_))
            for model, id_ in ((Alert, alert_id), (Device, device_id), (Staff, shop.staff["manager"]))
        )
        values = {"alert_id": alert.id, "concern_id": alert.concern_id, "run_id": alert.run_id, "step": 1}
        times = {"queued_at": app.clock(), "expires_at": app.clock()}
        session.add(Notification.to_phone(device, [manager], **values, **times))
        test = {"kind": NotificationKind.TEST, "staff_id": shop.staff["admin"], **times}
        session.add_all(Notification(**test) for _ in range(2))


def _make_keys_of_stores(app: App, shop: Shop) -> str:
    """Make an API key for each store, with all scopes that it can have; return the id of that of the first store."""
    scopes = [scope for scope in KeyScope if scope is not KeyScope.EXPORTS_READ]
    ids = []
    for name, store_id in (("key-here", shop.store_id), ("key-there", shop.other_store_id)):
        body = {"name": name, "scopes": scopes, "store_ids": [str(store_id)]}
        key = _do(app, "POST", "/v1/api-keys", (shop, "admin"), json=body)
        shop.tokens[name] = key["token"]
        ids.append(key["id"])
    return str(ids[0])


def _do(app: App, method: str, path: str, by: tuple[Shop, str], **options: Any) -> dict[str, Any]:
    answer = app.request(method, path, by, **options)
    assert answer.status_code < 300, answer.text
    result: dict[str, Any] = answer.json
    return result


def _first(app: App, shop: Shop, path: str) -> str:
    items = _do(app, "GET", path, (shop, "manager"))["items"]
    return str(items[0]["id"])


@contextmanager
def full_organizations(databases: Databases, kind: str, *slugs: str) -> Iterator[tuple[App, list[FullOrganization]]]:
    """Give an app on a database of its own, with a full organization of each slug.

    They are made once per run and kind, and copied.
    """

    def fill(url: str) -> tuple[list[FullOrganization], datetime]:
        with closing(App(url)) as app:
            return [make_full_organization(app, slug) for slug in slugs], app.clock.at

    with databases.copy(kind, "-".join(slugs), fill) as (url, (organizations, at)), closing(App(url)) as app:
        app.clock.at = at
        yield app, organizations
