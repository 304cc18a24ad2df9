"""Lists over many days: as if there were one table, and only as much of it read as is needed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tillgate.adapters.postgres import event_reader
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.domain.stored_event import DeliveryState, EventQuery
from tillgate.domain.tenant import EventId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.domain.stored_event import EventHead
    from tillgate.domain.tenant import TenantId

DAYS = 24
NOW = datetime.now(UTC)
PAGE = EventQuery(limit=7)
STATES = ("pending", "delivered", "gave_up")


def add_history(superuser: Connection, tenant: TenantId, *, every_hours: int) -> None:
    """Add one event every so many hours, up to now; another tenant's stand between them."""
    superuser.execute(
        "SELECT tillgate.make_partitions((%s::timestamptz AT TIME ZONE 'UTC')::date - n)"
        " FROM generate_series(0, %s) AS n",
        (NOW, DAYS),
    )
    superuser.execute(
        "WITH item AS MATERIALIZED ("
        " SELECT n, at, tillgate.new_event_id(at) AS id FROM ("
        " SELECT n, %(now)s - n * make_interval(hours => %(every)s) AS at"
        " FROM generate_series(1, 24 * %(days)s / %(every)s - 1) AS n) AS i"
        "), events AS ("
        " INSERT INTO tillgate.event (tenant_id, event_id, idempotency_key, type, data,"
        " received_at, stored_at) SELECT %(tenant)s, id, 'k' || n, 'type-' || n %% 3, '{}', at, at"
        " FROM item"
        "), keys AS ("
        " INSERT INTO tillgate.ingest_key (tenant_id, key, fingerprint, event_id, received_at,"
        " stored_at) SELECT %(tenant)s, 'api:k' || n, sha256('x'), id, at, at FROM item"
        ") INSERT INTO tillgate.delivery (tenant_id, event_id, state, since, due_at)"
        " SELECT %(tenant)s, id, (%(states)s::text[])[1 + n %% 5 %% 3], at, at FROM item",
        {"now": NOW, "every": every_hours, "days": DAYS, "tenant": tenant, "states": [*STATES]},
    )


@pytest.fixture
def tenants(own_database: TestDatabase) -> list[TenantId]:
    """One that has many events a day, one that has one in two days, and one that has none."""
    made = [own_database.add_tenant(name) for name in ("many", "few", "none")]
    with own_database.superuser() as superuser:
        for tenant, every_hours in zip(made, (2, 48), strict=False):
            add_history(superuser, tenant, every_hours=every_hours)
    return made


@pytest.fixture
def reader(own_database: TestDatabase) -> Iterator[PostgresEventReader]:
    connection = Database(lambda: own_database.url("api"), max_uses=1_000_000)
    yield PostgresEventReader(connection, providers=("square",), within_seconds=10)
    connection.close()


def paged(reader: PostgresEventReader, tenant: TenantId, query: EventQuery) -> list[EventHead]:
    found: list[EventHead] = []
    while page := reader.events(tenant, query):
        found += page
        query = replace(query, before=page[-1].event_id)
    return found


def wanted(query: EventQuery, head: EventHead) -> bool:
    return (
        (query.since is None or head.stored_at >= query.since)
        and (query.until is None or head.stored_at < query.until)
        and query.type in {None, head.type}
        and query.status in {None, head.delivery_state}
        and query.idempotency_key in {None, head.idempotency_key}
    )


FILTERS = [
    PAGE,
    replace(PAGE, type="type-1"),
    replace(PAGE, status=DeliveryState.GAVE_UP),
    replace(PAGE, status=DeliveryState.GAVE_UP, type="type-2"),
    replace(PAGE, type="unheard-of"),
    replace(PAGE, idempotency_key="k3"),
    replace(PAGE, idempotency_key="k3", status=DeliveryState.GAVE_UP),
    replace(PAGE, idempotency_key="unheard-of"),
    replace(PAGE, since=NOW - timedelta(days=1)),
    replace(PAGE, since=NOW - timedelta(days=12), status=DeliveryState.DELIVERED),
    replace(PAGE, until=NOW - timedelta(days=9)),
    replace(PAGE, since=NOW - timedelta(days=12), until=NOW - timedelta(days=9)),
    replace(PAGE, since=NOW + timedelta(days=1)),
    replace(PAGE, since=NOW, until=NOW - timedelta(days=1)),
]


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_pages_over_many_days_hold_what_one_look_at_everything_would(
    own_database: TestDatabase, reader: PostgresEventReader, tenants: list[TenantId], limit: int
) -> None:
    for tenant in tenants:
        with own_database.superuser() as superuser:
            rows = superuser.execute(
                "SELECT event_id::text FROM tillgate.event WHERE tenant_id = %s"
                " ORDER BY event_id DESC",
                (tenant,),
            ).fetchall()
        everything = [reader.event(tenant, event_id) for (event_id,) in rows]
        heads = [found.head for found in everything if found is not None]
        assert len(heads) == len(rows)
        for query in FILTERS:
            expected = [head for head in heads if wanted(query, head)]
            assert paged(reader, tenant, replace(query, limit=limit)) == expected


