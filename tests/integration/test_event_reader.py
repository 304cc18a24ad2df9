from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.events import NOW, event, stored_at
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.stored_event import DeliveryState, EventQuery
from tillgate.domain.tenant import EventId, SourceId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.stored_event import EventHead
    from tillgate.domain.tenant import TenantId

    Connect = Callable[[str], Database]

ALL = EventQuery(limit=200)


@pytest.fixture
def reader(connect: Connect) -> PostgresEventReader:
    return PostgresEventReader(
        connect("api"), providers=("square", "shopify", "standard"), within_seconds=10
    )


@pytest.fixture
def store(connect: Connect) -> PostgresEventStore:
    return PostgresEventStore(connect("ingest"), within_seconds=10)


@pytest.fixture
def source(database: TestDatabase, tenant: TenantId) -> SourceId:
    with database.superuser() as connection:
        row = connection.execute(
            "INSERT INTO tillgate.source"
            " (tenant_id, provider, name, notification_url, sealed_secret)"
            " VALUES (%s, 'shopify', 'till', 'https://x.example', '\\x00')"
            " RETURNING source_id::text",
            (tenant,),
        ).fetchone()
    assert row is not None
    return SourceId(row[0])


def add(store: PostgresEventStore, tenant: TenantId, *events: NewEvent) -> list[Accepted]:
    return store.accept(tenant, events, received_at=NOW)


def keys(heads: list[EventHead]) -> list[str]:
    return [head.idempotency_key for head in heads]


def test_event_is_read_as_it_was_accepted(
    reader: PostgresEventReader, store: PostgresEventStore, tenant: TenantId
) -> None:
    data = '{"big":' + "9" * 400 + ',"nul":"\\u0000","price":12.10,"tiny":-0.0,"word":"é🧾"}'
    [accepted] = add(
        store,
        tenant,
        event(
            "k:1",
            data,
            occurred_at="2026-11-23T10:00:00+02:00",
            entity_id="order-17",
            entity_version="9" * 100,
        ),
    )

    found = reader.event(tenant, accepted.event_id)

    assert found is not None
    assert found.data == data
    head = found.head
    assert (head.event_id, head.idempotency_key, head.type) == (
        accepted.event_id,
        "k:1",
        "order.created",
    )
    assert (head.occurred_at, head.entity_id, head.entity_version) == (
        "2026-11-23T10:00:00+02:00",
        "order-17",
        "9" * 100,
    )
    assert (head.received_at, head.stored_at) == (NOW, stored_at(accepted.event_id))
    assert head.stored_at.tzinfo is UTC
    assert (head.source_id, head.provider) == (None, "api")
    assert head.delivery_state is DeliveryState.NONE


def test_provider_is_that_of_the_source(
    reader: PostgresEventReader, store: PostgresEventStore, tenant: TenantId, source: SourceId
) -> None:
    vendors = replace(event("k"), key="shopify:w1", source_id=source, type="orders/create")
    [accepted] = add(store, tenant, vendors)

    found = reader.event(tenant, accepted.event_id)

    assert found is not None
    assert (found.head.source_id, found.head.provider) == (source, "shopify")
    assert keys(reader.events(tenant, replace(ALL, idempotency_key="w1"))) == ["w1"]
    assert keys(reader.events(tenant, replace(ALL, type="orders/create"))) == ["w1"]


def test_another_tenants_events_are_not_there(
    reader: PostgresEventReader,
    store: PostgresEventStore,
    database: TestDatabase,
    tenant: TenantId,
) -> None:
    other = database.add_tenant(f"t-{uuid.uuid4()}")
    [theirs] = add(store, other, event("k"))

    assert reader.event(tenant, theirs.event_id) is None
    assert reader.events(tenant, ALL) == []
    assert reader.events(tenant, replace(ALL, idempotency_key="k")) == []
    assert reader.event(tenant, EventId(str(uuid.uuid4()))) is None
    assert reader.event(other, theirs.event_id) is not None


