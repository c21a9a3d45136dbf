"""The main job through openapi-python-client. A PATCH leaves out what is UNSET."""

import sys
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from client import AuthenticatedClient, Client
from client.api.concerns import (
    get_concern_by_id,
    get_concerns,
    patch_concern_by_id,
    post_concerns,
    post_resolve_concern,
    post_take_concern,
)
from client.api.follow_ups import post_concern_follow_ups
from client.api.me import get_my_home, put_my_shift
from client.api.recovery_actions import post_concern_recovery_actions
from client.api.sessions import delete_current_session, post_sessions
from client.models import (
    EditConcern,
    FollowUpKind,
    NewConcern,
    NewFollowUp,
    NewRecoveryAction,
    Outcome,
    PostedConcernCustomer,
    Problem,
    PutShift,
    Resolve,
    SignIn,
)

MOVED_BY_EVERY_CHANGE = {"version", "missing"}
T = TypeVar("T")


def sure(answer: T | Problem | str | None) -> T:
    """Return the answer; a refusal, or a form that was not asked for, ends the walk."""
    assert answer is not None, "no answer"
    assert not isinstance(answer, Problem), answer
    assert not isinstance(answer, str), answer
    return answer


def walk(url: str) -> None:
    stranger = Client(base_url=url)
    wrong = post_sessions.sync(client=stranger, body=SignIn(organization="demo", login="floor", password="wrong"))
    assert isinstance(wrong, Problem)
    assert wrong.code == "wrong-sign-in"
    password = "demo-floor-2468"
    session = sure(
        post_sessions.sync(client=stranger, body=SignIn(organization="demo", login="floor", password=password))
    )
    client = AuthenticatedClient(base_url=url, token=session.token)
    sure(put_my_shift.sync(client=client, body=PutShift(store_id=session.staff.store_ids[0])))
    assert sure(get_my_home.sync(client=client)).shift is not None
    customer = PostedConcernCustomer(phone="912 345 670")
    body = NewConcern(mood=2, their_words="We have been waiting.", customer=customer)
    key = uuid4().hex
    id_ = sure(post_concerns.sync(client=client, body=body, idempotency_key=key)).id
    assert sure(post_concerns.sync(client=client, body=body, idempotency_key=key)).id == id_, "sent twice, logged once"
    assert sure(post_take_concern.sync(id_, client=client)).status == "taken"
    action = post_concern_recovery_actions.sync(id_, client=client, body=NewRecoveryAction(remedy="apology"))
    assert sure(action).status == "done"
    due_at = datetime.now(UTC) + timedelta(hours=1)
    promise = NewFollowUp(what="Call back.", kind=FollowUpKind.CALL, due_at=due_at)
    assert sure(post_concern_follow_ups.sync(id_, client=client, body=promise)).status == "open"
    read = get_concern_by_id.sync_detailed(id_, client=client)
    before, if_match = sure(read.parsed).to_dict(), read.headers["ETag"]
    unchanged = get_concern_by_id.sync_detailed(id_, client=client, if_none_match=if_match)
    assert unchanged.status_code == 304
    change = EditConcern(stake="A train to catch.")
    after = sure(patch_concern_by_id.sync(id_, client=client, body=change, if_match=if_match)).to_dict()
    changed = {name for name in after if after[name] != before[name]} - MOVED_BY_EVERY_CHANGE
    assert changed == {"stake"}, changed
    stale = patch_concern_by_id.sync(id_, client=client, body=change, if_match=if_match)
    assert isinstance(stale, Problem)
    assert stale.status == 412
    ended = post_resolve_concern.sync(id_, client=client, body=Resolve(outcome=Outcome.RECOVERED, mood_after=4))
    assert sure(ended).status == "resolved"
    first = sure(get_concerns.sync(client=client, limit=1))
    assert first.next_cursor is not None
    following = sure(get_concerns.sync(client=client, limit=1, cursor=first.next_cursor))
    assert first.items[0].id != following.items[0].id
    assert delete_current_session.sync_detailed(client=client).status_code == 204
    sys.stdout.write(f"{id_}\n")


if __name__ == "__main__":
    walk(sys.argv[1])
