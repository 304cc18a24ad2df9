"""What goes by its age: partitions, single events in those that stay, keys, redrives."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.integration.events import NOW, event
from tests.integration.history import TODAY, add_events, ages
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_reader import PostgresEventReader
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.adapters.postgres.retention_store import PostgresRetentionStore
from tillgate.adapters.postgres.retirement import PostgresRetirement
from tillgate.domain.event import Outcome
from tillgate.domain.retention import Dropped, RetentionStatus
from tillgate.services.retire import PARENTS, Retire, RetireReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.domain.tenant import TenantId

DEFAULT_DAYS = 30
TABLES = ("event", "delivery", "attempt")


@pytest.fixture
def superuser(own_database: TestDatabase) -> Iterator[Connection]:
    with own_database.superuser() as connection:
        yield connection


@pytest.fixture
def sweeper(own_database: TestDatabase) -> Iterator[PostgresRetirement]:
    connection = Database(lambda: own_database.url("sweep"), max_uses=1_000_000)
    yield PostgresRetirement(connection)
    connection.close()


def retire(sweeper: PostgresRetirement) -> RetireReport:
    """Do what a first run of sweep does."""
    return Retire(sweeper, default_days=DEFAULT_DAYS, clock=time.monotonic).run()


def keep(superuser: Connection, tenant: TenantId, days: int | None) -> None:
    superuser.execute(
        "INSERT INTO tillgate.tenant_retention (tenant_id, days) VALUES (%s, %s)"
        " ON CONFLICT (tenant_id) DO UPDATE SET days = excluded.days",
        (tenant, days),
    )


def has_partition(superuser: Connection, parent: str, days_ago: int) -> bool:
    name = f"tillgate.{parent}_{TODAY - timedelta(days=days_ago):%Y%m%d}"
    return superuser.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,)


def status(database: TestDatabase) -> RetentionStatus:
    admin = Database(lambda: database.url("admin"), max_uses=1_000)
    told = PostgresRetentionStore(admin, within_seconds=5).status(default_days=DEFAULT_DAYS)
    admin.close()
    return told


def partitions(superuser: Connection, days_ago: int) -> list[str]:
    return [parent for parent in TABLES if has_partition(superuser, parent, days_ago)]


def test_a_days_partitions_go_when_it_is_over_for_everyone_and_no_day_before(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    tenant = own_database.add_tenant("one")
    for days_ago in (DEFAULT_DAYS - 1, DEFAULT_DAYS, DEFAULT_DAYS + 1, DEFAULT_DAYS + 40):
        add_events(superuser, tenant, days_ago=days_ago)

    report = retire(sweeper)

    assert (report.partitions_dropped, report.partitions_busy) == (6, 0)
    assert (report.events_retired, report.is_retired) == (0, True)
    assert ages(superuser, "event", tenant) == {DEFAULT_DAYS - 1: 3, DEFAULT_DAYS: 3}
    assert partitions(superuser, DEFAULT_DAYS + 1) == []
    assert partitions(superuser, DEFAULT_DAYS) == list(TABLES)
    assert retire(sweeper) == RetireReport()


def test_two_tenants_with_different_retention_in_one_partition_lose_each_their_own(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    short, usual, long = (own_database.add_tenant(name) for name in ("short", "usual", "long"))
    keep(superuser, short, 10)
    keep(superuser, long, 60)
    for tenant in (short, usual, long):
        for days_ago in (9, 10, 11, 30, 31, 60, 61):
            add_events(superuser, tenant, days_ago=days_ago)

    report = retire(sweeper)

    assert (report.partitions_dropped, report.events_retired) == (3, 18)
    for table in TABLES:
        assert ages(superuser, table, short) == {9: 3, 10: 3}
        assert ages(superuser, table, usual) == {9: 3, 10: 3, 11: 3, 30: 3}
        assert ages(superuser, table, long) == dict.fromkeys((9, 10, 11, 30, 31, 60), 3)
    assert retire(sweeper) == RetireReport()


def test_a_retention_that_is_shortened_is_caught_up_with_and_one_that_is_prolonged_keeps(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    one, other = own_database.add_tenant("one"), own_database.add_tenant("other")
    for tenant in (one, other):
        for days_ago in (8, 12, 20):
            add_events(superuser, tenant, days_ago=days_ago)
    assert retire(sweeper) == RetireReport()

    keep(superuser, one, 15)
    assert retire(sweeper).events_retired == 3
    keep(superuser, one, 60)
    assert retire(sweeper) == RetireReport()
    keep(superuser, one, 10)
    assert retire(sweeper).events_retired == 3
    assert ages(superuser, "event", one) == {8: 3}
    assert ages(superuser, "event", other) == {8: 3, 12: 3, 20: 3}


@pytest.mark.parametrize(
    ("state", "is_discarded", "is_held"),
    [
        ("pending", False, True),
        ("gave_up", False, True),
        ("gave_up", True, False),
    ],
)
def test_what_is_undelivered_and_undecided_is_kept_for_thirty_days_more(
    own_database: TestDatabase,
    superuser: Connection,
    sweeper: PostgresRetirement,
    state: str,
    is_discarded: bool,  # noqa: FBT001  pytest passes it by name.
    is_held: bool,  # noqa: FBT001  pytest passes it by name.
) -> None:
    holder, other = own_database.add_tenant("holder"), own_database.add_tenant("other")
    for days_ago in (DEFAULT_DAYS + 1, DEFAULT_DAYS + 30, DEFAULT_DAYS + 31):
        add_events(superuser, holder, days_ago=days_ago, key="first-")
        add_events(
            superuser, holder, days_ago=days_ago, count=2, state=state, is_discarded=is_discarded
        )
        add_events(superuser, other, days_ago=days_ago)

    told = status(own_database)
    assert told.held_events == (4 + 2 if is_held else 0)
    retire(sweeper)

    held = {DEFAULT_DAYS + 1: 2, DEFAULT_DAYS + 30: 2} if is_held else {}
    for table in TABLES:
        assert ages(superuser, table, holder) == held
        assert ages(superuser, table, other) == {}
    assert partitions(superuser, DEFAULT_DAYS + 31) == []
    told = status(own_database)
    assert told.held_events == (4 if is_held else 0)
    tomorrow = f"{TODAY + timedelta(days=1):%Y-%m-%d}"
    assert told.first_go_on == (tomorrow if is_held else None)
    if is_held:
        superuser.execute("UPDATE tillgate.delivery SET state = 'delivered', due_at = NULL")
        assert retire(sweeper).partitions_dropped == 6


def test_what_was_held_goes_at_its_limit_also_where_somebody_else_keeps_the_day(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    holder, long = own_database.add_tenant("holder"), own_database.add_tenant("long")
    keep(superuser, long, 200)
    for days_ago in (DEFAULT_DAYS + 30, DEFAULT_DAYS + 31):
        add_events(superuser, holder, days_ago=days_ago, state="gave_up")
        add_events(superuser, long, days_ago=days_ago)

    assert retire(sweeper).events_retired == 3
    assert ages(superuser, "event", holder) == {DEFAULT_DAYS + 30: 3}
    # The next day, as it were.
    keep(superuser, holder, DEFAULT_DAYS - 1)
    assert retire(sweeper).events_retired == 3
    assert ages(superuser, "event", holder) == {}
    assert ages(superuser, "event", long) == {DEFAULT_DAYS + 30: 3, DEFAULT_DAYS + 31: 3}


def test_single_events_go_in_small_steps_of_which_any_may_be_the_last(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    short, long = own_database.add_tenant("short"), own_database.add_tenant("long")
    keep(superuser, short, 7)
    for days_ago in (8, 9, 10):
        add_events(superuser, short, days_ago=days_ago, count=11)
        add_events(superuser, long, days_ago=days_ago, count=1)
        add_events(superuser, short, days_ago=days_ago, count=2, state="gave_up")

    steps: list[tuple[int, bool]] = []
    while not steps or not steps[-1][1]:
        steps.append(sweeper.retire_events(default_days=DEFAULT_DAYS, at_most=4))

    assert sum(events for events, _ in steps) == 33
    assert max(events for events, _ in steps) <= 4
    assert ages(superuser, "event", short) == {8: 2, 9: 2, 10: 2}


def test_a_duplicate_is_known_after_its_event_was_retired(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    tenant = own_database.add_tenant("one")
    sender = Database(lambda: own_database.url("ingest"), max_uses=1_000)
    reader = Database(lambda: own_database.url("api"), max_uses=1_000)
    store = PostgresEventStore(sender, within_seconds=5)
    [first] = store.accept(tenant, [event("k")], received_at=NOW)
    # It was stored sixty days ago.
    superuser.execute("SELECT tillgate.make_partitions(%s)", ((TODAY - timedelta(days=60)).date(),))
    old = superuser.execute(
        "SELECT tillgate.new_event_id(now() - interval '60 days')::text"
    ).fetchone()
    assert old is not None
    for table in ("delivery", "event", "ingest_key"):
        moved = sql.SQL("UPDATE tillgate.{} SET event_id = %s").format(sql.Identifier(table))
        superuser.execute(moved, old)
    superuser.execute("UPDATE tillgate.ingest_key SET stored_at = now() - interval '60 days'")

    assert retire(sweeper).partitions_dropped == 3

    events = PostgresEventReader(reader, providers=("square",), within_seconds=5)
    assert events.event(tenant, old[0]) is None
    assert events.replay(tenant, old[0]) is False
    [again] = store.accept(tenant, [event("k")], received_at=NOW)
    assert (again.outcome, again.event_id) == (Outcome.DUPLICATE, old[0])
    assert again.received_at == first.received_at
    sender.close()
    reader.close()


def keys_left(superuser: Connection, tenant: TenantId) -> list[int]:
    rows = superuser.execute(
        "SELECT DISTINCT split_part(substr(key, 5), '-', 1)::integer FROM tillgate.ingest_key"
        " WHERE tenant_id = %s ORDER BY 1",
        (tenant,),
    ).fetchall()
    return [days for (days,) in rows]


def test_a_key_outlives_every_event_and_ninety_days_and_then_goes(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    usual, long = own_database.add_tenant("usual"), own_database.add_tenant("long")
    keep(superuser, long, 100)
    for tenant in (usual, long):
        for days_ago in (60, 90, 91, 130, 131, 132):
            add_events(superuser, tenant, days_ago=days_ago)

    report = retire(sweeper)

    assert report.keys_retired == 4 * 3 + 3
    assert keys_left(superuser, usual) == [60, 90]
    assert keys_left(superuser, long) == [60, 90, 91, 130, 131]


def test_keys_are_walked_once_a_week_a_stretch_at_a_time_from_where_the_walk_was(
    own_database: TestDatabase, superuser: Connection
) -> None:
    tenant = own_database.add_tenant("one")
    add_events(superuser, tenant, days_ago=100, count=400)
    with own_database.as_role("sweep") as connection:

        def step() -> tuple[int, bool]:
            row = connection.execute("SELECT tillgate.retire_keys(%s, 1)", (DEFAULT_DAYS,))
            [(answer,)] = row.fetchall()
            return answer["keys"], answer["is_done"]

        steps = [step()]
        while not steps[-1][1]:
            steps.append(step())
        assert len(steps) > 3
        assert sum(keys for keys, _ in steps) == 400
        add_events(superuser, tenant, days_ago=101, count=4)
        assert step() == (0, True)
        superuser.execute("UPDATE tillgate.key_walk SET began_at = now() - interval '8 days'")
        assert sum(step()[0] for _ in steps) == 4


def test_the_walk_reads_its_stretch_alone(own_database: TestDatabase) -> None:
    with own_database.superuser() as superuser, superuser.transaction(force_rollback=True):
        superuser.execute("SET LOCAL ROLE tillgate_owner")
        superuser.execute("SET LOCAL enable_seqscan = off")
        plan = superuser.execute(
            "EXPLAIN DELETE FROM tillgate.ingest_key AS k"
            " WHERE k.ctid >= '(0,0)' AND k.ctid < '(512,0)' AND k.stored_at < now()"
        ).fetchall()
    assert "Tid Range Scan" in str(plan)


def test_the_tables_refuse_what_no_retention_may_delete(
    own_database: TestDatabase, superuser: Connection
) -> None:
    tenant = own_database.add_tenant("one")
    for days_ago in (0, 6, 8, 89, 91):
        add_events(superuser, tenant, days_ago=days_ago, count=1)
    with superuser.transaction():
        superuser.execute("SET LOCAL ROLE tillgate_owner")
        superuser.execute("DELETE FROM tillgate.event")
        superuser.execute("DELETE FROM tillgate.delivery")
        superuser.execute("DELETE FROM tillgate.ingest_key")
    assert ages(superuser, "event", tenant) == ages(superuser, "delivery", tenant) == {0: 1, 6: 1}
    assert keys_left(superuser, tenant) == [0, 6, 8, 89]


def test_a_retention_below_a_week_is_refused(own_database: TestDatabase) -> None:
    with own_database.superuser() as superuser:
        add_events(superuser, own_database.add_tenant("one"), days_ago=40)
    with own_database.as_role("sweep") as connection:
        for statement in (
            "SELECT tillgate.days_over(%s)",
            "SELECT tillgate.retire_events(%s, 10)",
            "SELECT tillgate.retire_keys(%s, 1)",
        ):
            with pytest.raises(psycopg.DataError):
                connection.execute(statement, (6,))


def test_redrives_that_ended_long_ago_go(
    superuser: Connection, sweeper: PostgresRetirement
) -> None:
    superuser.execute(
        "INSERT INTO tillgate.redrive (per_second, state, started_at, ended_at) VALUES"
        " (1, 'done', now() - interval '99 days', now() - interval '91 days'),"
        " (2, 'done', now() - interval '99 days', now() - interval '89 days'),"
        " (3, 'running', now() - interval '99 days', NULL),"
        " (4, 'running', now() - interval '99 days', NULL)"
    )
    superuser.execute(
        "INSERT INTO tillgate.redrive_cancelled SELECT redrive_id, now() - interval '91 days'"
        " FROM tillgate.redrive WHERE per_second = 4"
    )

    assert sweeper.discard_old_redrives() == 2
    left = superuser.execute("SELECT per_second FROM tillgate.redrive ORDER BY 1").fetchall()
    assert left == [(2,), (3,)]
    assert superuser.execute("SELECT count(*) FROM tillgate.redrive_cancelled").fetchone() == (0,)


def test_a_day_is_dropped_in_order_and_only_when_it_is_over(
    own_database: TestDatabase, superuser: Connection, sweeper: PostgresRetirement
) -> None:
    tenant = own_database.add_tenant("one")
    for days_ago in (DEFAULT_DAYS, DEFAULT_DAYS + 1):
        add_events(superuser, tenant, days_ago=days_ago)
    over, kept = ((TODAY - timedelta(days=DEFAULT_DAYS + n)).date() for n in (1, 0))

    def drop(parent: str) -> Dropped:
        return sweeper.drop_partition(parent, over, default_days=DEFAULT_DAYS)

    for parent in PARENTS:
        outcome = sweeper.drop_partition(parent, kept, default_days=DEFAULT_DAYS)
        assert outcome is Dropped.KEPT
    assert [drop("event"), drop("attempt")] == [Dropped.KEPT] * 2
    # Whoever is killed between two of them leaves a day that nobody finds, and that is over.
    assert drop("delivery") is Dropped.DROPPED
    assert drop("delivery") is Dropped.GONE
    assert sweeper.days_over(default_days=DEFAULT_DAYS) == [over]
    assert retire(sweeper).partitions_dropped == 2


def test_the_operator_sets_shows_and_removes_a_tenants_retention(
    own_database: TestDatabase,
) -> None:
    tenant = own_database.add_tenant("one")
    admin = Database(lambda: own_database.url("admin"), max_uses=1_000)
    store = PostgresRetentionStore(admin, within_seconds=5)
    nobody = type(tenant)("00000000-0000-4000-8000-000000000000")

    def shown() -> tuple[int, bool]:
        found = store.retention(tenant, default_days=400)
        assert found is not None
        return found.days, found.is_default

    assert shown() == (400, True)
    assert store.set_retention(tenant, 90)
    assert store.set_retention(tenant, 90)
    assert shown() == (90, False)
    assert store.set_retention(tenant, None)
    assert shown() == (400, True)
    assert not store.set_retention(nobody, 90)
    assert store.retention(nobody, default_days=400) is None
    admin.close()
