"""Store and forward as it is wired: ingest, sweep and accept in sandboxes, on one Postgres.

SQS, S3 and Secrets Manager are a stand-in; the database is shut and opened again.
"""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from tests.events import http_event
from tests.integration.sessions import add_sender, new_event
from tests.integration.wiring import RING, Wiring
from tests.vendors import SQUARE_KEY, square_body, square_headers
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.tenant import endpoint_seal_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox
    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def wiring(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    add_sender(own_database)
    with Wiring(own_database, secrets_manager, tmp_path) as made:
        yield made


@contextmanager
def shut(wiring: Wiring) -> Iterator[None]:
    """Let nobody into the database, and throw out who is in."""
    database = wiring.database
    name = psycopg.conninfo.conninfo_to_dict(database.superuser_url)["dbname"]
    with psycopg.connect(database.server.url(), autocommit=True) as server:

        def open_to_all(*, is_open: bool) -> None:
            server.execute(
                sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(str(name)), sql.Literal(is_open)
                )
            )

        open_to_all(is_open=False)
        server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
            (name,),
        )
        try:
            yield
        finally:
            open_to_all(is_open=True)


def batch(*bodies: str, received: int = 1) -> dict[str, Any]:
    """Give a batch as Lambda hands it over; a record's id is its place."""
    return {
        "Records": [
            {
                "messageId": str(n),
                "receiptHandle": f"receipt-{n}",
                "attributes": {"ApproximateReceiveCount": str(received)},
                "body": body,
            }
            for n, body in enumerate(bodies)
        ]
    }


def add_square(wiring: Wiring, *, ring: str = RING) -> str:
    """Add a source of Square's to the one tenant; give its id."""
    source_id, box = str(uuid.uuid4()), KeyRingSecretBox(lambda: ring)
    tenant = tenant_id(wiring)
    context = endpoint_seal_context(source_id, tenant_id=tenant)
    with wiring.database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.source"
            " (source_id, tenant_id, provider, name, notification_url, sealed_secret)"
            " VALUES (%s, %s, 'square', 'till', 'https://x.example/hook', %s)",
            (source_id, tenant, box.seal(SQUARE_KEY.encode(), context=context)),
        )
    return source_id


def hook(source_id: str, body: bytes, *, key: str = SQUARE_KEY) -> dict[str, Any]:
    return http_event(
        "POST",
        f"/v1/hooks/square/{source_id}",
        route="POST /v1/hooks/{provider}/{endpoint_id}",
        path_parameters={"provider": "square", "endpoint_id": source_id},
        headers=square_headers(body, url="https://x.example/hook", key=key),
        body=body,
    )


def failures(accept: Sandbox, event: dict[str, Any]) -> list[str]:
    answer = accept.invoke(event).response
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def stored(wiring: Wiring) -> list[str]:
    with wiring.database.superuser() as superuser:
        rows = superuser.execute("SELECT idempotency_key FROM tillgate.event ORDER BY 1").fetchall()
    return [key for (key,) in rows]


def set_aside(wiring: Wiring) -> list[str]:
    with wiring.database.superuser() as superuser:
        rows = superuser.execute("SELECT reason FROM tillgate.quarantine").fetchall()
    return [reason for (reason,) in rows]


def test_what_is_queued_while_the_database_is_shut_is_stored_once_it_is_open(
    wiring: Wiring,
) -> None:
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    assert ingest.call(new_event()).status == 201
    queued = new_event()
    with shut(wiring):
        assert [ingest.call(queued).status for _ in range(2)] == [202, 202]
        assert len(wiring.secrets.messages) == 2
        assert failures(accept, batch(*wiring.secrets.messages)) == ["0", "1"]

    assert len(stored(wiring)) == 1
    for _ in range(3):
        assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert len(stored(wiring)) == 2
    assert set_aside(wiring) == []


def test_a_key_that_was_taken_meanwhile_sets_the_queued_event_aside_once(wiring: Wiring) -> None:
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    assert ingest.call(new_event()).status == 201
    event = new_event()
    with shut(wiring):
        assert ingest.call(event).status == 202
    other = wiring.sandbox("ingest")
    assert other.call({**event, "body": '{"type":"another","data":{}}'}).status == 201

    for _ in range(3):
        assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert set_aside(wiring) == ["conflict-after-queued"]
    assert len(stored(wiring)) == 2


