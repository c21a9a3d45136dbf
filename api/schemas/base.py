"""What all shapes share: strictness, instants, words, money, pages, problems."""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any, ClassVar

from marshmallow import RAISE, ValidationError, fields, post_dump, post_load, validate
from marshmallow import Schema as MarshmallowSchema

from api.schemas.redaction import reader
from models.access import Permission
from models.db.base import Money

MOST_PER_PAGE = 200
BUSINESS_YEARS = range(2000, 3000)


class Schema(MarshmallowSchema):
    """Refuses fields it does not know. `document` is what the OpenAPI document says of the shape as a whole."""

    document: ClassVar[dict[str, Any]] = {}

    class Meta:
        unknown = RAISE


def any_of(*names: str) -> dict[str, Any]:
    """For `document`: at least one of these texts has to be there."""
    return {"anyOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]}


class Words(fields.String):
    """Text as people type it. Refuses what no database can store: NUL and halves of characters."""

    def __init__(self, most: int, *, least: int = 0, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=least, max=most), **options)

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        text: str = super()._deserialize(*arguments, **keywords)
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValidationError("Contains a character that cannot be stored.")
        return text


class Slug(Words):
    """A name the organization gave to something, looked up: 404 with a pointer when there is none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(60, least=1, **options)


class ClientId(fields.UUID):
    """The id that a client gives to a thing nested in a body; `table` is where it goes.

    When that id is in use, the refusal points to it.
    """

    def __init__(self, table: str, **options: Any) -> None:
        super().__init__(**options)
        self.table = table


class ClockTime(fields.String):
    """A time of day without its date and zone, 18:00; midnight is 00:00."""

    def __init__(self, **options: Any) -> None:
        clock = validate.Regexp("^([01][0-9]|2[0-3]):[0-5][0-9]$")
        super().__init__(validate=[validate.Length(equal=5), clock], **options)


class Flag(fields.Boolean):
    """JSON's true or false; "yes" and 1 are for query strings."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Integer):
    """A whole number of JSON, where 2.0 is one and true and "2" are none."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise self.make_error("invalid", input=value)
        return int(value)


class Instant(fields.AwareDateTime):
    """An RFC 3339 time with its offset, answered in UTC with a Z.

    A clock that is out of all reason is no reason to refuse a note: such a time is moved to the edge of what both
    databases can give back in any zone.
    """

    EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

    def _deserialize(self, *arguments: Any, **keywords: Any) -> datetime:
        said = super()._deserialize(*arguments, **keywords)
        return min(max(said, self.EARLIEST), self.LATEST).astimezone(UTC)

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class BusinessDate(fields.Date):
    """A civil date, in years that stores do business in: those around them have no neighbours to reckon with."""

    def _deserialize(self, *arguments: Any, **keywords: Any) -> date:
        day: date = super()._deserialize(*arguments, **keywords)
        if day.year not in BUSINESS_YEARS:
            raise ValidationError("Not a date anybody does business on.")
        return day


class SlugOf(fields.String):
    """The slug of a related row, or null."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else str(value.slug)


class MoneySchema(Schema):
    """Minor units of one currency."""

    amount = Whole(required=True, validate=validate.Range(min=-(10**12), max=10**12))
    currency = fields.String(required=True, validate=[validate.Length(equal=3), validate.Regexp("^[A-Z]{3}$")])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Money:
        return Money(**data)


class CostSchema(MoneySchema):
    """What something cost: never less than nothing."""

    amount = Whole(required=True, validate=validate.Range(min=0, max=10**12))


class PersonSchema(Schema):
    """A member of staff, by id and name."""

    id = fields.UUID()
    name = fields.String()


class WordsWithheld(Schema):
    """A shape that keeps what was said, and who was there, from those who see figures only."""

    withheld: tuple[str, ...] = ()

    @post_dump
    def withhold(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if reader().may(Permission.CONCERN_WORDS):
            return data
        return {name: None if name in self.withheld else value for name, value in data.items()}


class PageQuery(Schema):
    """Where in a list, and how much of it: at most 200 at a time, more is cut down to that."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1))
    cursor = fields.String()

    @post_load
    def coerce(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "limit": min(data["limit"], MOST_PER_PAGE), "cursor": data.get("cursor")}


@cache
def page_of(schema: type[Schema]) -> type[Schema]:
    """The shape of one page of these."""
    name = schema.__name__.removesuffix("Schema")
    members = {
        "items": fields.List(fields.Nested(schema), required=True),
        "next_cursor": fields.String(required=True, allow_none=True),
    }
    return type(f"{name}PageSchema", (Schema,), members)


class ProblemErrorSchema(Schema):
    """One value that was refused."""

    location = fields.String(data_key="in", required=True, validate=validate.OneOf(["body", "query", "path", "header"]))
    pointer = fields.String(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)


class ProblemSchema(MarshmallowSchema):
    """RFC 9457. Some problems carry members of their own beside these."""

    class Meta:
        unknown = "include"

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True, allow_none=True)
    pointer = fields.String()
    errors = fields.List(fields.Nested(ProblemErrorSchema))
