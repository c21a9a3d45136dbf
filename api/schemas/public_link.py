"""Addresses of public pages in answers."""

from typing import Any

from marshmallow import fields

from api.links import public_url


class PublicLink(fields.String):
    """Field that answers the address of a public page, made from the row's token."""

    def __init__(self, page: str, **options: Any) -> None:
        super().__init__(attribute="token", **options)
        self.page = page

    def _serialize(self, value: str, *_: Any, **__: Any) -> str:
        return public_url(self.page, value)
