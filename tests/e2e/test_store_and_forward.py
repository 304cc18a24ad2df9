"""The database lets nobody in for a while: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
from psycopg import sql

from ops.simulators import SIMULATORS
from tests.integration.polling import until

if TYPE_CHECKING:
    from collections.abc import Iterator

STORING_ROLES = ("tillgate_ingest", "tillgate_accept")
# The queue's first two retries, and a machine that is busy.
STORED_WITHIN_SECONDS = 60


@contextmanager
def database_closed(stack: dict[str, Any]) -> Iterator[None]:
    """Let neither ingest nor accept into the database, and throw out who is in."""
    with psycopg.connect(stack["database_url"], autocommit=True) as superuser:
        limit = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
        try:
            for role in STORING_ROLES:
                superuser.execute(limit.format(sql.Identifier(role), 0))
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)",
                (list(STORING_ROLES),),
            )
            yield
        finally:
            for role in STORING_ROLES:
                superuser.execute(limit.format(sql.Identifier(role), -1))


def test_what_is_acknowledged_while_the_database_is_closed_is_stored_afterwards(
    stack: dict[str, Any],
) -> None:
    token = stack["tenants"][0]["api_token"]
    keys = [f"e2e-{uuid.uuid4()}" for _ in range(5)]
    registered = next(s for s in stack["tenants"][0]["sources"] if s["provider"] == "square")
    hook = SIMULATORS["square"].delivery(
        secret=registered["secret"],
        notification_url=registered["notification_url"],
        merchants=[registered["merchant_id"]],
        key=f"e2e-{uuid.uuid4()}",
        at=datetime.now(UTC),
    )
    with httpx.Client(
        base_url=stack["api_url"], headers={"Authorization": f"Bearer {token}"}, timeout=30
    ) as http:

        def send(key: str) -> httpx.Response:
            return http.post(
                "/v1/events",
                content=json.dumps({"type": "order.created", "data": {"key": key}}),
                headers={"Content-Type": "application/json", "Idempotency-Key": key},
            )

        with database_closed(stack):
            answers = [send(key) for key in keys]
            path = registered["notification_url"].partition("/v1/")[2]
            told_vendor = http.post(f"/v1/{path}", content=hook.body, headers=dict(hook.headers))
        assert (told_vendor.status_code, told_vendor.json()["queued"]) == (200, 1)
        assert [answer.status_code for answer in answers] == [202] * len(keys)
        for key, answer in zip(keys, answers, strict=True):
            told = answer.json()
            assert set(told) == {"status", "idempotency_key", "received_at", "rid"}
            assert (told["status"], told["idempotency_key"]) == ("queued", key)
            assert "Location" not in answer.headers

        def found(key: str) -> list[dict[str, Any]]:
            events: list[dict[str, Any]] = http.get(
                "/v1/events", params={"idempotency_key": key}
            ).json()["events"]
            return events

        until(
            lambda: all(found(key) for key in [*keys, hook.events[0].key]),
            what="every queued event is stored",
            within_seconds=STORED_WITHIN_SECONDS,
        )
        for key, answer in zip(keys, answers, strict=True):
            [event] = found(key)
            assert event["received_at"] == answer.json()["received_at"]
            assert event["stored_at"] > event["received_at"]
        # Known by now; on the queue once more where the sandbox does not ask the database yet.
        assert send(keys[0]).status_code in {200, 202}
