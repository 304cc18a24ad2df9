"""Synthetic events on a real Postgres, under the deliver role: they go, and nothing else does."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.deliveries import DeliveryStand
from tests.integration.events import NOW, event
from tillgate.adapters.postgres.synthetic import PostgresSyntheticEvents
from tillgate.domain.event import Outcome
from tillgate.domain.synthetic import MARKER, Held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.tenant import EventId, TenantId

TABLES = ("ingest_key", "event", "delivery", "attempt")


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Office:
    stand: DeliveryStand
    events: PostgresSyntheticEvents

    def accept(self, tenant: TenantId, *, key: str = "k1", data: object = None) -> EventId:
        """Store a synthetic event, or one with other data."""
        text = json.dumps({"note": f"{MARKER}{uuid.uuid4()}"} if data is None else data)
        [one] = self.stand.events.accept(tenant, [event(key, text)], received_at=NOW)
        assert one.outcome is Outcome.NEW
        return one.event_id

    def left_of(self, event_id: EventId) -> dict[str, int]:
        counted = {}
        for table in TABLES:
            query = f"SELECT count(*) FROM tillgate.{table} WHERE event_id = %s"  # noqa: S608  The test's own words.
            [(count,)] = self.stand.superuser.execute(query.encode(), (event_id,)).fetchall()
            counted[table] = count
        return counted


@pytest.fixture
def office(stand: DeliveryStand) -> Office:
    return Office(stand, PostgresSyntheticEvents(stand.connect("deliver"), within_seconds=10))


def test_delivered_event_goes_with_key_delivery_and_attempts_and_its_neighbour_stays(
    office: Office,
) -> None:
    stand, tenant = office.stand, office.stand.tenant()
    synthetic, neighbour = (office.accept(tenant, key=key) for key in ("k1", "k2"))
    stand.record(tenant, stand.begin(tenant, [synthetic, neighbour]), "delivered")

    held = office.events.hold(tenant, synthetic)
    is_discarded = office.events.discard(tenant, synthetic)

    assert held == Held(is_under_way=False, was_tried=True)
    assert is_discarded
    assert office.left_of(synthetic) == dict.fromkeys(TABLES, 0)
    assert office.left_of(neighbour) == dict.fromkeys(TABLES, 1)
    # Its key is free again, and a repeat of the call finds nothing.
    assert office.accept(tenant, key="k1") != synthetic
    assert office.events.hold(tenant, synthetic) is None
    assert not office.events.discard(tenant, synthetic)


def test_vendors_key_goes_under_the_vendors_name(office: Office) -> None:
    stand, tenant = office.stand, office.stand.tenant()
    [(source_id,)] = stand.superuser.execute(
        "INSERT INTO tillgate.source (tenant_id, provider, name, notification_url, sealed_secret)"
        " VALUES (%s, 'square', 'till', 'https://example.test', '') RETURNING source_id::text",
        (tenant,),
    ).fetchall()
    text = json.dumps({"note": f"{MARKER}{uuid.uuid4()}"})
    new = replace(event("a:b", text), key="square:a:b", source_id=source_id)
    [one] = stand.events.accept(tenant, [new], received_at=NOW)

    assert office.events.discard(tenant, one.event_id)
    assert office.left_of(one.event_id) == dict.fromkeys(TABLES, 0)


@pytest.mark.parametrize(
    "data", [{}, {"note": MARKER}, {"note": f"{MARKER}not-a-uuid"}, {"note": str(uuid.uuid4())}]
)
def test_event_that_does_not_say_that_it_is_synthetic_stays_and_is_delivered(
    office: Office, data: object
) -> None:
    stand, tenant = office.stand, office.stand.tenant()
    event_id = office.accept(tenant, data=data)

    assert office.events.hold(tenant, event_id) is None
    assert not office.events.discard(tenant, event_id)
    assert stand.begin(tenant, [event_id]).event_ids == [event_id]


def test_another_tenants_synthetic_event_stays(office: Office) -> None:
    mine, other = office.stand.tenant(), office.stand.tenant()
    event_id = office.accept(other)

    assert office.events.hold(mine, event_id) is None
    assert not office.events.discard(mine, event_id)
    assert office.left_of(event_id)["event"] == 1


def test_event_that_is_a_day_old_stays(office: Office) -> None:
    tenant = office.stand.tenant()
    event_id = office.accept(tenant)
    office.stand.superuser.execute(
        "UPDATE tillgate.event SET stored_at = now() - interval '25 hours' WHERE event_id = %s",
        (event_id,),
    )

    assert office.events.hold(tenant, event_id) is None
    assert not office.events.discard(tenant, event_id)


def test_attempt_that_is_under_way_is_told_and_one_that_never_ended_is_not(
    office: Office,
) -> None:
    stand, tenant = office.stand, office.stand.tenant()
    event_id = office.accept(tenant)
    [(now,)] = stand.superuser.execute("SELECT clock_timestamp()::text").fetchall()
    stand.begin(tenant, [event_id], at=now)

    during = office.events.hold(tenant, event_id)
    stand.superuser.execute(
        "UPDATE tillgate.attempt SET at = at - interval '61 seconds' WHERE event_id = %s",
        (event_id,),
    )
    after = office.events.hold(tenant, event_id)

    assert during == Held(is_under_way=True, was_tried=True)
    assert after == Held(is_under_way=False, was_tried=True)


def test_worker_finds_nothing_to_do_for_an_event_that_was_held_or_is_gone(office: Office) -> None:
    stand, tenant = office.stand, office.stand.tenant()
    synthetic, neighbour = (office.accept(tenant, key=key) for key in ("k1", "k2"))

    # Its message is on the queue, together with another's.
    assert office.events.hold(tenant, synthetic) == Held(is_under_way=False, was_tried=False)
    assert stand.begin(tenant, [synthetic, neighbour]).event_ids == [neighbour]
    office.events.discard(tenant, synthetic)
    begun = stand.begin(tenant, [synthetic, neighbour])

    assert begun.event_ids == [neighbour]
    assert office.left_of(synthetic) == dict.fromkeys(TABLES, 0)


def test_no_function_of_the_owners_can_delete_another_event(office: Office) -> None:
    """The tables' policies refuse it, whatever a function's own words are."""
    stand, tenant = office.stand, office.stand.tenant()
    ordinary = office.accept(tenant, data={})
    stand.superuser.execute("SET ROLE tillgate_owner")
    try:
        for table in ("ingest_key", "event", "delivery"):
            query = f"DELETE FROM tillgate.{table} WHERE event_id = %s"  # noqa: S608  The test's own words.
            assert stand.superuser.execute(query.encode(), (ordinary,)).rowcount == 0
    finally:
        stand.superuser.execute("RESET ROLE")

    assert office.left_of(ordinary) == {"ingest_key": 1, "event": 1, "delivery": 1, "attempt": 0}


@pytest.mark.parametrize("role", ["ingest", "api", "admin", "health", "sweep"])
def test_no_other_role_takes_events_away(office: Office, role: str) -> None:
    tenant = office.stand.tenant()
    event_id = office.accept(tenant)

    with (
        office.stand.database.as_role(role) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT tillgate.discard_synthetic(%s, %s)", (tenant, event_id))
