"""The order of outcomes on Postgres: what tests/unit asserts of the fakes holds there too."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.services.interleavings import STEPS, Interleaving, Step
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.quarantine import PostgresQuarantine, quarantine_seal_context
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.event import NewEvent, event_from_json
from tillgate.domain.json_value import parse
from tillgate.domain.tenant import Caller, Tenant, TenantState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import TenantId

    Connect = Callable[[str], Database]

ORDER = st.lists(st.integers(0, 20), max_size=8)
# The database is one for all examples; each has a tenant of its own.
ON_POSTGRES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Postgres:
    """What all examples share: connections, and the means to look."""

    def __init__(self, database: TestDatabase, connect: Connect, superuser: Connection) -> None:
        self.database = database
        self.superuser = superuser
        self.box = KeyRingSecretBox(lambda: json.dumps({"k1": "made up"}))
        # Direct and queued accepts go by different roles, as in production.
        self.ingest = PostgresEventStore(connect("ingest"), within_seconds=20)
        accept = connect("accept")
        self.quarantine = PostgresQuarantine(accept, self.box, within_seconds=20)
        self.tokens = PostgresRegistry(accept, within_seconds=20)

    def tenant(self) -> PostgresStores:
        return PostgresStores(self, self.database.add_tenant(f"o-{uuid.uuid4()}"))


class PostgresStores:
    """Implements Stores for one tenant."""

    def __init__(self, postgres: Postgres, tenant_id: TenantId) -> None:
        self._postgres = postgres
        digest = hashlib.sha256(tenant_id.encode()).digest()
        self.caller = Caller(Tenant(tenant_id, "t", TenantState.ACTIVE), digest)
        self.events = postgres.ingest
        self.quarantine = postgres.quarantine
        self.tokens = postgres.tokens
        postgres.superuser.execute(
            "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
            " VALUES (%s, 'till', %s, 'tg_live_x')",
            (tenant_id, digest),
        )

    def stored(self) -> dict[str, tuple[str, str]]:
        rows = self._postgres.superuser.execute(
            "SELECT k.key, k.event_id::text, e.data FROM tillgate.ingest_key AS k"
            " FULL JOIN tillgate.event AS e USING (event_id)"
            " WHERE coalesce(k.tenant_id, e.tenant_id) = %s",
            (self.caller.tenant.tenant_id,),
        ).fetchall()
        found = {key: (event_id, data) for key, event_id, data in rows}
        assert len(found) == len(rows), "an event without a key, or a key that is there twice"
        return found

    def set_aside(self) -> list[tuple[str, str, bytes]]:
        rows = self._postgres.superuser.execute(
            "SELECT quarantine_id::text, reason, sealed_content FROM tillgate.quarantine"
            " WHERE tenant_id = %s",
            (self.caller.tenant.tenant_id,),
        ).fetchall()
        return [(row_id, reason, self._content(row_id, sealed)) for row_id, reason, sealed in rows]

    def _content(self, row_id: str, sealed: bytes) -> bytes:
        plain = self._postgres.box.open(sealed, context=quarantine_seal_context(row_id))
        return plain.partition(b"\n")[2]


def new_event(key: str, data: str) -> NewEvent:
    """Make the event as Ingest makes it."""
    return event_from_json(parse(f'{{"type":"t","data":{data}}}'.encode()), key=key)


@pytest.fixture
def postgres(database: TestDatabase, connect: Connect) -> Iterator[Postgres]:
    with database.superuser() as superuser:
        yield Postgres(database, connect, superuser)


def play(postgres: Postgres, steps: list[Step], order: list[int]) -> None:
    made = Interleaving(postgres.tenant(), new_event)
    made.run(steps)
    made.end(order)
    made.check()


@settings(ON_POSTGRES, max_examples=25)
@given(steps=STEPS, order=ORDER)
def test_each_key_holds_one_event_and_whoever_was_acknowledged_finds_it_or_its_conflict(
    postgres: Postgres, steps: list[Step], order: list[int]
) -> None:
    play(postgres, steps, order)


@pytest.mark.proof
@pytest.mark.timeout(900)
@settings(ON_POSTGRES, max_examples=1_000)
@given(steps=STEPS, order=ORDER)
def test_so_it_is_in_a_thousand_more_orders(
    postgres: Postgres, steps: list[Step], order: list[int]
) -> None:
    play(postgres, steps, order)
