"""Cursors of the change feed for phones: signed, of one organization, good for any filters of the list they are from.

The export has its own (`api.resources.exports`): whoever reads it gets all changes, and not only those of one list.
"""

from dataclasses import astuple

from api.web.pagination import cursor_values, sign_cursor
from models.operations.find_concerns import FeedPosition

_ADDRESS = "/v1/concerns?changed_since"  # no list has this address, so no cursor of a list is taken for one of these


def sign_feed_cursor(position: FeedPosition) -> str:
    return sign_cursor(astuple(position), _ADDRESS)


def read_feed_cursor(cursor: str) -> FeedPosition:
    """Return the position that a cursor stands for. Raises Invalid for any other cursor."""
    return FeedPosition(*cursor_values(cursor, _ADDRESS, pointer="/changed_since"))
