"""The floor: psycopg and one prepared INSERT of the same row into one table with a primary key.

For a batch, one INSERT of unnested arrays. Autocommit, so every call is durable; parameters are
made ready beforehand, so nothing but the statement is measured.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from bench.subjects.loop import log_to_nowhere, serve
from bench.workload import Load, data, new_key

if TYPE_CHECKING:
    from collections.abc import Sequence

TABLE: LiteralString = """
CREATE TABLE floor (
    tenant_id uuid, key text, fingerprint bytea, event_id uuid, type text, occurred_at text,
    entity_id text, entity_version numeric, data text, received_at timestamptz,
    stored_at timestamptz DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, key)
)
"""
ONE: LiteralString = """
INSERT INTO floor (tenant_id, key, fingerprint, event_id, type, occurred_at, entity_id,
    entity_version, data, received_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
MANY: LiteralString = """
INSERT INTO floor (tenant_id, key, fingerprint, event_id, type, occurred_at, entity_id,
    entity_version, data, received_at)
SELECT %s, * FROM unnest(%s::text[], %s::bytea[], %s::uuid[], %s::text[], %s::text[], %s::text[],
    %s::numeric[], %s::text[], %s::timestamptz[])
"""

Params = tuple[object, ...]


class Floor:
    """One connection, one cursor; ``tenant_id`` is the sandbox's only one."""

    def __init__(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor
        self._tenant_id = uuid.uuid4()

    def prepare(self, load: Load, calls: int) -> tuple[Sequence[Params], Sequence[Params]]:
        if load.items == 1:
            return [], [(self._tenant_id, *_row(load)) for _ in range(calls)]
        return [], [self._batch(load) for _ in range(calls)]

    def call(self, prepared: Params) -> int:
        is_batch = isinstance(prepared[1], list)
        self._cursor.execute(MANY if is_batch else ONE, prepared, prepare=True)
        return self._cursor.rowcount

    def check(self, load: Load, answer: int) -> None:
        assert answer == load.items, answer

    def _batch(self, load: Load) -> Params:
        columns = zip(*(_row(load) for _ in range(load.items)), strict=True)
        return (self._tenant_id, *(list(column) for column in columns))


def _row(load: Load) -> Params:
    key, text = new_key(), data(load.kilobytes)
    return (
        f"api:{key}", hashlib.sha256(text.encode()).digest(), uuid.uuid4(), "order.created",
        "2026-11-23T10:00:00Z", key, 1, text, datetime.now(UTC),
    )  # fmt: skip


if __name__ == "__main__":
    told = log_to_nowhere()
    with psycopg.connect(os.environ["FLOOR_DATABASE_URL"], autocommit=True) as connection:
        serve(Floor(connection.cursor()), told)
