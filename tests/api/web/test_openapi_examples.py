"""The examples of bodies in the OpenAPI document work as they stand in the demo."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from api.web.openapi_examples import A_CODE, A_TIME, EXAMPLES, HARBOUR, RUI, SOME_ID, UPTOWN
from models.access import GRANTS, KEY_GRANTS, Permission, Role
from tests.support.app import App
from tests.support.databases import Databases
from tests.support.demo import seeded_demo, token_of
from tests.support.openapi_document import Operation, operations
from tests.support.sign_in import code_of

WITH_EXAMPLE = [operation for operation in operations() if operation.body_content == "application/json"]
LOGINS = {"manager": Role.MANAGER, "admin": Role.ADMIN, "floor": Role.FLOOR}
# Whose own sign-in or shift it is about, and who reaches another store.
AS = {
    **dict.fromkeys(("patchStorePlaceById", "postLeaveStaff", "putStorePlaces"), "admin"),
    **dict.fromkeys(("putMyPin", "putMyShift"), "floor"),
    "postConfirmMySecondFactor": "regional",
    "putMyPassword": "floor-market",
}
COLD = {"mood": 2, "store_id": HARBOUR, "category": "food-and-drink", "cause": "cold"}
CALL = {"what": "We call.", "kind": "call"}


class Demo:
    """The demo as one who tries the examples finds it: signed in, with ids and codes at hand."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.today = app.clock().date().isoformat()
        self.tokens = {login: token_of(app, login) for login in {*LOGINS, *AS.values()}}
        scopes = ["orders:write", "shifts:write"]
        key = self.do("POST", "/v1/api-keys", "admin", json={"name": "Till and clock", "scopes": scopes})
        self.tokens["key"], self.key_id = key["token"], key["id"]

    def send(self, method: str, path: str, login: str | None, **options: Any) -> Any:
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        if login is not None:
            headers["Authorization"] = f"Bearer {self.tokens[login]}"
        return self.app.request(method, path, headers=headers, **options)

    def do(self, method: str, path: str, login: str | None, **options: Any) -> Any:
        answer = self.send(method, path, login, **options)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json

    def listed(self, path: str, login: str = "admin", number: int = 0, **match: Any) -> dict[str, Any]:
        """Return an entry of a list with these values."""
        items = self.do("GET", path, login)["items"]
        matching: list[dict[str, Any]] = [item for item in items if match.items() <= item.items()]
        return matching[number]

    def concern(self) -> str:
        return str(self.do("POST", "/v1/concerns", "manager", json=COLD)["id"])

    def follow_up(self) -> str:
        due_at = (self.app.clock() + timedelta(hours=5)).isoformat()
        path = f"/v1/concerns/{self.concern()}/follow-ups"
        return str(self.do("POST", path, "floor", json={**CALL, "due_at": due_at})["id"])

    def action(self, amount: int, remedy: str = "voucher", login: str = "floor") -> str:
        cost = {"amount": amount, "currency": "EUR"}
        path = f"/v1/concerns/{self.concern()}/recovery-actions"
        return str(self.do("POST", path, login, json={"remedy": remedy, "cost": cost})["id"])

    def resolved(self) -> str:
        concern_id = self.concern()
        self.do("POST", f"/v1/concerns/{concern_id}/resolve", "floor", json={"outcome": "recovered"})
        return concern_id

    def enrolment(self) -> str:
        return str(self.do("POST", f"/v1/stores/{HARBOUR}/enrolments", "manager", json={"name": "terrace"})["code"])

    def invitation(self) -> str:
        path = f"/v1/staff/{RUI}/invitations"
        self.app.clock.move(seconds=1)
        return str(self.do("POST", path, "manager", json={})["code"])

    def enrol(self) -> dict[str, str]:
        phone = {"installation_id": "phone of the test", "platform": "ios", "code": self.enrolment()}
        self.tokens["phone"] = self.do("POST", "/v1/enrolments/redeem", None, json=phone)["secret"]
        return {}

    def signed_day(self) -> str:
        path = f"/v1/recovery-logs?signed=true&store_id={HARBOUR}"
        return str(self.listed(path, "manager")["business_date"])

    def given_beyond_the_limit(self) -> str:
        self.do("PATCH", f"/v1/stores/{HARBOUR}", "admin", json={"above_limit": "act_first"})
        action_id = self.action(4000)
        self.do("PATCH", f"/v1/stores/{HARBOUR}", "admin", json={"above_limit": "ask_first"})
        return action_id

    def second_factor(self) -> str:
        secret = self.do("POST", "/v1/me/second-factor", "regional")["secret"]
        return code_of(base64.b32decode(secret + "=" * (-len(secret) % 8)), self.app.clock())


def of_list(path: str, **match: Any) -> Callable[[Demo], str]:
    return lambda demo: str(demo.listed(path, **match)["id"])


