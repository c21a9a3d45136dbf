"""Base schema and fields that all schemas share: text, slugs, times, money, pages, problems."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from marshmallow import RAISE, ValidationError, fields, post_dump, post_load, validate, validates_schema
from marshmallow import Schema as MarshmallowSchema
from webargs.fields import DelimitedList

from api.schemas.redaction import reader
from models.access import Permission
from models.db.base import Money
from models.db.text import tidy

MAX_PAGE_SIZE = 200
MAX_VALUES = 50  # of one parameter of a query
BUSINESS_YEARS = range(2000, 3000)
NOTHING_TO_SEE = "There is nothing to see in it."


class Schema(MarshmallowSchema):
    """Base class of schemas; refuses unknown fields.

    `document` is added to the JSON schema as a whole in the OpenAPI document. `sometimes` names the fields that are not
    in every answer; all others are. `is_screen`: what it answers has no version, and an ETag by its position.
    """

    document: ClassVar[dict[str, Any]] = {}
    sometimes: ClassVar[frozenset[str]] = frozenset()
    is_screen: ClassVar[bool] = False

    class Meta:
        unknown = RAISE


def described(text: str) -> dict[str, str]:
    """Return the metadata of a field: its words in the OpenAPI document and in the legend of pages and sheets."""
    return {"description": text}


def at_least(count: int) -> dict[str, Any]:
    """Return JSON schema for `document`: so many fields are there. Which ones the description of the schema says.

    Alternatives (`anyOf`, `oneOf`) of required fields become classes in generated clients that nobody can use.
    """
    return {"minProperties": count}


class Text(fields.String):
    """Text of at most `most` characters, exactly as it was sent: passwords, codes, slugs.

    Refuses what databases cannot store: NUL and lone surrogates.
    """

    def __init__(self, most: int, *, least: int = 0, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=least, max=most), **options)
        self.least = least

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        text: str = super()._deserialize(*arguments, **keywords)
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValidationError("Contains a character that cannot be stored.")
        return text


class Words(Text):
    """Text that people write, tidied before it is counted. What has nothing visible in it is empty."""

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        sent = super()._deserialize(*arguments, **keywords)
        text = tidy(sent)
        if self.least and sent and not text:
            raise ValidationError(NOTHING_TO_SEE)
        return text


class SignInName(Words):
    """The login of a person or the slug of an organization, which are stored and compared in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(60, least=1, **options)

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        return super()._deserialize(*arguments, **keywords).lower()


class Password(Text):
    """A password as it was typed: spaces count."""

    def __init__(self, **options: Any) -> None:
        super().__init__(200, least=1, load_only=True, **options)


class Slug(Text):
    """The slug of something the organization named. An unknown one is 422 with a pointer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(60, least=1, **options)


class OneSlug(Slug):
    """One of several slugs that are separated by commas."""

    def __init__(self) -> None:
        super().__init__()
        self.validators.append(Pattern("^[^,]*$"))


class Pattern(validate.Regexp):
    """Pattern of a whole text, from ^ to $, as ECMA and so the OpenAPI document has it.

    In Python a line break may follow where `$` matches, so this asks for the whole text.
    """

    def __call__(self, value: str) -> str:  # type: ignore[override]  # only text comes here
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


class LanguageTag(fields.String):
    """Tag of a language, such as pt or pt-BR (RFC 5646)."""

    def __init__(self, **options: Any) -> None:
        tag = Pattern("^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", error="Not a language tag such as pt or pt-BR.")
        super().__init__(validate=[validate.Length(min=2, max=35), tag], **options)


class NamesByLanguage(fields.Dict):
    """Names of at most `most` characters in further languages, by language tag; null removes one."""

    def __init__(self, most: int, **options: Any) -> None:
        super().__init__(keys=fields.String(), values=Words(most, least=1, allow_none=True), **options)


class ClientId(fields.UUID):
    """The id that a client gives to a thing nested in a body; `table` is where it goes.

    When that id is in use, the refusal points to it.
    """

    def __init__(self, table: str, **options: Any) -> None:
        super().__init__(**options)
        self.table = table


class ClockTime(fields.String):
    """Time of day without date and zone, such as 18:00; midnight is 00:00."""

    def __init__(self, **options: Any) -> None:
        clock = Pattern("^([01][0-9]|2[0-3]):[0-5][0-9]$")
        super().__init__(validate=[validate.Length(equal=5), clock], **options)


class Flag(fields.Boolean):
    """JSON boolean: only true and false, while fields.Boolean also takes "yes" and 1."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Integer):
    """JSON integer: 2.0 is one, true and "2" are not."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise self.make_error("invalid", input=value)
        return int(value)


class Instant(fields.AwareDateTime):
    """RFC 3339 time with its offset, answered in UTC with a Z. A leap second is the first second after it.

    A concern is not refused because the clock of a phone is wrong: an extreme time is moved to the earliest or latest
    one that both databases can return in any zone.
    """

    EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)

    LEAP_SECOND: ClassVar = re.compile(r"(.{10}T[0-9]{2}:[0-9]{2}):60(.*)", re.DOTALL)

    def _deserialize(self, value: Any, *arguments: Any, **keywords: Any) -> datetime:
        text = value.upper() if isinstance(value, str) else value  # t and z may be small letters
        leap = self.LEAP_SECOND.fullmatch(text) if isinstance(text, str) else None
        instant = super()._deserialize(f"{leap[1]}:59{leap[2]}" if leap else text, *arguments, **keywords)
        instant = min(max(instant, self.EARLIEST), self.LATEST).astimezone(UTC)
        return instant + timedelta(seconds=1) if leap else instant

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class BusinessDate(fields.Date):
    """Civil date in the years 2000 to 2999, so that the days around it can be computed."""

    def _deserialize(self, *arguments: Any, **keywords: Any) -> date:
        day: date = super()._deserialize(*arguments, **keywords)
        if day.year not in BUSINESS_YEARS:
            raise ValidationError("Not a date anybody does business on.")
        return day


class Several(DelimitedList):
    """Values of one query parameter, each at most once: `status=open,taken`, or the parameter again for each."""

    is_multiple = True

    def __init__(self, value: fields.Field[Any], *, least: int = 1, most: int = MAX_VALUES, **options: Any) -> None:
        metadata = {"uniqueItems": True, **options.pop("metadata", {})}
        super().__init__(value, validate=validate.Length(min=least, max=most), metadata=metadata, **options)

    def _deserialize(self, value: Any, *arguments: Any, **keywords: Any) -> list[Any]:
        try:
            values: list[Any] = super()._deserialize(self.delimiter.join(value), *arguments, **keywords)
        except ValidationError as error:
            if isinstance(error.messages, list):
                raise
            # The pointer names the parameter: where in it a value stands is no JSON.
            raise ValidationError([message for inner in error.messages.values() for message in inner]) from error
        if len({*values}) < len(values):
            raise ValidationError("Name each of them once.")
        return values


class Include(Several):
    """The parts that an answer is to have besides its own fields."""

    def __init__(self, *names: str) -> None:
        description = "What to answer along with it, separated by commas."
        super().__init__(fields.String(validate=validate.OneOf(names)), metadata=described(description))


class SlugOf(fields.String):
    """Field that answers the slug of a related row, or null."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else str(value.slug)


