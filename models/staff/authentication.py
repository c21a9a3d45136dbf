"""Authentication: from a token to the person, machine or shared phone behind it."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.access import Actor
from models.db.session import ScopedSession
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.last_use import LastUse
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.shift import Shift


def find_actor(session: Session, token: Token, at: datetime) -> tuple[Actor, LastUse] | None:
    """Return the actor of this token and when it was last used; None if the token is not valid."""
    match token.kind:
        case "s":
            return StaffSession.actor(session, token, at)
        case "k":
            return ApiKey.actor(session, token, at)
        case "d":
            return Device.actor(session, token)
    return None


def record_last_seen(
    session: ScopedSession, actor: Actor, at: datetime, *, is_tap: bool = False, extends_shift: bool = False
) -> None:
    """Record that a sign-in, API key or device was used; `is_tap`: that a person did something on a shared phone.

    `extends_shift`: that they did something shortly before their shift would end.
    """
    sign_in = StaffSession.get_with_person(session, actor)
    key = session.get(ApiKey, (actor.organization_id, actor.api_key_id)) if actor.api_key_id else None
    if sign_in is not None:
        sign_in.record_seen(session, is_tap=is_tap, at=at)
    device = session.get(Device, (actor.organization_id, actor.device_id)) if actor.device_id else None
    if key is not None:
        key.seen_at = at
    if device is not None:
        device.seen_at = at
    if extends_shift and actor.staff_id is not None:
        session.flush()  # phone and sign-in are locked before the shift, as by a sign-in on a shared phone
        Shift.note_activity(session, staff_id=actor.staff_id, at=at)