def test_another_tenants_days_are_not_listed(
    reader: PostgresEventReader, tenants: list[TenantId]
) -> None:
    many, few, none = tenants

    assert len(paged(reader, many, PAGE)) == 24 * DAYS // 2 - 1
    assert len(paged(reader, few, PAGE)) == DAYS // 2 - 1
    assert [paged(reader, none, query) for query in FILTERS] == [[]] * len(FILTERS)


def test_an_event_whose_id_is_ahead_of_all_clocks_is_listed_first(
    own_database: TestDatabase, reader: PostgresEventReader, tenants: list[TenantId]
) -> None:
    with own_database.superuser() as superuser:
        superuser.execute(
            "WITH item AS MATERIALIZED (SELECT at, tillgate.new_event_id(at) AS id"
            " FROM (SELECT now() + interval '9 days' AS at) AS i), events AS ("
            " INSERT INTO tillgate.event (tenant_id, event_id, idempotency_key, type, data,"
            " received_at, stored_at) SELECT %(t)s, id, 'ahead', 't', '{}', at, at FROM item)"
            " INSERT INTO tillgate.delivery (tenant_id, event_id, state)"
            " SELECT %(t)s, id, 'none' FROM item",
            {"t": tenants[0]},
        )

    found = paged(reader, tenants[0], PAGE)

    assert [head.idempotency_key for head in found[:3]] == ["ahead", "k1", "k2"]


def days_read(api: Connection, tenant: TenantId, query: EventQuery) -> list[set[str]]:
    """Give the days of which each look for a list would open the partitions, as api may."""
    statement, params = event_reader._list(tenant, query, None)
    now_ms = int(NOW.timestamp() * 1000)
    days = []
    with api.transaction():
        api.execute(event_reader._BEGIN, (tenant,))
        for window in event_reader._windows(query, None, now_ms=now_ms):
            bound = {**params, **window.params(), "limit": query.limit}
            lines: Sequence[tuple[str]] = api.execute("EXPLAIN " + statement, bound).fetchall()
            plan = "\n".join(line for (line,) in lines)
            days.append(set(re.findall(r" on (?:event|delivery)_(\d{8})\b", plan)))
    return days


def test_a_look_reads_the_partitions_that_its_bounds_name(
    own_database: TestDatabase, tenants: list[TenantId]
) -> None:
    def day(back: int) -> str:
        return f"{NOW - timedelta(days=back):%Y%m%d}"

    ahead = {day(-n) for n in range(1, 16)}
    last = {day(n) for n in range(4)}
    with own_database.as_role("api") as api:
        first, rest = days_read(api, tenants[0], PAGE)
        assert last <= first <= last | ahead
        assert rest.isdisjoint(first - {day(3)})
        with_status = days_read(api, tenants[0], replace(PAGE, status=DeliveryState.GAVE_UP))
        assert with_status == [first, rest]

        [one_day] = days_read(api, tenants[0], replace(PAGE, since=NOW - timedelta(days=1)))
        assert one_day - ahead == {day(0), day(1)}
        between = replace(PAGE, since=NOW - timedelta(days=12), until=NOW - timedelta(days=11))
        assert days_read(api, tenants[0], between) == [{day(12), day(11)}]

        old_ms = int((NOW - timedelta(days=10)).timestamp() * 1000)
        cursor = event_reader._Window(event_reader._first_id(old_ms), 0).params()["low"]
        deep = days_read(api, tenants[0], replace(PAGE, before=EventId(str(cursor))))
        assert deep[0] == {day(n) for n in range(10, 14)}


def test_one_event_is_read_from_the_partitions_of_its_day(
    own_database: TestDatabase, tenants: list[TenantId]
) -> None:
    with own_database.as_role("api") as api, api.transaction():
        api.execute(event_reader._BEGIN, (tenants[0],))
        row = api.execute("SELECT event_id::text FROM tillgate.event LIMIT 1").fetchone()
        assert row is not None
        plans = [
            api.execute("EXPLAIN " + event_reader._ONE, (tenants[0], row[0])).fetchall(),
            api.execute("EXPLAIN " + event_reader._ATTEMPTS, (tenants[0], row[0], 9)).fetchall(),
        ]

    parts = set(re.findall(r" on ((?:event|delivery|attempt)_\d{8})\b", str(plans)))
    assert sorted(part.partition("_")[0] for part in parts) == ["attempt", "delivery", "event"]


def test_the_least_id_of_an_instant_is_the_databases(own_database: TestDatabase) -> None:
    with own_database.superuser() as superuser:
        for at in (datetime(1970, 1, 1, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)):
            ours = event_reader._Window(event_reader._first_id(event_reader._milliseconds(at)), 0)
            row = superuser.execute("SELECT tillgate.first_event_id(%s)::text", (at,)).fetchone()
            assert row == (ours.params()["low"],)
