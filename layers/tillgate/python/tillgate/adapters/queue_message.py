"""A message of the accept queue as bytes and back.

The plain form is one line of JSON (what kind, and everything but the content), a line feed,
and the content as it is. It is compressed, then sealed; ``ENVELOPE_SCHEMA`` numbers all of
this. Version N of Tillgate writes what version N-1 reads: a new form is first only read.
"""

from __future__ import annotations

import json
import os
import zlib
from datetime import datetime
from typing import Any

from tillgate.domain.errors import BadMessageError, NotUnderstoodError
from tillgate.domain.event import NewEvent
from tillgate.domain.provider import Hook
from tillgate.domain.quarantine import WHOLE, only
from tillgate.domain.queued import QueuedEvents, QueuedHook, QueuedMessage
from tillgate.domain.tenant import TenantId
from tillgate.domain.trace import Trace, parsed

ENVELOPE_SCHEMA = 1

# Fast rather than small: it runs while a sender waits. JSON shrinks to a quarter all the same.
_COMPRESSION_LEVEL = 1


def encode(message: QueuedMessage) -> bytes:
    """Write a message down, compressed."""
    if isinstance(message, QueuedEvents):
        head: dict[str, Any] = {
            "kind": "events",
            "message_id": message.message_id,
            "tenant_id": message.tenant_id,
            "token_digest": message.token_digest.hex(),
            "received_at": message.received_at.isoformat(),
            "rid": message.rid,
        }
        content = json.dumps([event.document() for event in message.events]).encode()
    else:
        hook = message.hook
        head = {
            "kind": "hook",
            "message_id": hook.hook_id,
            "provider": hook.provider,
            "endpoint_id": hook.endpoint_id,
            "headers": dict(hook.headers),
            "received_at": hook.received_at.isoformat(),
            "rid": hook.rid,
            "is_refused": message.is_refused,
        }
        if message.part != WHOLE:
            # As the trace: who does not know of parts stores the others as duplicates.
            head |= {"keys": sorted(message.part.keys), "tenant_id": message.tenant_id}
        content = hook.body
    if message.trace is not None:
        # Optional, so the schema stays: who does not know it goes without.
        head["traceparent"] = message.trace.traceparent(os.urandom(8).hex())
        head["tracestate"] = message.trace.state
    return zlib.compress(json.dumps(head).encode() + b"\n" + content, _COMPRESSION_LEVEL)


def decode(compressed: bytes) -> QueuedMessage:
    """Read what ``encode`` wrote. Raises BadMessageError and NotUnderstoodError."""
    try:
        head_line, _, content = zlib.decompress(compressed).partition(b"\n")
        head = json.loads(head_line)
        if head["kind"] == "events":
            return QueuedEvents(
                message_id=head["message_id"],
                tenant_id=TenantId(head["tenant_id"]),
                token_digest=bytes.fromhex(head["token_digest"]),
                received_at=datetime.fromisoformat(head["received_at"]),
                rid=head["rid"],
                events=tuple(NewEvent.of_document(document) for document in json.loads(content)),
                trace=_trace(head),
            )
        if head["kind"] == "hook":
            return _hook(head, content)
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise BadMessageError("unreadable") from error
    # A later version may have written it, which a rollback took away.
    raise NotUnderstoodError("unknown-kind")


def _hook(head: dict[str, Any], content: bytes) -> QueuedHook:
    return QueuedHook(
        hook=Hook(
            hook_id=head["message_id"],
            provider=head["provider"],
            endpoint_id=head["endpoint_id"],
            headers=head["headers"],
            body=content,
            received_at=datetime.fromisoformat(head["received_at"]),
            rid=head["rid"],
        ),
        is_refused=head["is_refused"],
        trace=_trace(head),
        part=only(head["keys"]) if "keys" in head else WHOLE,
        tenant_id=head.get("tenant_id"),
    )


def _trace(head: dict[str, Any]) -> Trace | None:
    """Read the trace; a message is good without one, and with one that cannot be read."""
    told = head.get("traceparent"), head.get("tracestate")
    parent, state = (text if isinstance(text, str) else "" for text in told)
    return parsed(parent, state)
