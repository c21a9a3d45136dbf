"""Text that a spreadsheet would run as a formula, made harmless."""

import re
from typing import Final

# A spreadsheet runs a cell that begins with one of these (OWASP, CSV injection), in full width and small too.
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\u2212"
# What may stand before it unseen: white space, controls, and marks of no width.
_UNSEEN: Final = (
    r"[\s\x00-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]"
)
_BEGINS_FORMULA: Final = re.compile(f"{_UNSEEN}*[{_SIGNS}]|[\\t\\r]")
# Where a spreadsheet that takes another separator than ours begins a new cell.
_BEGINS_FORMULA_WITHIN: Final = re.compile(f"(?<=[;\\t\\r\\n\\v\x85\u2028\u2029])(?={_UNSEEN}*[{_SIGNS}])")


def defuse(text: str) -> str:
    """Put an apostrophe before what would begin a formula, at the start and after what may separate cells."""
    harmless = _BEGINS_FORMULA_WITHIN.sub("'", text)
    return f"'{harmless}" if _BEGINS_FORMULA.match(text) else harmless
