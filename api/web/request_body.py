"""Bodies of requests: what a resource takes, and how another body is refused."""

from typing import Any

from flask import current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from api.web.negotiation import JSON
from api.web.problems import HttpProblem, UnexpectedInput
from api.web.tables.csv_format import CSV
from models.errors import Invalid
from models.operations.imports.csv_table import CsvTable


class RequestBody:
    """Base class of what a resource takes as a body."""

    media_type: str

    def max_bytes(self) -> int:
        max_bytes: int = current_app.config["MAX_CONTENT_LENGTH"]
        return max_bytes

    def read(self) -> RequestEntityTooLarge | None:
        """Read the whole body. Return the error when it is too large, so that a refusal of the sender comes first.

        This comes before a transaction is opened: a slow client holds a thread and no connection.
        """
        request.max_content_length = self.max_bytes()
        try:
            body = request.get_data(cache=True)
        except RequestEntityTooLarge as error:
            return error
        except HTTPException:
            raise
        except Exception as error:  # each server raises its own error for a malformed chunk
            raise HttpProblem(
                400, "The body cannot be read: it breaks off, or its chunks are not as HTTP has them."
            ) from error
        # A chunked body has no Content-Length: werkzeug cuts it off at the limit without an error.
        cut_off = request.content_length is None and len(body) >= self.max_bytes()
        return RequestEntityTooLarge() if cut_off else None

    def check(self, too_large: RequestEntityTooLarge | None) -> None:
        """Raise HttpProblem 413, 415 or 400, in this order."""
        if too_large is not None:
            raise HttpProblem(413, f"A body may have {self.max_bytes()} bytes.")
        if request.get_data() and not self._has_media_type():
            raise HttpProblem(415, f"Send the body as {self.media_type}.")

    def content(self, *, declared: bool) -> dict[str, Any]:
        """Return what the method gets by keyword, after all else was checked.

        `declared` tells whether the method declares a JSON body.
        """
        raise NotImplementedError

    def _has_media_type(self) -> bool:
        return request.mimetype == self.media_type


class JsonBody(RequestBody):
    """A JSON object, whose fields `blp.arguments` reads; nothing where no field is required."""

    media_type = JSON

    def check(self, too_large: RequestEntityTooLarge | None) -> None:
        super().check(too_large)
        if request.get_data():
            try:
                current_app.json.loads(request.get_data())
            except ValueError as error:
                raise HttpProblem(400, f"The body is not JSON: {error}.") from error

    def content(self, *, declared: bool) -> dict[str, Any]:
        if request.get_data():
            body = request.get_json()
            if not declared and body:
                raise UnexpectedInput("body", [""])
            if declared and not isinstance(body, dict):
                raise Invalid("The body has to be a JSON object, such as {}.", pointer="")
        return {}

    def _has_media_type(self) -> bool:
        return request.is_json


class CsvBody(RequestBody):
    """A CSV file, which the method gets as `table`."""

    media_type = CSV

    def __init__(self, *, max_bytes: int, max_lines: int) -> None:
        self._max_bytes, self._max_lines = max_bytes, max_lines

    def max_bytes(self) -> int:
        return self._max_bytes

    def content(self, *, declared: bool) -> dict[str, Any]:  # noqa: ARG002 the signature is that of the base class
        return {"table": CsvTable.read(request.get_data(), max_rows=self._max_lines)}
