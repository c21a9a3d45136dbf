"""What an operation needs to succeed, in the state it needs: an action to approve, a concern that is over."""

from datetime import date, timedelta
from typing import Any

from tests.support.app import App
from tests.support.factories.full_organization import BODIES, FullOrganization
from tests.support.factories.organizations import PASSWORD
from tests.support.sign_in import SAME_SECRET, code_of

ABOVE_THE_LIMIT = {"remedy": "dessert", "cost": {"amount": 2000, "currency": "EUR"}}
REFUND = {"remedy": "refund", "cost": {"amount": 500, "currency": "EUR"}}


def add_ready_objects(app: App, org: FullOrganization) -> None:
    """Add them to an organization, and note in `ids_by_operation` which operation needs which."""

    def do(method: str, path: str, login: str, **options: Any) -> Any:
        answer = app.request(method, f"/v1/{path}", (org.shop, login), **options)
        assert answer.status_code < 300, answer.text
        return answer.json

    open_concern = do("POST", "concerns", "colleague", json={"mood": 2, "store_id": org.ids["store_id"]})["id"]
    of_floor = do("POST", "concerns", "floor", json={"mood": 2})["id"]
    resolved = org.ids_by_operation["postConcernFeedbackRequests"]["concern_id"]
    do("POST", "remedies", "admin", json={"slug": "refund", "name": "Refund", "kind": "refund"})
    actions = f"concerns/{open_concern}/recovery-actions"
    done = do("POST", actions, "colleague", json={"remedy": "apology"})["id"]
    pending = do("POST", actions, "colleague", json=ABOVE_THE_LIMIT)["id"]
    refund = do("POST", actions, "colleague", json=REFUND)["id"]
    for above_limit in ("act_first", "ask_first"):
        changes = {"json": {"above_limit": above_limit}, "headers": {"If-Match": "*"}}
        do("PATCH", f"stores/{org.ids['store_id']}", "admin", **changes)
        if above_limit == "act_first":
            beyond = do("POST", actions, "colleague", json=ABOVE_THE_LIMIT)["id"]
    follow_up = do("GET", "follow-ups", "manager")["items"][0]
    twin = do("POST", "customers", "floor", json={"name": "Another twin"})["id"]
    store = {**BODIES["postStores"], "slug": "closed", "region_id": org.ids["region_id"]}
    closed = do("POST", "stores", "admin", json=store)["id"]
    do("POST", f"stores/{closed}/close", "admin")
    words = {"slug": "other", "name": "Other", "causes": [{"slug": slug, "name": slug} for slug in ("one", "two")]}
    other = do("POST", "categories", "admin", json=words)
    one, two = (cause["id"] for cause in other["causes"])
    invitation = {"/code": do("POST", f"staff/{org.shop.staff['colleague']}/invitations", "admin", json={})["code"]}
    before = str(date.fromisoformat(org.ids["business_date"]) - timedelta(days=2))
    code = do("POST", f"stores/{org.ids['store_id']}/enrolments", "manager", json={"name": "terrace"})["code"]
    gone = {"name": "Gone", "login": "gone-again", "role": "floor", "store_ids": [org.ids["store_id"]]}
    gone_id = do("POST", "staff", "manager", json=gone)["id"]
    do("POST", f"staff/{gone_id}/leave", "manager", json={})
    org.ids_by_operation |= {
        "postLeaveStaff": {"/hand_over_to": str(org.shop.staff["colleague"])},
        "postReturnStaff": {"staff_id": gone_id},
        "postRedeemEnrolment": {"/code": code},
        "postTakeConcern": {"concern_id": open_concern},
        "postHandOverConcern": {"concern_id": of_floor, "/staff_id": str(org.shop.staff["colleague"])},
        "postResolveConcern": {"concern_id": open_concern},
        "postVoidConcern": {"concern_id": of_floor},
        "postReopenConcern": {"concern_id": resolved},
        "postConcernRecoveryActions": {"concern_id": open_concern},
        "postReverseRecoveryAction": {"recovery_action_id": done},
        "postApproveRecoveryAction": {"recovery_action_id": pending},
        "postDeclineRecoveryAction": {"recovery_action_id": pending},
        "postReviewRecoveryAction": {"recovery_action_id": beyond},
        "postSettleRecoveryAction": {"recovery_action_id": refund},
        "postConcernFollowUps": {"/owner_id": org.ids["staff_id"]},
        "postHandOverFollowUp": {"follow_up_id": follow_up["id"], "/staff_id": str(org.shop.staff["colleague"])},
        "postMergeCustomers": {"/customer_id": twin},
        "postEscalationPolicies": {"store_id": str(org.shop.other_store_id)},
        "postSignOffRecoveryLog": {"business_date": before},
        "postMergeCategories": {"/into": other["id"]},
        "postMergeCauses": {"cause_id": one, "/into": two},
        "postReopenStore": {"store_id": closed},
        "postConfirmMySecondFactor": {"/code": code_of(SAME_SECRET, app.clock())},
        "postRedeemInvitation": invitation,
        "postRedeemPasswordReset": invitation,
        "postSessions": {"/organization": org.shop.slug, "/login": "floor", "/password": PASSWORD},
    }
