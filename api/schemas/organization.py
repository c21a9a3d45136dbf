"""Settings of the organization."""

from marshmallow import fields, validate

from api.schemas.base import LanguageTag, Pattern, Schema, Whole, Words, described
from models.policy_defaults import MAX_LANGUAGES

VERSION = Pattern(r"^(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){2}$", error="Not a version such as 1.2.3.")

HTTPS = Pattern("^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?$", error="Not an address that begins with https.")


class AppVersion(fields.String):
    """Version of an app, such as 1.2.3."""

    def __init__(self) -> None:
        super().__init__(validate=[validate.Length(max=17), VERSION], allow_none=True, dump_default=None)


class NewMinimumAppVersionsSchema(Schema):
    """The oldest version of each app that is served; null where every version is.

    An app that says an older one in `X-App-Version` is answered 426, but for what must not be lost.
    """

    android = AppVersion()
    ios = AppVersion()
    web = AppVersion()


class MinimumAppVersionsSchema(NewMinimumAppVersionsSchema):
    """The oldest version of each app that may be used, as it is answered."""


class AppAddress(fields.String):
    """Where an app can be had: an https address."""

    def __init__(self) -> None:
        super().__init__(validate=[validate.Length(max=300), HTTPS], allow_none=True, dump_default=None)


class NewAppAddressesSchema(Schema):
    """Where the newest version of each app can be had; null where that is not said."""

    android = AppAddress()
    ios = AppAddress()
    web = AppAddress()


class AppAddressesSchema(NewAppAddressesSchema):
    """Where the newest version of each app can be had, as it is answered."""


class EditOrganizationSchema(Schema):
    """Changes to the settings of the organization."""

    name = Words(200, least=1, metadata=described("The name of the organization, as people know it."))
    languages = fields.List(
        LanguageTag(),
        validate=validate.Length(min=1, max=MAX_LANGUAGES),
        metadata=described("Language tags: every `name` is in the first of them, names in others stand in `names`."),
    )
    phone_region = fields.String(
        validate=[validate.Length(equal=2), Pattern("^[A-Z]{2}$")],
        allow_none=True,
        metadata=described(
            "The country (ISO 3166-1) of national phone numbers where no store tells it; null for none."
        ),
    )
    session_days = Whole(
        validate=validate.Range(min=1, max=90), metadata=described("After how many days a sign-in ends.")
    )
    session_idle_days = Whole(
        validate=validate.Range(min=1, max=90),
        allow_none=True,
        metadata=described("After how many days without use a sign-in ends; null for never."),
    )
    password_min_length = Whole(validate=validate.Range(min=10, max=64))
    minimum_app_versions = fields.Nested(NewMinimumAppVersionsSchema)
    app_addresses = fields.Nested(NewAppAddressesSchema)


class OrganizationSchema(Schema):
    """The organization and its settings."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String(metadata=described("The name of the organization, as people know it."))
    languages = fields.List(
        fields.String(), metadata={"description": "Language tags. Every `name` is in the first of them."}
    )
    phone_region = fields.String(
        allow_none=True,
        metadata={
            "description": "ISO 3166-1. National phone numbers are read with it where no store tells the country."
        },
    )
    session_days = fields.Integer(metadata={"description": "A sign-in ends after so many days."})
    session_idle_days = fields.Integer(
        allow_none=True, metadata={"description": "A sign-in that was not used for so many days ends; null: never."}
    )
    password_min_length = fields.Integer()
    minimum_app_versions = fields.Nested(MinimumAppVersionsSchema)
    app_addresses = fields.Nested(AppAddressesSchema)
