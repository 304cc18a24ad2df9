"""Messages of schema 1 as a version that is gone wrote them: each still means what it meant.

The samples are frozen. A change of the form that these do not survive needs another schema.
"""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime

import pytest

from tillgate.adapters.queue_message import ENVELOPE_SCHEMA, decode
from tillgate.domain.event import NewEvent
from tillgate.domain.provider import Hook
from tillgate.domain.queued import QueuedEvents, QueuedHook, QueuedMessage
from tillgate.domain.tenant import SourceId, TenantId

EVENTS = (
    "eAGlUk1vwjAMve9XIF9HkR0KlF73F3YaRSg0BkVAytIUCSH+++IS9iVuOJEtW34v8UsusLPOQDkAPrELLQwHcOC2"
    "1Vte2b6OyTKJWS6uECdpMhJUYKddSCBKlknMcnGFOEnv1oOaHbuVsVtug1wiEhIqHGOOE5ziDAuco8Y11miQcUMY"
    "0YrGlNOEpjSjguakaU01GWLaCKfnmu2JzUr3lArVNJ6bqfE7YYmyR6TG+WT62ic95DaqtyYjuL4sLrDjs9xHH225"
    "i7VIu7Fuy/7oretp9fq5JZRt0/k66ey6/V5UPB9ZDm68YT+qPevARnqbuu68v0+VuuOL2XC+af63dGLf2sZFqlQ3"
    "OmghvlQQmqD3FZSkRoTDCpw+cEwreNObqkPkeQVXuA4H3zK0n532HJVQD5SozXPrvxKgkmUSs1xcIU7Suwnor1bd"
    "MY74SCv49QNwXk5kfwj+t3rQ3F451X7kg5m03tVbLOG6/ALdwe9W"
)
HOOK = (
    "eAE1UNFugzAM3HO/osrr5pYEiqp+x9RXlAW3ZIUkiwPahPj2LabsZJ11jnx2PIuHda247EXn/UO87cWARPqOjV2r"
    "xQbgDBXTmYnlBsldIfrJthjZib5GHZGr6NrgrUubWbkBOEPFdGZi+Q9u61BnK8pes/iGpx10gzbUaXWqgezd6TTm"
    "GXmaUb37GK7r7sa7hC5B+gnrmw6ht0Yn693xk7wTS3aPaNBO2DY6cb8qVA1SgirfZXEpOA5SldWpfl0FLxSfx8gJ"
    "FGtLTcTbSMg3uumecNnNAqc8e/1qPgFIsexefv8Ay/tjxA=="
)
REFUSED = (
    "eAE1UNFuwyAM3HO/ovLr5i2QNKr6HVNfI0a8hrUBBiTqFOXbN0yzk3XWGflsvMDV2B5Oexicu8LLHkaKUV2oM6Va"
    "bUDO2DAdmVhuENzlg5tNT4Gd4vekAnGVbO+dsWkzqzcgZ2yYjkws/8FtA6lsFbPXAnd82OEwKh0HJQ8tRnOxKk15"
    "Rp6m5c1+jOeyu3Y2kU2Yfnx5U97fjFbJOPv2FZ2FNbsH0mRm6juVuF9WskUhUNbvojpVHK9C1s2hfS6CFwqPY+SE"
    "krWJXaDPKRLfKIWJ1t0CNOfR5af5Aihg3T39/gFpeGN5"
)

RECEIVED_AT = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
MESSAGE_ID = "00000000-0000-4000-8000-000000000001"


def queued_hook(*, is_refused: bool) -> QueuedHook:
    hook = Hook(
        hook_id=MESSAGE_ID,
        provider="square",
        endpoint_id="33333333-3333-4333-8333-333333333333",
        headers={"x-square-hmacsha256-signature": "c2lnbmVk", "content-type": "application/json"},
        body=b'{"event_id":"sq-1"}\n\x00\xff',
        received_at=RECEIVED_AT,
        rid="rid-2",
    )
    return QueuedHook(hook=hook, is_refused=is_refused)


QUEUED_EVENTS = QueuedEvents(
    message_id=MESSAGE_ID,
    tenant_id=TenantId("11111111-1111-4111-8111-111111111111"),
    token_digest=bytes(range(32)),
    received_at=RECEIVED_AT,
    rid="rid-1",
    events=(
        NewEvent(
            key="api:k-1",
            fingerprint="ab" * 32,
            source_id=None,
            type="order.created",
            data='{"total":12.10,"name":"Café"}',
        ),
        NewEvent(
            key="square:k-2",
            fingerprint="cd" * 32,
            source_id=SourceId("22222222-2222-4222-8222-222222222222"),
            type="order.updated",
            data="[]",
            occurred_at="2026-11-23T09:59:59Z",
            entity_id="o-1",
            entity_version="7",
        ),
    ),
)
SAMPLES = [
    pytest.param(EVENTS, QUEUED_EVENTS, id="events"),
    pytest.param(HOOK, queued_hook(is_refused=False), id="hook"),
    pytest.param(REFUSED, queued_hook(is_refused=True), id="refused"),
]


def plain_form(sample: str) -> bytes:
    return zlib.decompress(base64.b64decode(sample))


@pytest.mark.parametrize(("sample", "message"), SAMPLES)
def test_a_frozen_message_means_what_it_meant(sample: str, message: QueuedMessage) -> None:
    assert ENVELOPE_SCHEMA == 1
    assert decode(base64.b64decode(sample)) == message


@pytest.mark.parametrize(("sample", "message"), SAMPLES)
def test_members_of_a_head_that_a_later_version_adds_are_ignored(
    sample: str, message: QueuedMessage
) -> None:
    head, _, content = plain_form(sample).partition(b"\n")
    later = json.dumps({**json.loads(head), "region": "us-east-1", "attempt": {"n": 1}})

    assert decode(zlib.compress(later.encode() + b"\n" + content)) == message


def test_members_of_an_event_that_a_later_version_adds_are_ignored() -> None:
    head, _, content = plain_form(EVENTS).partition(b"\n")
    later = json.dumps([{**event, "priority": 7, "tags": []} for event in json.loads(content)])

    assert decode(zlib.compress(head + b"\n" + later.encode())) == QUEUED_EVENTS
