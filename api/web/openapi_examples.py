"""OpenAPI document of bodies: for each operation one that works as it stands in the demo (`demo seed`).

What the demo cannot know beforehand is put in by whoever sends it: times, codes, and the ids `into`, `customer_id` and
`notification_id`.
"""

from typing import Any, Final

# Ids of the demo (`demo_id`): of a region, of stores and of people.
NORTH: Final = "3a81ae2a-28c2-5f20-8bd5-7ad01530a9da"
HARBOUR: Final = "a4cc1e5c-57eb-5f06-92f9-36f48f194d77"
UPTOWN: Final = "303c8942-d69b-5dab-ae57-6b75ee6ebd6c"
FLOOR: Final = "333df38a-863b-5044-bf47-e4e900995924"
RUI: Final = "0a0ed106-e52b-53d0-8989-9ad20bc97702"
MANAGER: Final = "14a77f23-3aab-52f0-aa23-c8ce855e784c"
MANAGER_OF_UPTOWN: Final = "324c12c5-ff57-5f15-a197-24599a991373"
# To be replaced.
SOME_ID: Final = "01985c3e-7d1a-7c52-9b0e-3f6a2d4c8e10"
A_TIME: Final = "2026-12-24T18:00:00Z"
A_CODE: Final = "the code that you got"

