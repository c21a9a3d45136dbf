"""The signed-in person: profile, shift, devices."""

from typing import Any

from flask import g
from sqlalchemy.orm.attributes import set_committed_value

from api.schemas.me import (
    DeviceSchema,
    EditMeSchema,
    MeSchema,
    PauseSchema,
    PutDeviceSchema,
    PutShiftSchema,
    ShiftSchema,
    TestPushSchema,
)
from api.web.rate_limits import TEST_PUSH_LIMIT, count_hit
from api.web.resource import Resource
from api.web.shared_blueprints import me as blp
from models.access import Permission
from models.errors import Invalid, NotFound
from models.operations.people.phones import register_phone
from models.operations.people.shifts import check_in, end_own_shift
from models.organizations.store import Store
from models.staff.device import Device
from models.staff.shift import EndReason, Shift
from models.staff.staff import Staff
from notifications.decide.announce import (
    announce_all,
    announce_pause,
    announce_pause_ended,
    announce_shift_extended,
)
from notifications.decide.informational import queue_test_push


@blp.route("/me")
class Me(Resource):
    permissions = {"GET": Permission.ME_USE, "PATCH": Permission.ME_USE}
    without_second_factor = frozenset({"GET"})

    @blp.response(200, MeSchema)
    def get(self, staff: Staff) -> Staff:
        """Read the signed-in person and their shift

        With what they prefer. 403 for an API key, which is nobody.
        """
        return staff

    @blp.arguments(EditMeSchema)
    @blp.response(200, MeSchema)
    def patch(self, data: dict[str, Any], staff: Staff) -> Staff:
        """Set quiet hours, muted notifications, the language, and what comes by e-mail

        Quiet hours apply while the person is not on shift. `daily_logs` are the stores whose log comes by mail when
        their day is over; all of them have to be within reach (404). A merge patch, null removes a field. Another
        `email` needs a sign-in younger than ten minutes (403 `sign-in-again`): whoever reads the mails there can set
        the password.
        """
        if data.get("email", staff.email) != staff.email:
            g.actor.require_recent_sign_in(g.now)
        Store.require_visible(g.session, data.get("daily_logs", ()), actor=g.actor, pointer="/daily_logs")
        staff.set_preferences(**data)
        return staff

    def _find(self, _path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """Return the signed-in person, with the shift they are on, as the subject: this path has no id."""
        staff = Staff.get_visible(g.session, g.actor.person, actor=g.actor, lock=lock)
        set_committed_value(staff, "shift", Shift.current(g.session, staff.id, at=g.now))
        return {"staff": staff}


@blp.route("/me/shift")
class MyShift(Resource):
    permissions = {"PUT": Permission.ME_USE, "DELETE": Permission.ME_USE}

    @blp.arguments(PutShiftSchema)
    @blp.response(200, ShiftSchema)
    def put(self, data: dict[str, Any]) -> Shift:
        """Check in on the floor of a store

        Whoever checks in on a shared phone is rung on it for the whole shift, until they sign out of it. The shift ends
        by itself at `ends_at`: with the business day, or when the store next shuts if it is open at that moment, and
        after 16 hours; a shift that began within three hours before that counts for the day that begins. It does not
        end within 30 minutes after the person did something, nor, within the 16 hours, while they have a concern taken.
        A shift elsewhere ends by this.
        """
        store = Store.get_visible(g.session, data["store_id"], actor=g.actor, pointer="/store_id")
        shift, given_back = check_in(g.session, store=store, lead=data["lead"], by=g.actor, at=g.now)
        announce_all(g.session, given_back)
        return shift

    @blp.response(204)
    def delete(self) -> None:
        """Check out: concerns that the person has taken there are given back, and ring again

        Also off shift, where it changes nothing.
        """
        announce_all(g.session, end_own_shift(g.session, EndReason.CHECKED_OUT, by=g.actor, at=g.now))


@blp.route("/me/shift/extend")
class MyShiftExtension(Resource):
    permissions = {"POST": Permission.ME_USE}

    @blp.response(200, ShiftSchema)
    def post(self) -> Shift:
        """Say that one is still here: the shift goes on for two hours from now, at least

        The answer to the notification `still_here`, which comes a quarter of an hour before `ends_at`. 409 `not-now`
        when the shift is over: check in again.
        """
        shift = Shift.stay(g.session, staff_id=g.actor.person, at=g.now)
        announce_shift_extended(g.session, shift, at=g.now)
        return shift


@blp.route("/me/pause")
class MyPause(Resource):
    permissions = {"POST": Permission.ME_USE, "DELETE": Permission.ME_USE}

    @blp.arguments(PauseSchema)
    @blp.response(200, ShiftSchema)
    def post(self, data: dict[str, Any]) -> Shift:
        """Take a pause: the person's phones stay silent for some minutes after a hard moment

        Only on shift (409), and no longer than the store allows. The shift lead is notified, privately. A second pause
        during the first changes nothing.
        """
        shift, new = Shift.pause(g.session, staff_id=g.actor.person, at=g.now, **data)
        if new:
            announce_pause(g.session, shift, at=g.now)
        return shift

    @blp.response(204)
    def delete(self) -> None:
        """End the pause: the phones ring again

        Where there is no pause it changes nothing.
        """
        if shift := Shift.end_pause(g.session, staff_id=g.actor.person, at=g.now):
            announce_pause_ended(g.session, shift, at=g.now)


@blp.route("/me/test-push")
class MyTestPush(Resource):
    permissions = {"POST": Permission.ME_USE}

    @blp.response(202, TestPushSchema)
    @blp.refuses(429)
    def post(self) -> dict[str, Any]:
        """Send a test notification to the phone that asks, and to no other

        409 where it is not registered; at most three times a minute. Its receipts say whether the push arrived.
        """
        count_hit(TEST_PUSH_LIMIT, "test-push", str(g.actor.person))
        return {"notifications": queue_test_push(g.session, by=g.actor, at=g.now)}


@blp.route("/me/devices/<string:installation_id>")
class MyDevice(Resource):
    permissions = {"PUT": Permission.ME_USE, "DELETE": Permission.ME_USE}
    sent_by_app = frozenset({"PUT"})

    @blp.arguments(PutDeviceSchema)
    @blp.response(200, DeviceSchema)
    def put(self, data: dict[str, Any], installation_id: str) -> Device:
        """Register this phone for pushes

        An address that another installation had before moves to this one, and an installation that somebody else had
        is this person's from now on: whoever had them is told. 409 `shared-phone` for the installation or address of a
        shared phone, and for a sign-in on one: it has its own address. Of more than ten phones with an address 409
        `too-many-devices` lists the `devices`: forget one first.
        """
        if len(installation_id) > Device.MAX_INSTALLATION_ID_LENGTH or not installation_id.isprintable():
            raise Invalid("An installation id has at most 200 printable characters.", pointer="/installation_id")
        return register_phone(g.session, by=g.actor, installation_id=installation_id, at=g.now, **data)

    @blp.response(204)
    def delete(self, installation_id: str) -> None:
        """Unregister this phone: it gets no more pushes

        404 where it is no phone of the person. It may be registered again.
        """
        if not installation_id.isprintable():
            raise NotFound("You have no such phone registered.")
        Device.unregister(g.session, by=g.actor, installation_id=installation_id, at=g.now)
