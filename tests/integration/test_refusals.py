"""A database that is there and refuses: ours to mend, and the queue keeps the event meanwhile."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.events import event
from tests.integration.sessions import add_sender, count, new_event
from tests.integration.wiring import RING, Wiring
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.quarantine import PostgresQuarantine
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.errors import StoreRefusedError
from tillgate.domain.quarantine import Quarantined, Reason
from tillgate.domain.tenant import AppId, TenantId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import LiteralString

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase

PUT: LiteralString = (
    "tillgate.quarantine_put(uuid, uuid, uuid, text, text, text, timestamptz, timestamptz,"
    " bytea, bigint, bigint, integer)"
)
ACCEPT_EVENT: LiteralString = (
    "tillgate.accept_event(uuid, text, bytea, uuid, text, text, text, numeric, text, timestamptz,"
    " text)"
)
STORING_ROLES: LiteralString = "tillgate_ingest, tillgate_accept"
NO_PARTITION: LiteralString = """DO $$
DECLARE part regclass;
BEGIN
    FOR part IN
        SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'tillgate.event'::regclass
    LOOP EXECUTE format('DROP TABLE %s', part); END LOOP;
END $$"""
# What spoils storing an event, each in its own class of SQLSTATE.
OF_EVENTS = {
    "function": f"DROP FUNCTION {ACCEPT_EVENT}",
    "grant": f"REVOKE EXECUTE ON FUNCTION {ACCEPT_EVENT} FROM tillgate_ingest",
    "schema": "REVOKE USAGE ON SCHEMA tillgate FROM tillgate_ingest",
    "partition": NO_PARTITION,
    "column": "ALTER TABLE tillgate.event ADD COLUMN extra text NOT NULL",
    "table": "DROP TABLE tillgate.event CASCADE",
}
OF_QUARANTINE = {
    "function": "DROP FUNCTION " + PUT,
    "grant": "REVOKE EXECUTE ON FUNCTION " + PUT + " FROM tillgate_ingest",
    "column": "ALTER TABLE tillgate.quarantine ADD COLUMN extra text NOT NULL",
}
OF_REGISTRY: dict[str, tuple[LiteralString, Callable[[PostgresRegistry], object]]] = {
    "token": (
        "DROP FUNCTION tillgate.look_up_token(bytea)",
        lambda registry: registry.find_token(b"x"),
    ),
    "endpoint": (
        "DROP FUNCTION tillgate.endpoint_standing(text, uuid)",
        lambda registry: registry.find_endpoint("square", str(uuid.uuid4())),
    ),
    "source": (
        "REVOKE EXECUTE ON FUNCTION tillgate.find_bound_source(uuid, text) FROM tillgate_ingest",
        lambda registry: registry.find_bound_source(AppId(str(uuid.uuid4())), "M1"),
    ),
    "standing": ("SELECT 1", lambda registry: registry.token_standing(b"x")),
    "snapshot": ("SELECT 1", lambda registry: registry.registry_snapshot()),
}


@pytest.fixture
def ingest(own_database: TestDatabase) -> Iterator[Database]:
    with closing(Database(lambda: own_database.url("ingest"), max_uses=1_000)) as made:
        yield made


@pytest.fixture
def wiring(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    add_sender(own_database)
    with Wiring(own_database, secrets_manager, tmp_path) as made:
        yield made


def spoil(database: TestDatabase, statement: LiteralString) -> None:
    with database.superuser() as superuser:
        superuser.execute(statement)


def quarantined() -> Quarantined:
    return Quarantined(
        quarantine_id=str(uuid.uuid4()),
        reason=Reason.UNREADABLE,
        provider="square",
        endpoint_id=None,
        tenant_id=None,
        received_at=datetime.now(UTC),
        rid="r",
        content=b"x",
        headers={},
        quota=None,
    )


@pytest.mark.parametrize("statement", OF_EVENTS.values(), ids=OF_EVENTS.keys())
def test_an_event_that_is_refused_is_a_refusal(
    own_database: TestDatabase, ingest: Database, statement: LiteralString
) -> None:
    tenant = own_database.add_tenant("one")
    spoil(own_database, statement)
    store = PostgresEventStore(ingest, within_seconds=5)

    with pytest.raises(StoreRefusedError) as caught:
        store.accept(tenant, [event("k", "{}")], received_at=datetime.now(UTC))
    assert isinstance(caught.value.__cause__, psycopg.Error)
    assert ingest.rows("SELECT 1", within_seconds=5) == [(1,)], "it is there"


@pytest.mark.parametrize("statement", OF_QUARANTINE.values(), ids=OF_QUARANTINE.keys())
def test_a_quarantine_that_refuses_is_a_refusal(
    own_database: TestDatabase, ingest: Database, statement: LiteralString
) -> None:
    spoil(own_database, statement)
    quarantine = PostgresQuarantine(ingest, KeyRingSecretBox(lambda: RING), within_seconds=5)

    with pytest.raises(StoreRefusedError):
        quarantine.put(quarantined())


@pytest.mark.parametrize(("statement", "look_up"), OF_REGISTRY.values(), ids=OF_REGISTRY.keys())
def test_a_look_up_that_is_refused_is_a_refusal(
    own_database: TestDatabase,
    ingest: Database,
    statement: LiteralString,
    look_up: Callable[[PostgresRegistry], object],
) -> None:
    spoil(own_database, statement)

    with pytest.raises(StoreRefusedError):
        look_up(PostgresRegistry(ingest, within_seconds=5))


def test_what_is_wrong_with_the_content_comes_through(
    own_database: TestDatabase, ingest: Database
) -> None:
    tenant = own_database.add_tenant("one")
    store = PostgresEventStore(ingest, within_seconds=5)
    for bad in (event("k", '"\0"'), replace(event("k"), fingerprint="no hex")):
        with pytest.raises(psycopg.DataError):
            store.accept(tenant, [bad], received_at=datetime.now(UTC))
    with pytest.raises(psycopg.DataError):
        store.accept(TenantId("no uuid"), [event("k")], received_at=datetime.now(UTC))
    with pytest.raises(psycopg.DataError):
        PostgresRegistry(ingest, within_seconds=5).find_endpoint("square", "no uuid")
    assert count(own_database, "SELECT count(*) FROM tillgate.event") == 0


@pytest.mark.parametrize("statement", OF_EVENTS.values(), ids=OF_EVENTS.keys())
def test_an_event_that_is_refused_is_202_and_kept_on_the_queue(
    wiring: Wiring, statement: LiteralString
) -> None:
    ingest = wiring.sandbox("ingest")
    # Who is asking is known from then on, and nothing is stored yet.
    assert ingest.call({**new_event(), "body": "{"}).status == 400
    spoil(wiring.database, statement)

    assert [ingest.call(new_event()).status for _ in range(2)] == [202, 202]
    assert len(wiring.secrets.messages) == 2


def test_a_refusal_does_not_open_the_breaker_and_what_is_mended_is_201_at_once(
    wiring: Wiring,
) -> None:
    ingest = wiring.sandbox("ingest")
    spoil(wiring.database, f"REVOKE EXECUTE ON FUNCTION {ACCEPT_EVENT} FROM tillgate_ingest")
    assert ingest.call(new_event()).status == 202
    spoil(wiring.database, f"GRANT EXECUTE ON FUNCTION {ACCEPT_EVENT} TO tillgate_ingest")

    assert ingest.call(new_event()).status == 201


def test_a_look_up_that_is_refused_goes_by_memory(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    spoil(wiring.database, "DROP FUNCTION tillgate.look_up_token(bytea)")
    ingest.step_clock(31)

    assert ingest.call(new_event()).status == 201


def test_what_was_queued_by_a_refusal_is_left_for_later_and_stored_once_it_is_mended(
    wiring: Wiring,
) -> None:
    ingest, accept = wiring.sandbox("ingest"), wiring.sandbox("accept")
    spoil(wiring.database, f"REVOKE EXECUTE ON FUNCTION {ACCEPT_EVENT} FROM {STORING_ROLES}")
    assert ingest.call(new_event()).status == 202
    records = {
        "Records": [
            {
                "messageId": "0",
                "receiptHandle": "receipt-0",
                "attributes": {"ApproximateReceiveCount": "55"},
                "body": wiring.secrets.messages[0],
            }
        ]
    }
    left = accept.invoke(records).response["batchItemFailures"]
    assert left == [{"itemIdentifier": "0"}]
    assert len(wiring.secrets.messages) == 1, "nothing is buried"
    spoil(wiring.database, f"GRANT EXECUTE ON FUNCTION {ACCEPT_EVENT} TO {STORING_ROLES}")

    assert accept.invoke(records).response["batchItemFailures"] == []
    assert count(wiring.database, "SELECT count(*) FROM tillgate.event") == 1