# Where the id in an address comes from.
IDS: dict[str, Callable[[Demo], str]] = {
    "alert_rule_id": of_list("/v1/alert-rules"),
    "api_key_id": lambda demo: demo.key_id,
    "business_date": lambda demo: demo.today,
    "category_id": of_list("/v1/categories", slug="waiting-time"),
    "cause_id": lambda demo: str(demo.listed("/v1/categories", slug="service")["causes"][0]["id"]),
    "concern_id": Demo.concern,
    "customer_id": of_list("/v1/customers"),
    "employee_number": lambda _: "4711",
    "escalation_policy_id": of_list("/v1/escalation-policies"),
    "fix_id": of_list("/v1/fixes", login="manager"),
    "follow_up_id": Demo.follow_up,
    "group_id": of_list("/v1/groups", slug="lantern"),
    "installation_id": lambda _: "phone-of-the-test",
    "item_id": of_list("/v1/items"),
    "place_id": lambda demo: str(demo.listed(f"/v1/stores/{UPTOWN}/places")["id"]),
    "question_id": of_list("/v1/questions", slug="what-happened"),
    "recovery_action_id": lambda demo: demo.action(4000),
    "reference": lambda _: "4711",
    "region_id": of_list("/v1/regions", slug="north"),
    "remedy_id": of_list("/v1/remedies", slug="voucher"),
    "source": lambda _: "kiosk",
    "staff_id": lambda _: RUI,
    "store_id": lambda _: HARBOUR,
}
# Operations that need something in another state, and what is put in place of `SOME_ID` and `A_CODE`, by its name.
STATES: dict[str, Callable[[Demo], dict[str, str]]] = {
    "patchStoreById": lambda _: {"store_id": UPTOWN},
    "patchStorePlaceById": lambda _: {"store_id": UPTOWN},
    "postConcernFeedbackRequests": lambda demo: {"concern_id": demo.resolved()},
    "postConfirmMySecondFactor": lambda demo: {"code": demo.second_factor()},
    "postLeaveStaff": lambda demo: {"staff_id": demo.listed("/v1/staff", name="Dana Prewitt")["id"]},
    "postLogAmendments": lambda demo: {"business_date": demo.signed_day()},
    "postMergeCategories": lambda demo: {
        "category_id": demo.listed("/v1/categories", slug="premises")["id"],
        "into": demo.listed("/v1/categories", slug="service")["id"],
    },
    "postMergeCauses": lambda demo: {"into": demo.listed("/v1/categories", slug="service")["causes"][1]["id"]},
    "postMergeCustomers": lambda demo: {"body_customer_id": str(demo.listed("/v1/customers", number=1)["id"])},
    "postNotificationReceipts": lambda demo: {
        "notification_id": demo.listed("/v1/me/notifications", "manager", kind="ring")["id"]
    },
    "postRedeemEnrolment": lambda demo: {"code": demo.enrolment()},
    "postRedeemInvitation": lambda demo: {"code": demo.invitation()},
    "postRedeemPasswordReset": lambda demo: {"code": demo.invitation()},
    "postReverseRecoveryAction": lambda demo: {"recovery_action_id": demo.action(1000)},
    "postReviewRecoveryAction": lambda demo: {"recovery_action_id": demo.given_beyond_the_limit()},
    "postSettleRecoveryAction": lambda demo: {"recovery_action_id": demo.action(1000, "refund")},
    "putCurrentEnrolment": Demo.enrol,
    "putStorePlaces": lambda _: {"store_id": UPTOWN},
}


def login_of(operation: Operation) -> str | None:
    """Return who sends it: the first who may."""
    if operation.permissions is None:
        return None
    if operation.permissions == Permission.ENROLMENT_USE:
        return "phone"
    may = [login for login, role in LOGINS.items() if operation.permissions in GRANTS[role]]
    assert may or any(operation.permissions in granted for granted in KEY_GRANTS.values()), operation.id
    return AS.get(operation.id, may[0] if may else "key")


def filled(example: Any, demo: Demo, known: dict[str, str], name: str = "") -> Any:
    """Put in what the demo cannot know beforehand, and nothing else: times, and ids and codes by their names."""
    if isinstance(example, dict):
        return {key: filled(inner, demo, known, key) for key, inner in example.items()}
    if isinstance(example, list):
        return [filled(inner, demo, known, name) for inner in example]
    if example == A_TIME:
        return (demo.app.clock() + timedelta(days=1 if name == "due_at" else 0)).isoformat()
    if example in (SOME_ID, A_CODE) or name == "code":
        return known.get(f"body_{name}", known.get(name, example))
    return example


@pytest.fixture(scope="module")
def demo(databases: Databases) -> Iterator[Demo]:
    with seeded_demo(databases, "sqlite") as (app, _stores, _rows):
        yield Demo(app)


def test_every_body_has_an_example() -> None:
    assert {operation.id for operation in WITH_EXAMPLE} == EXAMPLES.keys()
    for operation in WITH_EXAMPLE:
        content = operation.spec["requestBody"]["content"]["application/json"]
        assert content["example"] == EXAMPLES[operation.id], operation.id


# More than five seconds where nothing has seeded the demo yet.
def test_every_example_works_as_it_stands(demo: Demo, subtests: Any) -> None:
    for operation in WITH_EXAMPLE:
        with subtests.test(operation.id):
            known = STATES.get(operation.id, lambda _: {})(demo)
            ids = {name: known.get(name) or IDS[name](demo) for name in re.findall(r"{(\w+)}", operation.path)}
            body = filled(EXAMPLES[operation.id], demo, known)
            answer = demo.send(operation.method, operation.path.format(**ids), login_of(operation), json=body)
            assert answer.status_code < 300, (body, answer.text)
