"""Texts of problems: every sentence with which the code refuses something, as the catalogues name it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from api.web.problems import FAULT_OF_OURS, PROBLEM_CODES

ROOT = Path(__file__).parents[2]
FOLDERS = ("api", "models", "notifications")
REFUSALS = {
    *("Invalid", "NotFound", "Conflict", "Forbidden", "InvalidState", "TooMany", "VersionConflict", "Expired"),
    *("TooLarge", "DomainError", "HttpProblem", "ValidationError", "problem", "unavailable", "CellError", "refuse"),
}
BOUNDS = {"too_many", "check_bound"}
"""Functions that are handed parts of a sentence: of what there may be so many, and what to do about it."""
_SENTENCE = re.compile(r"""[A-Z`{'"].* .*\.(\{\w+\})?""", re.DOTALL)


def problem_texts() -> dict[str, str]:
    """Return the texts of problems with the file and line where each stands; values are `{name}` in them."""
    texts = {title: "PROBLEM_CODES" for _status, title in PROBLEM_CODES.values()} | {FAULT_OF_OURS: "FAULT_OF_OURS"}
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = str(file.relative_to(ROOT))
            if not name.startswith(("api/cli/", "api/pages/", "notifications/messages/")):
                for line, text in _texts_of(ast.parse(file.read_text())):
                    texts.setdefault(text, f"{name}:{line}")
    return texts


def unreadable_refusals() -> list[str]:
    """Return file and line of refusals whose text is put together from pieces: no catalogue can name it."""
    return [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and _name_called(node) in REFUSALS
        if any(isinstance(part, ast.BinOp) or _is_formatted(part) for part in node.args)
    ]


def _is_formatted(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join")


def _texts_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield what is handed to a refusal, and what the function that refuses puts together for it beforehand."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and _refuses(function):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            for statement in body:
                yield from _sentences(statement)
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("error", "error_messages"):
            yield from _sentences(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BOUNDS:
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("of", "advice")]
            yield from ((node.lineno, text) for part in [*node.args, *named] if (text := _constant(part)))


def _refuses(function: ast.FunctionDef) -> bool:
    """Tell whether a function refuses something, or says in words why another one does."""
    says_why = function.returns is not None and ast.unparse(function.returns) in ("str | None", "str")
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return says_why or any(_name_called(call) in REFUSALS for call in calls)


def _name_called(call: ast.Call) -> str:
    """Return the name of the function or method that is called."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _constant(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _sentences(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.JoinedStr):
        text = _template(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    else:
        for inner in ast.iter_child_nodes(node):
            yield from _sentences(inner)
        return
    if _SENTENCE.fullmatch(text):
        yield node.lineno, text  # type: ignore[attr-defined]


def _template(node: ast.JoinedStr) -> str:
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
            continue
        names = re.findall(r"[a-z_]+", ast.unparse(part.value).lower()) if isinstance(part, ast.FormattedValue) else []
        name = base = names[0] if len(names) == 1 else (names or ["value"])[-1]
        number = 1
        while f"{{{name}}}" in parts:
            number += 1
            name = f"{base}{number}"
        parts.append(f"{{{name}}}")
    return "".join(parts)
