"""The table of permissions: `python -m tests.support.permission_table` renews tests/permissions.txt."""

from models.access import GRANTS, KEY_GRANTS, Permission
from tests.support.databases import ROOT
from tests.support.openapi_document import operations

AGREED_FILE = ROOT / "tests" / "permissions.txt"
HEADER = """Who may do what: the address, the permission it needs, the roles and the key scopes that carry it.
Which rows they then see (their stores, their regions, not the sensitive ones) is decided by `visible_to` of the models.
Renew with: python -m tests.support.permission_table
"""


def table() -> str:
    """Return one line per operation, in the order of paths."""
    lines = [HEADER]
    for operation in sorted(operations(), key=lambda operation: (operation.path, operation.method)):
        needed = Permission(operation.permissions) if operation.permissions else Permission.ANYONE
        roles = "everybody" if needed is Permission.ANYONE else _those(GRANTS, needed)
        scopes = "" if needed is Permission.ANYONE else _those(KEY_GRANTS, needed)
        address = f"{operation.method:6} {operation.path}"
        lines.append(f"{address:60} {needed:16} {roles:46} {scopes}".rstrip())
    return "\n".join(lines) + "\n"


def _those(grants: dict, needed: Permission) -> str:
    having = [str(name) for name, granted in grants.items() if needed in granted]
    return "all" if len(having) == len(grants) else " ".join(having) or "-"


if __name__ == "__main__":
    AGREED_FILE.write_text(table(), encoding="utf-8")
