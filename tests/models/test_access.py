"""Permissions of roles and API keys, compared with the table that was agreed with the users."""

import pytest
from uuid_utils.compat import uuid7

from models.access import GRANTS, KEY_GRANTS, ROLES_OF_ALL_STORES, Actor, KeyScope, Permission, Role
from models.errors import Forbidden

P = Permission

# The table 'Who may do what' of the contract: each line stands for these permissions.
AGREED = {  # line: permissions, and who has them: floor, manager, regional, head office, admin
    "uses the app": (
        {P.ANYONE, P.ME_USE, P.SECOND_FACTOR_SET, P.RECEIPT_SEND, P.STORE_READ, P.VOCABULARY_READ},
        "yes yes yes yes yes",
    ),
    "sees concerns and logs": ({P.CONCERN_READ, P.ALERT_READ, P.LOG_READ}, "yes yes yes yes yes"),
    "sees words and names": ({P.CONCERN_WORDS, P.ITEM_READ}, "yes yes yes no yes"),
    "renames and confirms items": ({P.ITEM_WRITE}, "no yes yes no yes"),
    "knows the colleagues": ({P.STAFF_READ}, "yes yes yes no yes"),
    "logs, takes, acts, resolves": (
        {P.CONCERN_LOG, P.CONCERN_TAKE, P.RECOVERY_ACT, P.CONCERN_RESOLVE, P.ALERT_HEAR},
        "yes yes yes no no",
    ),
    "customers": ({P.CUSTOMER_READ, P.CUSTOMER_WRITE}, "yes yes yes no yes"),
    "says that two profiles are one person": ({P.CUSTOMER_MERGE}, "no yes yes no yes"),
    "says that a cause is fixed": ({P.CAUSE_FIX}, "no yes yes no yes"),
    "thanks everybody who raised it": ({P.CUSTOMER_THANK}, "no yes yes no no"),
    "the whole list of customers": ({P.CUSTOMER_LIST}, "no yes yes no yes"),
    "takes back what was logged by mistake": ({P.CONCERN_VOID}, "yes yes yes no yes"),
    "ends the shift of a colleague": ({P.SHIFT_END}, "yes yes yes no yes"),
    "is a time clock": ({P.SHIFT_SYNC}, "no no no no no"),
    "sensitive concerns": ({P.CONCERN_SENSITIVE}, "no yes yes no yes"),
    "gives back what another took": ({P.CONCERN_RELEASE_ANY}, "no yes yes no no"),
    "looks after who needs a pause": ({P.STAFF_CARE}, "no yes yes no yes"),
    "allows what is more than a colleague may give": ({P.RECOVERY_APPROVE}, "no yes yes no yes"),
    "hands the phone to somebody who may": ({P.RECOVERY_DECIDE}, "yes yes yes no yes"),
    "is a till": ({P.ORDER_TELL}, "no no no no no"),
    "asks the till to pay": ({P.SETTLEMENT_REQUEST}, "yes yes yes no yes"),
    "says that money was paid": ({P.SETTLEMENT_WRITE}, "no yes yes no yes"),
    "changes stores, policies and words": ({P.STORE_WRITE, P.POLICY_WRITE, P.VOCABULARY_WRITE}, "no no no no yes"),
    "reads when it rings and how a call escalates": ({P.POLICY_READ}, "no yes yes yes yes"),
    "notes and signs a day": ({P.LOG_SIGN}, "no yes yes no no"),
    "tells and reads what a store took in a day": ({P.DAY_FIGURES}, "no yes yes no yes"),
    "reports": ({P.REPORT_READ}, "no yes yes yes yes"),
    "takes everything away, row by row": ({P.EXPORT_READ}, "no no no yes yes"),
    "changes the settings of the organization": ({P.ORGANIZATION_WRITE}, "no no no no yes"),
    "keeps hours, places and codes of a store up to date": ({P.STORE_RUN}, "no yes yes no yes"),
    "imports customers by the thousand": ({P.CUSTOMER_IMPORT}, "no no no no yes"),
    "hires, changes and lets go, makes codes": ({P.STAFF_WRITE, P.STAFF_INVITE}, "no yes yes no yes"),
    "enrols shared phones and signs lost ones out": ({P.DEVICE_MANAGE}, "no yes yes no yes"),
    "removes the second factor of a colleague": ({P.SECOND_FACTOR_REMOVE}, "no no no no yes"),
    "is a phone": ({P.ENROLMENT_USE}, "no no no no no"),
    "makes, rotates and revokes API keys": ({P.KEY_MANAGE}, "no no no no yes"),
}
SCOPES = {  # what a key may do beyond finding its way
    KeyScope.CONCERNS_READ: {P.ITEM_READ, P.CONCERN_READ, P.CONCERN_WORDS, P.ALERT_READ, P.LOG_READ},
    KeyScope.CONCERNS_WRITE: {
        P.ITEM_READ,
        P.CONCERN_LOG,
        P.CONCERN_RESOLVE,
        P.RECOVERY_ACT,
        P.SETTLEMENT_REQUEST,
        P.DAY_FIGURES,
    },
    KeyScope.CUSTOMERS_READ: {P.CUSTOMER_READ, P.CUSTOMER_LIST},
    KeyScope.CUSTOMERS_WRITE: {P.CUSTOMER_WRITE, P.CUSTOMER_IMPORT},
    KeyScope.REPORTS_READ: {P.REPORT_READ},
    KeyScope.EXPORTS_READ: {P.EXPORT_READ},
    KeyScope.STAFF_WRITE: {P.STAFF_READ, P.STAFF_WRITE},
    KeyScope.SHIFTS_WRITE: {P.SHIFT_SYNC},
    KeyScope.SETTLEMENTS_WRITE: {P.SETTLEMENT_REQUEST, P.SETTLEMENT_WRITE},
    KeyScope.ORDERS_WRITE: {P.ORDER_TELL},
}
NEVER_A_KEYS = {
    P.CUSTOMER_MERGE,
    P.CUSTOMER_THANK,
    P.CAUSE_FIX,
    P.RECOVERY_APPROVE,
    P.RECOVERY_DECIDE,
    P.LOG_SIGN,
    P.ME_USE,
    P.CONCERN_SENSITIVE,
    P.CONCERN_TAKE,
    P.CONCERN_VOID,
    P.SHIFT_END,
    P.CONCERN_RELEASE_ANY,
    P.ALERT_HEAR,
    P.STAFF_INVITE,
    P.STAFF_CARE,
    P.DEVICE_MANAGE,
    P.ENROLMENT_USE,
    P.SECOND_FACTOR_SET,
    P.SECOND_FACTOR_REMOVE,
    P.RECEIPT_SEND,
    P.KEY_MANAGE,
    P.ORGANIZATION_WRITE,
    P.STORE_WRITE,
    P.STORE_RUN,
    P.ITEM_WRITE,
}


