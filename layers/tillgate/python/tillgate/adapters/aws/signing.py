"""Signature Version 4, byte for byte as botocore signs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_ALGORITHM = "AWS4-HMAC-SHA256"

# What proxies add, change and take away, so botocore leaves it out of the signature.
_UNSIGNED = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; ``session_token`` and ``expires_at`` are None for one that lasts."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    expires_at: datetime | None = None


def sign(
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    service: str,
    region: str,
    now: datetime,
    query: str = "",
) -> dict[str, str]:
    """Give the headers of the signed request.

    ``path`` and ``query`` are percent-encoded, as sent. ``headers`` must hold ``host``; names
    are in lower case. ``now`` is in UTC.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(body).hexdigest()
    sent = {**headers, "x-amz-date": stamp}
    if credentials.session_token:
        sent["x-amz-security-token"] = credentials.session_token
    if service == "s3":
        sent["x-amz-content-sha256"] = payload
    names = sorted(sent.keys() - _UNSIGNED)
    canonical = _canonical(
        method,
        (path or "/") if service == "s3" else quote(_normalised(path), safe="/~"),
        _sorted_query(query),
        {name: sent[name] for name in names},
        payload,
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope},"
        f" SignedHeaders={';'.join(names)},"
        f" Signature={_signature(credentials, stamp, scope, canonical)}"
    )
    return sent


def _canonical(method: str, path: str, query: str, headers: Mapping[str, str], payload: str) -> str:
    lines = [f"{name}:{' '.join(value.split())}" for name, value in headers.items()]
    return "\n".join([method, path, query, *lines, "", ";".join(headers), payload])


def _signature(credentials: Credentials, stamp: str, scope: str, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (*scope.split("/"), f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _normalised(path: str) -> str:
    """Take out dot segments (RFC 3986, 5.2.4) and empty ones, which S3 alone keeps."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")


def _sorted_query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&")) if query else ()
    return "&".join(f"{key}={value}" for key, value in sorted((key, val) for key, _, val in pairs))