PHONE: Final = {"platform": "android", "address_kind": "log", "app_version": "2.3.1", "locale": "pt-PT"}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "patchAlertRuleById": {"name": "Very unhappy", "enabled": True},
    "patchCategoryById": {"names": {"pt": "Tempo de espera"}, "causes": [{"slug": "no-waiter", "name": "Nobody came"}]},
    "patchConcernById": {"their_words": "It was cold, and we have a train to catch.", "stake": "The train at eight."},
    "patchCustomerById": {"preferred_name": "Bia", "consent": {"contact": True, "source": "in_person"}},
    "patchEscalationPolicyById": {"unanswered_after_seconds": 900},
    "patchGroupById": {"name": "Lantern"},
    "patchItemById": {"name": "Grilled sardines", "confirmed": True},
    "patchMe": {"muted": ["outcome"], "quiet_hours": {"from": "22:00", "until": "07:00"}},
    "patchOrganization": {"languages": ["en", "pt"], "session_days": 14},
    "patchQuestionById": {"names": {"pt": "O que aconteceu?"}},
    "patchRecoveryLogByDate": {"notes": {"tomorrow": "The new lamps come at ten."}},
    "patchRegionById": {"name": "The North"},
    "patchRemedyById": {"names": {"pt": "Vale"}},
    "patchStaffById": {"name": "Rui Tavorinha Dias"},
    "patchStoreById": {"above_limit": "act_first", "longest_pause_minutes": 10},
    "patchStorePlaceById": {"name": "table by the window", "names": {"pt": "mesa da janela"}},
    "postAlertRules": {
        "slug": "party",
        "name": "A party",
        "order_value": {"amount": 40000, "currency": "EUR"},
    },
    "postApiKeys": {"name": "BI tool", "scopes": ["reports:read"], "store_ids": [HARBOUR]},
    "postApproveRecoveryAction": {"note": "Yes, they waited for an hour."},
    "postCancelFollowUp": {"note": "They said that all is well."},
    "postCategories": {
        "slug": "terrace",
        "name": "Terrace",
        "names": {"pt": "Esplanada"},
        "icon": "sun",
        "causes": [{"slug": "no-shade", "name": "No shade"}],
    },
    "postChecks": {"store_id": HARBOUR, "count": 2},
    "postConcernFeedbackRequests": {},
    "postConcernFollowUps": {"what": "We call to hear how the evening went.", "kind": "call", "due_at": A_TIME},
    "postConcernRecoveryActions": {"remedy": "voucher", "cost": {"amount": 1000, "currency": "EUR"}},
    "postConcerns": {
        "mood": 2,
        "store_id": HARBOUR,
        "category": "food-and-drink",
        "cause": "cold",
        "place": "table-12",
        "their_words": "The soup was cold, and nobody came.",
        "wanted": "A warm one, before the theatre.",
        "items": [{"name": "Soup", "quantity": 2}],
        "customer": {"name": "Beatriz Nevoeiro", "phone": "+351900000101"},
        "recovery_actions": [{"remedy": "apology"}],
    },
    "postConfirmMySecondFactor": {"code": "123456"},
    "postCustomerSearch": {"phone": "+351900000101"},
    "postCustomers": {"name": "Odete Falcoeiro", "phone": "+351900000299", "languages": ["pt"], "store_id": HARBOUR},
    "postDeclineRecoveryAction": {"note": "A dessert is enough."},
    "postEscalationPolicies": {
        "slug": "uptown",
        "name": "Uptown",
        "store_id": UPTOWN,
        "steps": [
            {"after_seconds": 0, "whom": ["on_shift", "lead"]},
            {"after_seconds": 180, "whom": ["managers"], "severities": ["severe"]},
        ],
    },
    "postFixThankYous": {"due_at": A_TIME, "kind": "message"},
    "postFixes": {
        "store_id": HARBOUR,
        "category": "food-and-drink",
        "cause": "cold",
        "what": "New lamps keep the plates warm.",
    },
    "postGroups": {"slug": "by-the-water", "name": "By the water", "kind": "district", "store_ids": [HARBOUR]},
    "postHandOverConcern": {"staff_id": FLOOR},
    "postHandOverFollowUp": {"staff_id": MANAGER},
    "postKeepFollowUp": {"note": "They are coming back on Friday."},
    "postLeaveStaff": {"hand_over_to": MANAGER_OF_UPTOWN},
    "postLogAmendments": {"reason": "It was forgotten.", "text": "The oven was repaired at noon."},
    "postMeetCustomer": {"store_id": HARBOUR},
    "postMergeCategories": {"into": SOME_ID},
    "postMergeCauses": {"into": SOME_ID},
    "postMergeCustomers": {"customer_id": SOME_ID, "preview": True},
    "postMyPause": {"minutes": 3},
    "postNotificationReceipts": {"receipts": [{"notification_id": SOME_ID, "event": "opened", "at": A_TIME}]},
    "postPasswordResets": {"organization": "demo", "login": "manager"},
    "postQuestions": {"slug": "how-long", "text": "Since when have you been waiting?", "category": "waiting-time"},
    "postRedeemEnrolment": {
        "code": A_CODE,
        "installation_id": "phone-at-the-bar",
        "address": "phone at the bar",
        **PHONE,
    },
    "postRedeemInvitation": {"code": A_CODE, "password": "a password of mine"},
    "postRedeemPasswordReset": {"code": A_CODE, "password": "a password of mine"},
    "postRegions": {"slug": "islands", "name": "Islands"},
    "postRemedies": {
        "slug": "dessert",
        "name": "Dessert",
        "kind": "gift",
        "store_kind": "restaurant",
        "default_cost": {"amount": 400, "currency": "EUR"},
    },
    "postResolveConcern": {"outcome": "recovered", "mood_after": 4, "note": "They stayed for coffee."},
    "postReverseRecoveryAction": {"note": "It was for the other table."},
    "postReviewRecoveryAction": {"note": "Well done."},
    "postRotateApiKey": {"overlap_hours": 1},
    "postSessions": {"organization": "demo", "login": "manager", "password": "demo-manager-2468"},
    "postSettleRecoveryAction": {"settlement": "settled", "reference": "payment 4711"},
    "postStaffInvitations": {},
    "postStaffList": {"name": "Leonor Vidal", "login": "leonor", "role": "floor", "store_ids": [HARBOUR]},
    "postStoreEnrolments": {"name": "bar"},
    "postStorePlaces": {"name": "table 19", "names": {"pt": "mesa 19"}},
    "postStoreStandingQrs": {"place": "table-12"},
    "postStores": {
        "region_id": NORTH,
        "slug": "river",
        "name": "River",
        "kind": "restaurant",
        "time_zone": "Europe/Lisbon",
        "country": "PT",
        "currency": "EUR",
        "hours": {
            "weekly": [{"weekday": "friday", "opens_at": "19:00", "closes_at": "01:00"}],
            "exceptions": [{"date": "2026-12-25", "name": "Christmas", "periods": []}],
        },
        "places": ["table 1", "table 2", "terrace"],
    },
    "postTryAlertRule": {"mood_at_most": 2},
    "postVoidConcern": {"reason": "It was logged twice."},
    "putCurrentEnrolment": {"address": "phone on the terrace", **PHONE},
    "putFeedbackPolicyOfOrganization": {"days_between": 14},
    "putLogPolicyOfOrganization": {
        "headings": [{"slug": "tomorrow", "name": "Tomorrow"}, {"slug": "staff", "name": "Staff", "required": True}]
    },
    "putMyDevice": {"address": "phone of my own", **PHONE},
    "putMyPassword": {"current_password": "demo-floor-market-2468", "new_password": "a password of mine"},
    "putMyPin": {"current_password": "demo-floor-2468", "pin": "902715"},
    "putMyShift": {"store_id": HARBOUR},
    "putOrderOfTill": {
        "store_id": HARBOUR,
        "opened": A_TIME,
        "place": "table-12",
        "value": {"amount": 5850, "currency": "EUR"},
    },
    "putShiftOfTimeClock": {"store_id": HARBOUR, "staff_id": RUI, "started_at": A_TIME},
    "putStaffByEmployeeNumber": {"name": "Duarte Sá", "login": "duarte", "role": "floor", "store_ids": [HARBOUR]},
    "putStoreDayByDate": {"covers": 84, "transactions": 41, "sales": {"amount": 231050, "currency": "EUR"}},
    "putStoreHours": {
        "weekly": [
            {"weekday": "friday", "opens_at": "12:00", "closes_at": "15:00"},
            {"weekday": "friday", "opens_at": "19:00", "closes_at": "01:00"},
        ],
        "exceptions": [{"date": "2026-12-25", "name": "Christmas", "periods": []}],
    },
    "putStorePlaces": {"items": [{"name": "table 1"}, {"name": "table 2", "names": {"pt": "mesa 2"}}]},
}
