"""Shifts: who is on the floor of a store, and what a time clock sends."""

from marshmallow import fields

from api.schemas.base import Flag, Instant, PersonSchema, Schema, Words, described
from models.access import Role
from models.staff.shift import EndReason
from models.staff.staff import MAX_EMPLOYEE_NUMBER_LENGTH


class OnShiftSchema(Schema):
    """A colleague on shift: since when, until when unless they do something, and how many phones reach them.

    `paused_until` is only told to the lead of the shift and the managers; for others it is always null.
    """

    shift_id = fields.UUID(attribute="shift.id")
    staff = fields.Nested(PersonSchema, attribute="shift.staff", metadata=described("Who is on shift."))
    role = fields.Enum(Role, by_value=True, attribute="shift.staff.role")
    lead = fields.Boolean(attribute="shift.lead")
    started_at = Instant(attribute="shift.started_at")
    ends_at = Instant(attribute="shift.ends_at")
    phones = fields.Integer(metadata=described("How many phones reach them at this moment."))
    paused_until = Instant(
        allow_none=True,
        metadata=described(
            "Until when their phones stay silent, in UTC: only for the lead and managers, for others it is null."
        ),
    )


class StoreOnShiftSchema(Schema):
    """Everybody who is on shift in a store. They are few, so that the list has no pages."""

    items = fields.List(fields.Nested(OnShiftSchema), required=True)


class ClockedShiftSchema(Schema):
    """A shift of a time clock: of the person with this `staff_id` or `employee_number`."""

    store_id = fields.UUID(required=True)
    staff_id = fields.UUID(metadata=described("The id of the person, where `employee_number` does not name them."))
    employee_number = Words(MAX_EMPLOYEE_NUMBER_LENGTH, least=1)
    started_at = Instant(required=True)
    ended_at = Instant(allow_none=True)
    lead = Flag(load_default=False)


class RecordedShiftSchema(Schema):
    """A shift as it is recorded. `ends_at` is when it ends by itself, or ended."""

    id = fields.UUID()
    staff_id = fields.UUID(metadata=described("The id of the person whose shift it is."))
    store_id = fields.UUID()
    lead = fields.Boolean()
    started_at = Instant()
    ends_at = Instant()
    ended_at = Instant(allow_none=True)
    end_reason = fields.Enum(EndReason, by_value=True, allow_none=True)
