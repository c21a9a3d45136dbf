"""The page docs/access.md: which role and which key scope may use which operation, and how far it reaches."""

from collections import defaultdict
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import click
from flask import current_app

from api.cli.base import Group
from api.web.openapi import RECENT_SIGN_IN_MARK
from api.web.smorest_internals import openapi_spec
from config import ROOT
from models.access import GRANTS, KEY_GRANTS, ROLES_OF_ALL_STORES, Permission, Role

BASE: Final = "/v1/"
HEADER: Final = """\
# Access: who may do what

For reviewers, administrators and developers: every operation of the API, and which role or API key
may use it. `make access` writes this page from the code, and `make check` fails when it is out of
date. `tests/tenant_isolation/test_access_matrix.py` sends every operation in the name of everybody
below and of everybody who may not, and fails when one answer is another than this page says.

How to read it:

| in the table | the role may use the operation ... | otherwise |
|---|---|---|
| `own` | for its **own stores**, see below | 404, as if it did not exist; lists leave it out |
| `all` | for every store of the organization | |
| `yes` | for what the organization has only once: no store limits it | |
| `self` | for the person who is signed in, and nobody else | 404 |
| `open` | without signing in | |
| `-` | never: the role lacks the permission | 403 |
| `*` after the operation | only within ten minutes after signing in; not asked of an API key | 403 `sign-in-again` |

- **Own stores** are those a person is listed at (floor, manager), and all stores of the regions a person
  looks after (regional).
- **Nobody reaches another organization**: its objects are answered 404, whatever the role.
- **Without a valid sign-in every operation that is not `open` is answered 401**: no token, a forged,
  expired or revoked one, or that of a person who has left.
- **API key** names the scopes that carry the permission; one of them is enough, `any` means each of
  them. A key reaches every store, unless it is limited to some: then those are its own, and neither
  the export nor the import of customers is for it.
- **Giving somebody a role above floor, or changing theirs, also needs a recent sign-in**, in operations
  without the mark: hiring floor staff does not. Signing in with a PIN is no recent sign-in.
- **An administrator without a second factor** may read `GET /me`, set it up and sign out; all else is
  403 `second-factor-missing`, unless the service is for the machine itself (`HOST` and `PUBLIC_URL`).
- **Items** are read by all who may read any. To change one, a concern of the own stores has to name it.
- What belongs to no store (an escalation policy or a fix of the whole organization) is read by all
  who may read such things at all.
- **A shared phone by itself**, with its device secret, may do what needs `enrolment:use` or
  `receipt:send`, about itself only: no role carries `enrolment:use`.
- **A lost phone** (`POST /devices/{id}/revoke`) is signed out by its owner too, whatever the role:
  floor and head office reach their own phones only.
- A sensitive concern, and all that belongs to it, is 404 below a manager, except for whoever
  reported it. Head office sees concerns without words, names and contacts.
- `needs` is the permission. `models/access.py` has them all, with the roles and scopes that carry
  them: that file is changed, never this page.

All addresses begin with `/v1`.
"""
COLUMNS: Final = ("operation", "needs", *(str(role).replace("_", " ") for role in Role), "API key")
WIDTHS: Final = (68, 18, *(max(len(role), 5) for role in Role), 1)


class Reach(StrEnum):
    """How far the permission for an operation reaches within the organization."""

    STORES = "of stores"
    ORGANIZATION = "of the whole organization"
    PERSON = "of the person who is signed in"


