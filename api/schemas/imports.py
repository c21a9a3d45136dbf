"""Imports from CSV: what a file does, line by line."""

from marshmallow import fields

from api.schemas.base import Schema, described
from api.schemas.problem_language import ProblemText
from models.operations.imports.columns import FaultCode
from models.operations.imports.engine import LineVerdict


class ImportQuery(Schema):
    """Whether the import is only tried."""

    dry_run = fields.Boolean(
        load_default=False, metadata={"description": "Do everything, answer the verdicts, and keep nothing."}
    )


class LineFaultSchema(Schema):
    """What is wrong with a cell; with the whole line where `column` is null."""

    column = fields.String(required=True, allow_none=True)
    code = fields.Enum(
        FaultCode, by_value=True, required=True, metadata=described("What is wrong, in a form for programs.")
    )
    detail = ProblemText(required=True, metadata=described("What is wrong, for people, in the language of the reader."))


class ImportedLineSchema(Schema):
    """A line of the file. `line` counts as an editor does: the header is 1, and quoted line breaks count."""

    line = fields.Integer(required=True, attribute="number")
    verdict = fields.Enum(
        LineVerdict,
        by_value=True,
        required=True,
        metadata=described("What the import does with the line, or would do."),
    )
    reference = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "What the line is about: the slug, login or number by which it is known; null if it names none."
        ),
    )
    errors = fields.List(
        fields.Nested(LineFaultSchema),
        required=True,
        attribute="faults",
        metadata=described("What is wrong with the line; empty unless it is refused."),
    )


class ImportResultSchema(Schema):
    """What an import did, or would do where `dry_run` is true. A header at fault is one more of the `refused` items."""

    dry_run = fields.Boolean(required=True)
    kind = fields.String(required=True, metadata=described("What the file holds, such as `stores` or `staff`."))
    lines = fields.Integer(required=True)
    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    items = fields.List(
        fields.Nested(ImportedLineSchema),
        required=True,
        metadata=described("What becomes of each line, and of the header where it is at fault."),
    )
