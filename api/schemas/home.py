"""Home screen of a phone."""

from marshmallow import fields

from api.schemas.base import Instant, MoneySchema, PersonSchema, Schema, SlugOf, described
from api.schemas.customer_names import ConcernNamesSchema, CustomerNameField
from api.schemas.guidance import OfferSchema
from api.schemas.me import ShiftSchema
from api.schemas.organization import MinimumAppVersionsSchema
from api.schemas.reader_language import NameInLanguage
from models.access import Permission, Role
from models.alerts.enums import AlertState
from models.concerns.enums import Kind, Severity, Status
from models.recovery.follow_up import FollowUpKind, FollowUpStatus


class HomePersonSchema(Schema):
    """The signed-in person and what they may do."""

    id = fields.UUID(attribute="staff_id", metadata=described("Their id."))
    name = fields.String(metadata=described("Their name."))
    role = fields.Enum(Role, by_value=True, metadata=described("Their role."))
    permissions = fields.Function(
        lambda actor: sorted(actor.permissions),
        metadata={
            **described("What they may do, such as `recovery:approve`; more may be added."),
            "type": "array",
            "items": {"type": "string", "enum": sorted(Permission)},
        },
    )


class HomeShiftSchema(ShiftSchema):
    """The shift of the person, with the name of the store."""

    store_name = fields.String(attribute="store.name", metadata=described("The name of the store."))


class ColleagueSchema(Schema):
    """A colleague on shift in the same store."""

    staff = fields.Nested(PersonSchema, metadata=described("Who it is."))
    role = fields.Enum(Role, by_value=True, attribute="staff.role", metadata=described("Their role."))
    lead = fields.Boolean(metadata=described("Whether they lead the shift."))
    started_at = Instant(metadata=described("Since when they are on shift, in UTC."))


class CallAlertSchema(Schema):
    """The alert of a concern."""

    id = fields.UUID(metadata=described("The id of the alert."))
    state = fields.Enum(AlertState, by_value=True, metadata=described("Whether it calls, and whether somebody comes."))


class CallSchema(Schema):
    """A concern as a line of the home screen."""

    id = fields.UUID(metadata=described("The id of the concern."))
    version = fields.Integer(metadata=described("The version of the concern, for If-Match."))
    store_id = fields.UUID(metadata=described("The store."))
    kind = fields.Enum(Kind, by_value=True, metadata=described("Whether it is a concern, a request or praise."))
    status = fields.Enum(Status, by_value=True, metadata=described("Whether somebody has taken it."))
    severity = fields.Enum(Severity, by_value=True, metadata=described("How severe it is."))
    mood = fields.Integer(metadata=described("How the customer felt, from 1 (very unhappy) to 5."))
    place = SlugOf(allow_none=True, metadata=described("The slug of the place."))
    place_name = NameInLanguage("place", path="place")
    category = SlugOf(allow_none=True, metadata=described("The slug of the category."))
    category_name = NameInLanguage("category", path="category")
    customer_name = CustomerNameField()
    sensitive = fields.Boolean(metadata=described("Whether only managers and the reporter see it."))
    since = Instant(attribute="received_at", metadata=described("Since when it is known, in UTC."))
    reported_by = fields.Nested(PersonSchema, allow_none=True, metadata=described("Who logged it."))
    taken_by = fields.Nested(PersonSchema, allow_none=True, metadata=described("Who is coming; null if nobody yet."))
    alert = fields.Nested(CallAlertSchema, allow_none=True, metadata=described("Its alert; null if it rang nobody."))


class PromiseSchema(ConcernNamesSchema):
    """A follow-up as a line of the home screen."""

    id = fields.UUID(metadata=described("The id of the follow-up."))
    version = fields.Integer(metadata=described("Its version."))
    concern_id = fields.UUID(metadata=described("The concern."))
    store_id = fields.UUID(metadata=described("The store."))
    what = fields.String(metadata=described("What was promised."))
    kind = fields.Enum(FollowUpKind, by_value=True, metadata=described("In which way it is kept, such as a call."))
    status = fields.Enum(FollowUpStatus, by_value=True, metadata=described("`broken` once its time has passed."))
    due_at = Instant(metadata=described("By when it is promised, in UTC."))
    owner = fields.Nested(PersonSchema, metadata=described("Who has to keep it."))
    missing = fields.List(fields.String(), metadata=described("`contact` while the customer cannot be reached."))


class PendingDecisionSchema(ConcernNamesSchema):
    """A request for approval as a line of the home screen."""

    id = fields.UUID(metadata=described("The id of the recovery action."))
    version = fields.Integer(metadata=described("Its version."))
    concern_id = fields.UUID(metadata=described("The concern."))
    store_id = fields.UUID(metadata=described("The store."))
    remedy = SlugOf(metadata=described("The slug of the remedy."))
    remedy_name = NameInLanguage("remedy", path="remedy")
    cost = fields.Nested(
        MoneySchema, attribute="requested_cost", allow_none=True, metadata=described("For how much it is asked.")
    )
    asked_by = fields.Nested(
        PersonSchema, attribute="acted_by", allow_none=True, metadata=described("Who asks; null for an API key.")
    )
    asked_at = Instant(attribute="recorded_at", metadata=described("Since when it waits, in UTC."))
    expires_at = Instant(metadata=described("Until when it can be approved, in UTC."))


class HomeSchema(Schema):
    """Home screen of a phone: at most 100 lines in each part. The time of the server is the header `Date`.

    An administrator and head office, who have no store of their own, see no calls and promises.
    """

    is_screen = True

    person = fields.Nested(HomePersonSchema, attribute="actor", metadata=described("Who is signed in."))
    shift = fields.Nested(HomeShiftSchema, allow_none=True, metadata=described("Their shift; null off shift."))
    unread = fields.Integer(
        attribute="position.unread", metadata=described("How many notifications they have not opened, 100 at most.")
    )
    calls = fields.List(
        fields.Nested(CallSchema),
        metadata=described("Concerns of colleagues for which help is called: the severe first, then those that wait."),
    )
    mine = fields.List(
        fields.Nested(CallSchema), metadata=described("Unresolved concerns that the person logged or has taken.")
    )
    promises = fields.List(
        fields.Nested(PromiseSchema), metadata=described("What was promised in their stores, the first due first.")
    )
    decisions = fields.List(
        fields.Nested(PendingDecisionSchema),
        metadata=described("Requests that wait for them, the oldest first."),
    )
    offers = fields.List(
        fields.Nested(OfferSchema), metadata=described("What they may still give today to one customer, on shift.")
    )
    colleagues = fields.List(
        fields.Nested(ColleagueSchema), metadata=described("Who else is on shift in the same store, the lead first.")
    )
    minimum_app_versions = fields.Nested(
        MinimumAppVersionsSchema,
        attribute="position.minimum_app_versions",
        metadata=described("The oldest version of the app that is served, by platform."),
    )
