"""functions/deliver, fed SQS's batches; or, as ``deliver.py poster``, its upstream's ceiling.

The ceiling is the plainest client that there is, with bodies made ready beforehand: the same
rows over one connection of http.client.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.subjects.handler import ROOT
from bench.subjects.loop import log_to_nowhere, serve
from bench.workload import Load, data, new_key
from tillgate.adapters.delivery_queue import MAX_IDS, MESSAGE_SCHEMA
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.supabase import TABLE_PATH, rows_text
from tillgate.domain.delivery import OutgoingEvent
from tillgate.domain.event import NewEvent
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.tenant import EventId, TenantId

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TYPE = "order.created"
_OCCURRED_AT = "2026-11-23T10:00:00Z"


class DeliverSubject:
    """An invocation has ``load.items`` events of one tenant, in messages as sweep makes them."""

    def __init__(self, handler: Callable[[dict[str, Any], None], dict[str, Any]]) -> None:
        self._handler = handler
        self._tenant_id = TenantId(os.environ["BENCH_TENANT_ID"])
        self._queue = os.environ["DELIVERY_QUEUE_URL"].rpartition("/")[2]
        ingest = Database(lambda: os.environ["BENCH_INGEST_URL"], max_uses=1_000_000)
        self._events = PostgresEventStore(ingest, within_seconds=30)

    def prepare(self, load: Load, calls: int) -> tuple[list[Any], list[dict[str, Any]]]:
        return [], [
            sqs_event(self._tenant_id, self._accept(load), queue=self._queue) for _ in range(calls)
        ]

    def call(self, prepared: dict[str, Any]) -> dict[str, Any]:
        return self._handler(prepared, None)

    def check(self, _load: Load, answer: dict[str, Any]) -> None:
        assert answer == {"batchItemFailures": []}, answer

    def _accept(self, load: Load) -> list[EventId]:
        new = [_new_event(load) for _ in range(load.items)]
        accepted = self._events.accept(self._tenant_id, new, received_at=datetime.now(UTC))
        return [one.event_id for one in accepted]


class PosterSubject:
    """One connection, which is kept; a call posts as many rows as deliver does in one request."""

    def __init__(self) -> None:
        self._tenant_id = TenantId(os.environ["BENCH_TENANT_ID"])
        address = urlsplit(os.environ["BENCH_UPSTREAM_URL"])
        self._path = address.path + TABLE_PATH
        secret = os.environ["BENCH_UPSTREAM_SECRET"]
        self._headers = {
            "apikey": secret,
            "Content-Type": "application/json",
            "Prefer": "resolution=ignore-duplicates,return=minimal",
        }
        assert address.hostname is not None
        self._connection = HTTPConnection(address.hostname, address.port)

    def prepare(self, load: Load, calls: int) -> tuple[list[Any], list[list[bytes]]]:
        return [], [self._bodies(load) for _ in range(calls)]

    def call(self, prepared: list[bytes]) -> list[int]:
        answers = []
        for body in prepared:
            self._connection.request("POST", self._path, body, self._headers)
            with self._connection.getresponse() as answer:
                answer.read()
                answers.append(answer.status)
        return answers

    def check(self, _load: Load, answer: list[int]) -> None:
        assert set(answer) == {201}, answer

    def _bodies(self, load: Load) -> list[bytes]:
        sizes = [min(MAX_IDS, load.items - first) for first in range(0, load.items, MAX_IDS)]
        return [
            rows_text(self._tenant_id, [_outgoing(load) for _ in range(size)]).encode()
            for size in sizes
        ]


def sqs_event(tenant_id: TenantId, event_ids: Sequence[EventId], *, queue: str) -> dict[str, Any]:
    """Make one invocation of as many messages as sweep would have queued for these events."""
    return {
        "Records": [
            _message(tenant_id, event_ids[first : first + MAX_IDS], queue=queue)
            for first in range(0, len(event_ids), MAX_IDS)
        ]
    }


def _message(tenant_id: TenantId, event_ids: Sequence[EventId], *, queue: str) -> dict[str, Any]:
    body = {"schema": MESSAGE_SCHEMA, "tenant_id": tenant_id, "event_ids": event_ids}
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "receipt",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
        "awsRegion": "us-east-1",
    }


def _new_event(load: Load) -> NewEvent:
    key, text = new_key(), data(load.kilobytes)
    return NewEvent(
        key=f"api:{key}", fingerprint=fingerprint(text), source_id=None, type=_TYPE, data=text,
        occurred_at=_OCCURRED_AT, entity_id=key, entity_version="1",
    )  # fmt: skip


def _outgoing(load: Load) -> OutgoingEvent:
    key, now = new_key(), datetime.now(UTC)
    return OutgoingEvent(
        event_id=EventId(str(uuid.uuid4())), source_id=None, type=_TYPE, idempotency_key=key,
        data=data(load.kilobytes), occurred_at=_OCCURRED_AT, entity_id=key, entity_version="1",
        received_at=now, stored_at=now, since=now,
    )  # fmt: skip


def _handler() -> Callable[[dict[str, Any], None], dict[str, Any]]:
    sys.path.insert(0, str(ROOT / "functions" / "deliver"))
    from handler import handler  # type: ignore[import-not-found]  # noqa: PLC0415  Where Lambda has it.

    found: Callable[[dict[str, Any], None], dict[str, Any]] = handler
    return found


if __name__ == "__main__":
    told = log_to_nowhere()
    if sys.argv[1:] == ["poster"]:
        serve(PosterSubject(), told)
    else:
        serve(DeliverSubject(_handler()), told)