def test_a_cold_sandbox_goes_by_the_snapshot_that_sweep_wrote(wiring: Wiring) -> None:
    assert wiring.sandbox("sweep").invoke({}).response["is_registry_written"] is True
    [sealed] = wiring.secrets.objects.values()
    assert b"tenant" not in sealed
    accept = wiring.sandbox("accept")

    with shut(wiring):
        assert wiring.sandbox("ingest").call(new_event()).status == 202
        wiring.secrets.objects.clear()
        answer = wiring.sandbox("ingest").call(new_event())
        assert (answer.status, answer.body["type"]) == (503, "unavailable")
        assert "retry-after" in {name.lower() for name in answer.headers}

    assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert len(stored(wiring)) == 1


def test_a_token_that_was_revoked_before_is_not_let_in_by_the_worker(wiring: Wiring) -> None:
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    assert ingest.call(new_event()).status == 201
    with wiring.database.superuser() as superuser:
        superuser.execute("UPDATE tillgate.api_token SET revoked_at = now()")
    with shut(wiring):
        # The sandbox remembers the token for 30 s; the worker does not.
        assert ingest.call(new_event()).status == 202

    assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert set_aside(wiring) == ["token-revoked"]
    assert len(stored(wiring)) == 1


def test_with_the_queue_down_as_well_it_is_503_and_nothing_is_kept(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    wiring.secrets.is_queue_down = True
    with shut(wiring):
        answer = ingest.call(new_event())

    assert (answer.status, answer.body["type"]) == (503, "unavailable")
    assert wiring.secrets.messages == []
    assert len(stored(wiring)) == 1


def test_a_message_that_never_opens_is_buried_and_its_neighbours_are_stored(
    wiring: Wiring,
) -> None:
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    assert ingest.call(new_event()).status == 201
    with shut(wiring):
        for _ in range(2):
            assert ingest.call(new_event()).status == 202
    first, second = wiring.secrets.messages
    spoilt = json.dumps({**json.loads(first), "message_id": json.loads(second)["message_id"]})

    assert failures(accept, batch(first, spoilt, "junk", second)) == []
    assert wiring.secrets.messages[2:] == [spoilt, "junk"]
    assert len(stored(wiring)) == 3


def test_a_vendor_s_hook_waits_on_the_queue_as_well(wiring: Wiring) -> None:
    source_id = add_square(wiring)
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    assert ingest.call(hook(source_id, square_body("a"))).body["accepted"] == 1
    with shut(wiring):
        for body in (square_body("a"), square_body("b"), square_body("a", more=1), b"no json"):
            answer = ingest.call(hook(source_id, body))
            assert (answer.status, answer.body["queued"]) == (200, 1)
        assert ingest.call(hook(source_id, b"{}", key="forged")).status == 401

    for _ in range(3):
        assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert stored(wiring) == ["a", "b"]
    assert sorted(set_aside(wiring)) == [
        "conflict-after-queued",
        "signature-refused",
        "unreadable",
    ]


def test_a_hook_whose_secret_was_replaced_since_is_stored_and_a_later_one_is_not(
    wiring: Wiring,
) -> None:
    source_id = add_square(wiring)
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    assert ingest.call(hook(source_id, square_body("a"))).status == 200
    with shut(wiring):
        assert ingest.call(hook(source_id, square_body("before"))).status == 200
    context = endpoint_seal_context(source_id, tenant_id=tenant_id(wiring))
    sealed = KeyRingSecretBox(lambda: RING).seal(b"another key", context=context)
    with wiring.database.superuser() as superuser:
        superuser.execute("UPDATE tillgate.source SET sealed_secret = %s", (sealed,))
    with shut(wiring):
        # The sandbox remembers the old secret.
        assert ingest.call(hook(source_id, square_body("after"))).status == 200

    assert failures(accept, batch(*wiring.secrets.messages)) == []
    assert stored(wiring) == ["a", "before"]
    assert set_aside(wiring) == ["signature-refused"]


def tenant_id(wiring: Wiring) -> str:
    with wiring.database.superuser() as superuser:
        row = superuser.execute("SELECT tenant_id::text FROM tillgate.tenant").fetchone()
    assert row is not None
    return str(row[0])