# By the first word of the path, or by the method and it.
REACH: Final = {
    "alert-rules": Reach.ORGANIZATION,
    "alerts": Reach.STORES,
    "api-keys": Reach.ORGANIZATION,
    "categories": Reach.ORGANIZATION,
    "causes": Reach.ORGANIZATION,
    "checks": Reach.STORES,
    "concerns": Reach.STORES,
    "customers": Reach.STORES,
    "devices": Reach.STORES,
    "enrolments": Reach.STORES,
    "escalation-policies": Reach.STORES,
    "exports": Reach.STORES,
    "feedback": Reach.STORES,
    "feedback-policy": Reach.ORGANIZATION,
    "feedback-requests": Reach.STORES,
    "fixes": Reach.STORES,
    "follow-ups": Reach.STORES,
    "groups": Reach.STORES,
    "guidance": Reach.STORES,
    "imports": Reach.STORES,
    "invitations": Reach.PERSON,
    "items": Reach.ORGANIZATION,
    "PATCH items": Reach.STORES,
    "log-policy": Reach.ORGANIZATION,
    "me": Reach.PERSON,
    "notifications": Reach.PERSON,
    "orders": Reach.STORES,
    "organization": Reach.ORGANIZATION,
    "password-resets": Reach.PERSON,
    "questions": Reach.ORGANIZATION,
    "recovery-actions": Reach.STORES,
    "recovery-logs": Reach.STORES,
    "regions": Reach.STORES,
    "remedies": Reach.ORGANIZATION,
    "reports": Reach.STORES,
    "sessions": Reach.PERSON,
    "shifts": Reach.STORES,
    "staff": Reach.STORES,
    "standing-qrs": Reach.STORES,
    "stores": Reach.STORES,
}

access = Group("access", help="Who may do what.")


@access.command("write")
@click.option("--check", is_flag=True, help="Write nothing; fail when the file is not up to date.")
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), default=ROOT / "docs" / "access.md")
def write(*, check: bool, file: Path) -> None:
    """Write docs/access.md from the code."""
    page = render_access(openapi_spec(current_app).to_dict())
    if not check:
        file.write_text(page, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != page:
        raise click.ClickException(f"{file.name} does not show who may do what; run: make access")


def noun_of(path: str) -> str:
    """Return the first word of a path: `concerns` of /v1/concerns/{concern_id}/take."""
    return path.removeprefix(BASE).split("/")[0]


def reach_of(method: str, path: str) -> Reach:
    """Return how far an operation reaches. Raises ClickException for a noun that REACH does not know."""
    if (noun := noun_of(path)) not in REACH:
        raise click.ClickException(f"Say in REACH of api/cli/access.py how far {BASE}{noun} reaches.")
    return REACH.get(f"{method} {noun}", REACH[noun])


def render_access(document: dict[str, Any]) -> str:
    """Return the text of docs/access.md from an OpenAPI document."""
    lines_by_noun: dict[str, list[str]] = defaultdict(list)
    for path in sorted(document["paths"]):
        for method, operation in sorted(document["paths"][path].items()):
            if method != "parameters":
                address = f"{method.upper()} /{path.removeprefix(BASE)}"
                mark = " *" if RECENT_SIGN_IN_MARK in operation else ""
                lines_by_noun[noun_of(path)].append(
                    _line(f"`{address}`{mark}", *_cells(method.upper(), path, operation))
                )
    count = sum(map(len, lines_by_noun.values()))
    parts = [HEADER, f"{count} operations on {len(lines_by_noun)} nouns.\n"]
    head = [_line(*COLUMNS), "|".join(("", *("-" * (width + 2) for width in WIDTHS), ""))]
    for noun, lines in lines_by_noun.items():
        parts += [f"## {noun}\n\n" + "\n".join([*head, *lines]) + "\n"]
    return "\n".join(parts)


def _cells(method: str, path: str, operation: dict[str, Any]) -> list[str]:
    if not operation["security"]:
        return ["-", *("open" for _ in Role), "open"]
    needed = Permission(operation["security"][0]["bearer"][0])
    scopes = [str(scope) for scope, granted in KEY_GRANTS.items() if needed in granted]
    keys = "any" if len(scopes) == len(KEY_GRANTS) else ", ".join(scopes) or "-"
    reach = reach_of(method, path)
    return [str(needed), *(_how_far(role, reach) if needed in GRANTS[role] else "-" for role in Role), keys]


def _how_far(role: Role, reach: Reach) -> str:
    if reach is Reach.STORES:
        return "all" if role in ROLES_OF_ALL_STORES else "own"
    return "yes" if reach is Reach.ORGANIZATION else "self"


def _line(*cells: str) -> str:
    """Return a row of the table, its columns aligned for those who read the plain text."""
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip() + " |"
