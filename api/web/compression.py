"""Compression of answers, for whoever accepts it."""

import gzip

from flask import Response, request

MIN_LENGTH = 1_024  # bytes: below it the saving is smaller than a packet
TYPES = frozenset({"application/json", "application/problem+json", "application/x-ndjson", "text/csv", "text/html"})
LEVEL = 6


def compress(response: Response) -> Response:
    """Compress a long answer with gzip where the caller accepts that; its ETag stays that of the plain answer.

    No answer mixes a secret with what a stranger wrote and sends it to a browser by itself, so that its length leaks
    nothing (BREACH).
    """
    if response.mimetype not in TYPES or response.is_streamed or request.accept_encodings["gzip"] <= 0:
        return response
    body = response.get_data()
    if len(body) > MIN_LENGTH:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
