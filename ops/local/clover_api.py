"""A stand-in for Clover's REST API, beside the one for Supabase, in the same process.

Whoever has a project's API key is a merchant with that token. There is an object of every id,
the same each time, but for ids that begin with GONE. It misbehaves as the project is told to.

https://docs.clover.com/docs/making-rest-api-calls
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PREFIX = "/v3/merchants/"
GONE = "GONE"

_OBJECT = re.compile(r"/v3/merchants/(?P<merchant>[^/]+)(?:/(?P<kind>[a-z_]+)/(?P<id>[^/]+))?")
_KINDS: dict[str, dict[str, Any]] = {
    "orders": {"currency": "USD", "total": 1250, "state": "open"},
    "payments": {"amount": 1250, "result": "SUCCESS"},
    "items": {"name": "Flat white", "price": 450},
    "categories": {"name": "Drinks"},
    "modifier_groups": {"name": "Milk"},
    "customers": {"firstName": "Ada"},
    "employees": {"name": "Grace"},
}


def token_of(headers: dict[str, str]) -> str | None:
    """Give the token of a request; names of ``headers`` are in lower case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else None


def answer_to(method: str, path: str) -> tuple[int, dict[str, Any]]:
    """Give status and document. ``path`` has the query in it."""
    url = urlsplit(path)
    found = _OBJECT.fullmatch(url.path)
    if method != "GET" or found is None:
        return 404, {"message": "Not Found"}
    if found["kind"] is None:
        return 200, {"id": unquote(found["merchant"]), "name": "Demo Coffee"}
    object_id = unquote(found["id"])
    if found["kind"] not in _KINDS or object_id.startswith(GONE):
        return 404, {"message": "Not Found"}
    expanded = parse_qs(url.query).get("expand", [""])[0].split(",")
    lists: dict[str, Any] = {name: {"elements": []} for name in expanded if name}
    return 200, {"href": url.path, "id": object_id, **_KINDS[found["kind"]], **lists}