class ShownOnce(fields.String):
    """The secret of an object (see `models.db.secret.HasSecret`): null in every answer but the first.

    A replay renders the object as it was loaded, which has no secret.
    """

    def __init__(self, **options: Any) -> None:
        description = "Shown once, in the first answer to the request that made it; null ever after, in a replay too."
        super().__init__(attribute="secret", allow_none=True, metadata={"description": description}, **options)


class MoneySchema(Schema):
    """An amount in minor units of a currency: 1250 EUR is 12.50 euros."""

    amount = Whole(required=True, validate=validate.Range(min=-(10**12), max=10**12))
    currency = fields.String(required=True, validate=[validate.Length(equal=3), Pattern("^[A-Z]{3}$")])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Money:
        return Money(**data)


class CostSchema(MoneySchema):
    """A cost: an amount that is not negative."""

    amount = Whole(required=True, validate=validate.Range(min=0, max=10**12))


class PersonSchema(Schema):
    """A member of staff, by id and name."""

    id = fields.UUID(metadata=described("Their id."))
    name = fields.String(metadata=described("Their name."))


class RedactedSchema(Schema):
    """Base class of schemas that withhold words and names from readers of figures only (without CONCERN_WORDS)."""

    withheld: tuple[str, ...] = ()

    @post_dump
    def withhold(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if reader().may(Permission.CONCERN_WORDS):
            return data
        return {name: None if name in self.withheld else value for name, value in data.items()}


class PageQuery(Schema):
    """Cursor and limit of a list. A limit above 200 is reduced to 200."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1))
    cursor = fields.String()

    @post_load
    def cap_limit(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "limit": min(data["limit"], MAX_PAGE_SIZE), "cursor": data.get("cursor")}


class DaysPageQuery(PageQuery):
    """Business days of a list, both included."""

    from_date = BusinessDate(data_key="from")
    to_date = BusinessDate(data_key="to")

    @validates_schema
    def check_days(self, data: dict[str, Any], **_: Any) -> None:
        if {"from_date", "to_date"} <= data.keys() and data["to_date"] < data["from_date"]:
            raise ValidationError("`to` is before `from`.", field_name="to")


class PageSchema(Schema):
    """One page of a list."""

    next_cursor = fields.String(required=True, allow_none=True)


@cache
def page_of(schema: type[Schema]) -> type[Schema]:
    """Return the schema of one page of these objects."""
    name = schema.__name__.removesuffix("Schema")
    return type(f"{name}PageSchema", (PageSchema,), {"items": fields.List(fields.Nested(schema), required=True)})


class ProblemErrorSchema(Schema):
    """A value that was refused."""

    location = fields.String(data_key="in", required=True, validate=validate.OneOf(["body", "query", "path", "header"]))
    pointer = fields.String(
        required=True,
        metadata=described("JSON pointer to the value in the body, or `/` and the name of the parameter."),
    )
    code = fields.String(
        required=True,
        metadata=described("What is wrong with it, in a form for programs, such as `required` or `unknown-field`."),
    )
    detail = fields.String(
        required=True, metadata=described("What is wrong with it, for people, in the language of the reader.")
    )


class ProblemSchema(MarshmallowSchema):
    """Problem document (RFC 9457). Some problems have further members."""

    sometimes: ClassVar[frozenset[str]] = frozenset({"errors", "pointer"})

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True, metadata=described("The HTTP status of the answer."))
    detail = fields.String(
        required=True, metadata=described("What is wrong, for people, in the language of the reader.")
    )
    code = fields.String(
        required=True,
        metadata=described("What is wrong, in a form for programs, such as `not-found`; it is the end of `type`."),
    )
    request_id = fields.String(required=True, allow_none=True)
    pointer = fields.String(
        metadata=described(
            "JSON pointer to the value in the body, or `/` and the name of the parameter, where one is to blame."
        )
    )
    errors = fields.List(
        fields.Nested(ProblemErrorSchema),
        metadata=described("Each value that was refused, where there may be several."),
    )