def test_tenant_of_one_read_is_not_left_to_the_next(
    reader: PostgresEventReader,
    store: PostgresEventStore,
    connect: Connect,
    tenant: TenantId,
) -> None:
    connection = connect("api")
    add(store, tenant, event("k"))
    PostgresEventReader(connection, providers=(), within_seconds=10).events(tenant, ALL)

    assert connection.rows("SELECT event_id FROM tillgate.event", within_seconds=10) == []
    assert connection.rows("SELECT source_id FROM tillgate.source", within_seconds=10) == []
    assert keys(reader.events(tenant, ALL)) == ["k"]


def test_list_is_newest_first_and_pages_leave_nothing_out(
    reader: PostgresEventReader, store: PostgresEventStore, tenant: TenantId
) -> None:
    for batch in range(3):
        add(store, tenant, *(event(f"{batch}-{n}") for n in range(4)))
    expected = [f"{batch}-{n}" for batch in (2, 1, 0) for n in (3, 2, 1, 0)]

    seen: list[str] = []
    before: EventId | None = None
    while page := reader.events(tenant, EventQuery(limit=5, before=before)):
        seen += keys(page)
        before = page[-1].event_id

    assert seen == expected


def test_since_is_inclusive_and_until_exclusive_to_the_microsecond(
    reader: PostgresEventReader, store: PostgresEventStore, tenant: TenantId
) -> None:
    first, second, third = add(store, tenant, event("1"), event("2"), event("3"))
    one, two, three = (stored_at(each.event_id) for each in (first, second, third))
    assert two - one == timedelta(microseconds=1)

    def listed(since: datetime | None, until: datetime | None) -> list[str]:
        return keys(reader.events(tenant, replace(ALL, since=since, until=until)))

    assert listed(two, None) == ["3", "2"]
    assert listed(None, two) == ["1"]
    assert listed(two, three) == ["2"]
    assert listed(three, one) == []
    assert listed(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)) == [
        "3",
        "2",
        "1",
    ]
    assert listed(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None) == []
    assert listed(None, datetime(1, 1, 1, tzinfo=UTC)) == []


def test_filters_are_combined(
    reader: PostgresEventReader,
    store: PostgresEventStore,
    database: TestDatabase,
    tenant: TenantId,
) -> None:
    paid, _, last = add(store, tenant, event("a", type="paid"), event("b"), event("c", type="paid"))
    with database.superuser() as connection:
        connection.execute(
            "UPDATE tillgate.delivery SET state = 'gave_up' WHERE tenant_id = %s AND event_id = %s",
            (tenant, paid.event_id),
        )

    gave_up = replace(ALL, status=DeliveryState.GAVE_UP)
    assert keys(reader.events(tenant, gave_up)) == ["a"]
    assert keys(reader.events(tenant, replace(ALL, type="paid"))) == ["c", "a"]
    assert keys(reader.events(tenant, replace(gave_up, type="order.created"))) == []
    before_last = replace(ALL, type="paid", before=last.event_id, since=stored_at(paid.event_id))
    assert keys(reader.events(tenant, before_last)) == ["a"]
    assert keys(reader.events(tenant, replace(gave_up, idempotency_key="a"))) == ["a"]
    assert keys(reader.events(tenant, replace(gave_up, idempotency_key="b"))) == []


def test_key_is_found_in_every_namespace(
    reader: PostgresEventReader, store: PostgresEventStore, tenant: TenantId
) -> None:
    add(store, tenant, event("same"), replace(event("k"), key="square:same"))

    assert keys(reader.events(tenant, replace(ALL, idempotency_key="same"))) == ["same", "same"]
    assert reader.events(tenant, replace(ALL, idempotency_key="square:same")) == []
    assert reader.events(tenant, replace(ALL, idempotency_key="' OR 1=1 --")) == []