def test_the_roles_of_the_table_are_all_there_are() -> None:
    assert list(Role) == ["floor", "manager", "regional", "head_office", "admin"]
    assert set(GRANTS) == set(Role)


@pytest.mark.parametrize("line", AGREED)
def test_a_role_may_what_was_agreed_and_no_more(line: str) -> None:
    permissions, who = AGREED[line]
    for role, may in zip(Role, who.split(), strict=True):
        assert GRANTS[role] & permissions == (permissions if may == "yes" else set()), role


def test_every_permission_stands_in_one_line() -> None:
    listed = [permission for permissions, _ in AGREED.values() for permission in permissions]
    assert sorted(listed) == sorted(Permission)


@pytest.mark.parametrize("scope", KeyScope)
def test_a_key_may_what_its_scope_says_and_find_its_way(scope: KeyScope) -> None:
    assert KEY_GRANTS[scope] == SCOPES[scope] | {P.ANYONE, P.STORE_READ, P.VOCABULARY_READ}


def test_no_key_is_a_person_whatever_its_scopes() -> None:
    assert not frozenset().union(*KEY_GRANTS.values()) & NEVER_A_KEYS
    key = Actor(uuid7(), KEY_GRANTS[KeyScope.CONCERNS_WRITE], None, api_key_id=uuid7())
    with pytest.raises(Forbidden):
        _ = key.person


def test_head_office_and_admin_look_after_every_store() -> None:
    assert {Role.HEAD_OFFICE, Role.ADMIN} == ROLES_OF_ALL_STORES


def test_an_actor_reaches_the_own_stores_or_all() -> None:
    here, there = uuid7(), uuid7()
    floor = Actor(uuid7(), GRANTS[Role.FLOOR], frozenset({here}), staff_id=uuid7())
    assert (floor.reaches(here), floor.reaches(there)) == (True, False)
    assert Actor(uuid7(), GRANTS[Role.ADMIN], None).reaches(there)
    assert not Actor(uuid7(), GRANTS[Role.FLOOR], frozenset()).reaches(here)


def test_what_is_not_granted_is_forbidden_by_name() -> None:
    floor = Actor(uuid7(), GRANTS[Role.FLOOR], frozenset(), staff_id=uuid7(), name="Ana")
    floor.require(P.CONCERN_LOG)
    with pytest.raises(Forbidden, match="report:read"):
        floor.require(P.REPORT_READ)
    assert "Ana" not in repr(floor)  # names stay out of logs
