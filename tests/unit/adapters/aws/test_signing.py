"""Signature Version 4, byte for byte as botocore signs, under any input."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import botocore.auth
import botocore.credentials
import pytest
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.adapters.aws.signing import Credentials, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
HOST = "service.eu-west-1.amazonaws.com"

SECRETS = st.text("ABCabc019+/=", min_size=1, max_size=400)
CREDENTIALS = st.builds(
    Credentials,
    st.text("ABCDEFGH012", min_size=16, max_size=20),
    SECRETS,
    st.none() | st.just("") | SECRETS,
)
REGIONS = st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[0-9]", fullmatch=True)
INSTANTS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
# What keys are made of, and what paths and signatures trip over.
KEYS = st.text(
    st.sampled_from("ab/. +%~*'()!&=?#:@,;$é€𝄞\u200b\t\"\\<>[]{}|^`_-")
    | st.characters(codec="utf-8"),
    min_size=1,
    max_size=40,
) | st.lists(st.sampled_from(["..", ".", "", "a", "b c", "%2F", "é+"]), min_size=1).map("/".join)
VALUES = st.text(st.sampled_from("aB1  \t,;=\"'-/"), max_size=30)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "content-type",
            "content-md5",
            "x-amz-target",
            "x-amz-checksum-sha256",
            "x-amz-meta-a",
            "x-amz-meta-a-b",
            "user-agent",
            "x-amzn-trace-id",
            "range",
        ]
    ),
    VALUES,
)
QUERIES = st.lists(
    st.tuples(st.sampled_from(["a", "A", "a-b", "list-type", "x%20y", ""]), VALUES.map(quote)),
    max_size=5,
).map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs))
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])


@pytest.fixture(scope="module")
def instant() -> Iterator[list[datetime]]:
    """Hold the moment at which botocore signs, which takes it from its own clock."""
    held = [NOW]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: held[0])
        yield held


def signed_by_botocore(
    request: AWSRequest, credentials: Credentials, service: str, region: str
) -> dict[str, str]:
    oracle = botocore.credentials.Credentials(
        credentials.access_key_id, credentials.secret_access_key, credentials.session_token
    )
    signer = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    signer(oracle, service, region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("service", ["secretsmanager", "sqs", "s3"])
@given(
    method=METHODS,
    key=KEYS,
    query=QUERIES,
    headers=HEADERS,
    body=st.binary(max_size=300),
    credentials=CREDENTIALS,
    region=REGIONS,
    now=INSTANTS,
)
def test_a_request_is_signed_as_botocore_signs_it(
    instant: list[datetime],
    service: str,
    method: str,
    key: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    credentials: Credentials,
    region: str,
    now: datetime,
) -> None:
    instant[0] = now
    path = "/" + quote(key, safe="/")
    sent = {**headers, "host": HOST}
    url = f"https://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, headers=sent, data=body)

    ours = sign(
        method,
        path,
        sent,
        body,
        credentials=credentials,
        service=service,
        region=region,
        now=now,
        query=query,
    )

    assert ours == signed_by_botocore(request, credentials, service, region)


@pytest.mark.parametrize("service", ["sqs", "s3"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/a//b",
        "/a/../b",
        "/../a",
        "/a/.",
        "/a/./",
        "/%2E%2E/a",
        "/a%2Fb/",
        "/a+b~c:@",
    ],
)
def test_a_path_is_signed_as_botocore_signs_it(
    instant: list[datetime], service: str, path: str
) -> None:
    instant[0] = NOW
    credentials = Credentials("AKIDEXAMPLE", "a-secret-key", None)
    headers = {"host": HOST}
    request = AWSRequest("GET", f"https://{HOST}{path or '/'}", headers=headers)

    ours = sign(
        "GET",
        path,
        headers,
        b"",
        credentials=credentials,
        service=service,
        region="eu-west-1",
        now=NOW,
    )

    assert ours == signed_by_botocore(request, credentials, service, "eu-west-1")


def test_an_empty_session_token_is_none() -> None:
    with_none, with_empty = (
        sign(
            "POST",
            "/",
            {"host": "h"},
            b"",
            credentials=Credentials("a", "b", token),
            service="s",
            region="r",
            now=NOW,
        )
        for token in (None, "")
    )

    assert with_none == with_empty
    assert "x-amz-security-token" not in with_none
