from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.event import NewEvent, Outcome
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.adapters.postgres.connection import Database

    from tests.integration.conftest import TestDatabase

    Connect = Callable[[str], Database]

NOW = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)


def event(key: str, data: str = '{"total":12.10}') -> NewEvent:
    return NewEvent(
        key=f"api:{key}",
        fingerprint=fingerprint(data),
        source_id=None,
        type="order.created",
        data=data,
    )


def test_first_is_new_then_duplicate_then_conflict(database: TestDatabase, connect: Connect) -> None:
    tenant = TenantId(database.add_tenant(f"t-{uuid.uuid4()}"))
    store = PostgresEventStore(connect("ingest"), within_seconds=5)

    [first] = store.accept(tenant, [event("k")], received_at=NOW)
    [again] = store.accept(tenant, [event("k")], received_at=datetime.now(UTC))
    [other] = store.accept(tenant, [event("k", '{"total":12.1}')], received_at=NOW)

    assert [first.outcome, again.outcome, other.outcome] == [
        Outcome.NEW,
        Outcome.DUPLICATE,
        Outcome.CONFLICT,
    ]
    assert first.event_id == again.event_id == other.event_id
    assert first.received_at == again.received_at == NOW
    assert uuid.UUID(first.event_id).version == 7
