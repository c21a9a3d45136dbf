"""Names that another system has given and sends in a path: of itself, and of the thing it tells about."""

from models.db.text import tidy
from models.errors import Invalid


def check_path_name(name: str, longest: int, pointer: str) -> None:
    """Raise Invalid for a name that is too long, or has something in it that nobody sees."""
    if not name.isprintable() or not tidy(name) or len(name) > longest:
        raise Invalid(f"This has at most {longest} printable characters.", pointer=pointer)
