from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_VALUES
from tillgate.adapters.queue_message import decode, encode
from tillgate.domain.errors import BadMessageError, NotUnderstoodError
from tillgate.domain.event import NewEvent
from tillgate.domain.provider import Hook
from tillgate.domain.queued import QueuedEvents, QueuedHook
from tillgate.domain.tenant import SourceId, TenantId
from tillgate.domain.trace import Trace

NOW = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)
MESSAGE_ID = "00000000-0000-4000-8000-000000000001"

# Whatever a Lambda event can carry, which is JSON: lone surrogates, but no pair of them.
CARRIED = st.text(st.characters(categories=["Cs"]) | st.characters(), max_size=30).map(
    lambda text: str(json.loads(json.dumps(text)))
)
INSTANTS = st.datetimes(timezones=st.just(UTC)) | st.datetimes(
    timezones=st.just(timezone(timedelta(hours=-3, minutes=-30)))
)
MAYBE = st.none() | CARRIED
EVENTS = st.builds(
    NewEvent,
    key=CARRIED,
    fingerprint=CARRIED,
    source_id=st.none() | CARRIED.map(SourceId),
    type=CARRIED,
    data=CARRIED,
    occurred_at=MAYBE,
    entity_id=MAYBE,
    entity_version=MAYBE,
)
TRACES = st.none() | st.builds(
    Trace,
    trace_id=st.integers(min_value=1, max_value=2**128 - 1).map(lambda n: f"{n:032x}"),
    flags=st.sampled_from(["00", "01", "03"]),
    state=st.sampled_from(["", "rojo=00f067aa0ba902b7,congo=t61"]),
)
QUEUED_EVENTS = st.builds(
    QueuedEvents,
    message_id=st.uuids().map(str),
    tenant_id=st.uuids().map(lambda made: TenantId(str(made))),
    token_digest=st.binary(max_size=32),
    received_at=INSTANTS,
    rid=CARRIED,
    events=st.lists(EVENTS, max_size=5).map(tuple),
    trace=TRACES,
)
HOOKS = st.builds(
    Hook,
    hook_id=st.uuids().map(str),
    provider=CARRIED,
    endpoint_id=CARRIED,
    headers=st.dictionaries(CARRIED, CARRIED, max_size=5),
    body=st.binary(max_size=300),
    received_at=INSTANTS,
    rid=CARRIED,
)
QUEUED_HOOKS = st.builds(QueuedHook, hook=HOOKS, is_refused=st.booleans(), trace=TRACES)


@given(QUEUED_EVENTS)
def test_events_come_back_as_they_were(message: QueuedEvents) -> None:
    assert decode(encode(message)) == message


@given(QUEUED_HOOKS)
def test_a_hook_comes_back_as_it_was(message: QueuedHook) -> None:
    assert decode(encode(message)) == message


def hook(body: bytes = b"{}", **headers: str) -> QueuedHook:
    return QueuedHook(
        hook=Hook(
            hook_id=MESSAGE_ID,
            provider="square",
            endpoint_id="e",
            headers=headers,
            body=body,
            received_at=NOW,
            rid="r",
        )
    )


def events(*made: NewEvent) -> QueuedEvents:
    return QueuedEvents(
        message_id=MESSAGE_ID,
        tenant_id=TenantId("t"),
        token_digest=b"\x00\xff",
        received_at=NOW,
        rid="r",
        events=made,
    )


@pytest.mark.parametrize("traceparent", [7, None, "", "00-x", ["a"], {}])
def test_a_message_with_an_odd_trace_is_good_without_it(traceparent: object) -> None:
    head, _, content = zlib.decompress(encode(hook())).partition(b"\n")
    odd = json.dumps({**json.loads(head), "traceparent": traceparent, "tracestate": 7})

    assert decode(zlib.compress(odd.encode() + b"\n" + content)) == hook()


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"\n\n{}\n", b"\r\n", bytes(range(256)), b"\xff\xfe", b"\n" * 1_000]
)
def test_a_body_is_kept_to_the_byte(body: bytes) -> None:
    kept = decode(encode(hook(body)))

    assert isinstance(kept, QueuedHook)
    assert kept.hook.body == body


def test_a_body_of_4_mib_is_kept_and_json_is_small() -> None:
    body = b'{"event_id":"a","amount":12.10},' * (4 * 1024 * 1024 // 32)

    made = encode(hook(body))

    assert decode(made) == hook(body)
    assert len(made) < len(body) / 4


def test_a_message_names_no_token() -> None:
    plain = zlib.decompress(encode(events())).decode()

    assert json.loads(plain.splitlines()[0])["token_digest"] == "00ff"


def test_a_field_that_may_be_left_out_is_left_out() -> None:
    event = NewEvent(key="k", fingerprint="f", source_id=None, type="t", data="{}")

    assert decode(encode(events(event))) == events(event)


def plain_form(head: object, content: bytes = b"[]") -> bytes:
    return zlib.compress(json.dumps(head).encode() + b"\n" + content)


def head_of(message: QueuedEvents | QueuedHook) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(zlib.decompress(encode(message)).partition(b"\n")[0])
    return head


@pytest.mark.parametrize(
    "made",
    [
        b"",
        b"not compressed",
        encode(hook())[:-5],
        zlib.compress(b""),
        zlib.compress(b"\xff\n"),
        zlib.compress(b"{\n"),
        plain_form([]),
        plain_form(7),
        plain_form(None),
        plain_form({}),
        plain_form({"kind": "events"}),
        plain_form({"kind": "hook"}),
        plain_form(head_of(events()), b"{"),
        plain_form(head_of(events()), b"7"),
        plain_form(head_of(events()), b"[7]"),
        plain_form(head_of(events()), b'[{"key":"k"}]'),
        plain_form(head_of(events()), b'[{"unknown":"k"}]'),
        plain_form({**head_of(events()), "token_digest": "x"}),
        plain_form({**head_of(events()), "token_digest": None}),
        plain_form({**head_of(events()), "received_at": "now"}),
        plain_form({**head_of(hook()), "received_at": 7}),
    ],
)
def test_what_is_no_message_is_a_bad_one(made: bytes) -> None:
    with pytest.raises(BadMessageError) as caught:
        decode(made)
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("kind", ["delivery", "", None, 7, ["events"]])
def test_a_kind_that_a_later_version_may_write_is_named_so(kind: object) -> None:
    with pytest.raises(NotUnderstoodError) as caught:
        decode(plain_form({"kind": kind}))
    assert caught.value.reason == "unknown-kind"


@given(JSON_VALUES, JSON_VALUES)
def test_any_json_is_a_message_or_a_bad_one(head: object, content: object) -> None:
    for kind in ("events", "hook"):
        told = {**head_of(events() if kind == "events" else hook())}
        told |= head if isinstance(head, dict) else {"message_id": head}
        try:
            made = decode(plain_form(told, json.dumps(content).encode()))
        except (BadMessageError, NotUnderstoodError):
            continue
        assert isinstance(made, (QueuedEvents, QueuedHook))
