"""The body of a call, with the contract's checks in the contract's order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tillgate.domain.errors import PayloadTooLargeError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from tillgate.entrypoints.http import HttpRequest

_JSON = re.compile(
    r'application/json[ \t]*(;[ \t]*charset=(utf-8|"utf-8")[ \t]*)?\Z', re.IGNORECASE
)


def json_body(request: HttpRequest, *, max_body_bytes: int) -> bytes:
    """Give the bytes of a body that is declared as JSON in UTF-8; they are not parsed yet.

    Raises UnsupportedMediaTypeError, then PayloadTooLargeError.
    """
    content_type = request.headers.get("content-type", "")
    # What nearly every sender says is compared, and the rest of what is allowed is matched.
    if content_type != "application/json" and not _JSON.match(content_type.strip()):
        raise UnsupportedMediaTypeError("Send the body as application/json, in UTF-8.")
    return limited_body(request, max_body_bytes=max_body_bytes)


def limited_body(request: HttpRequest, *, max_body_bytes: int) -> bytes:
    """Give the bytes of a body of any content type. Raises PayloadTooLargeError."""
    body = request.body()
    if len(body) > max_body_bytes:
        raise PayloadTooLargeError(max_body_bytes)
    return body
