"""The audit trail is added to and read; nobody rewrites it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from tests.integration.deliveries import DeliveryStand
from tests.integration.privileges import ALLOWED_ON_TABLES
from tests.integration.testdatabase import ROLES
from tillgate.adapters.postgres.audit import PostgresAuditLog
from tillgate.domain.audit import (
    KEPT_YEARS,
    Acting,
    Action,
    Actor,
    ActorKind,
    AuditEntry,
    AuditFilter,
    Deed,
    Target,
)
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.domain.audit import Detail

REWRITING: list[LiteralString] = [
    "UPDATE {} SET rid = 'x'",
    "UPDATE {} SET rid = 'x' WHERE false",
    "DELETE FROM {}",
    "DELETE FROM {} WHERE false",
    "TRUNCATE {}",
]
ALL = AuditFilter()
ALICE = Acting(
    actor=Actor(kind=ActorKind.OPERATOR, id="sha256:aaaaaaaa", claimed_name="alice"),
    rid="rid-alice",
    source_address="192.0.2.1",
)
BOB = Acting(actor=Actor(kind=ActorKind.OPERATOR, id="sha256:bbbbbbbb", claimed_name="bob"))


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


def log_of(stand: DeliveryStand, acting: Acting = ALICE) -> PostgresAuditLog:
    database = stand.connect("admin")
    database.acting = acting
    return PostgresAuditLog(database, within_seconds=10)


def some_id() -> TenantId:
    return TenantId(str(uuid.uuid4()))


def partitions(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'tillgate.audit_entry'::regclass ORDER BY 1"
    )
    return [name for (name,) in rows]


def assert_is_refused(connection: Connection, tables: list[str]) -> None:
    for table in tables:
        for statement in REWRITING:
            query = sql.SQL(statement).format(sql.Identifier(*table.split(".")))
            with pytest.raises(InsufficientPrivilege):
                connection.execute(query)


def test_entry_says_who_what_whose_and_from_where(stand: DeliveryStand) -> None:
    log, tenant, before = log_of(stand), some_id(), datetime.now(UTC)
    details: dict[str, Detail] = {
        "count": 3,
        "by_ids": True,
        "hint": "tg_live_abcd",
        "minutes": None,
    }

    log.record(
        Deed(Action.TOKEN_REVOKED, tenant_id=tenant, target=("token", "t-1"), details=details)
    )

    [entry] = log.entries(ALL, limit=10, before=None)
    assert before - timedelta(seconds=5) < entry.at < datetime.now(UTC) + timedelta(seconds=5)
    assert entry == AuditEntry(
        entry_id=entry.entry_id, at=entry.at, actor=ALICE.actor, action="token.revoked",
        tenant_id=tenant, target=Target(kind="token", id="t-1"), rid="rid-alice",
        source_address="192.0.2.1", details=details,
    )  # fmt: skip
    # Not the writer's word: which role wrote it, in which transaction.
    assert stand.value("SELECT database_role FROM tillgate.audit_entry") == "tillgate_admin"


def test_where_nobody_asked_it_was_tillgate_itself(stand: DeliveryStand) -> None:
    log = PostgresAuditLog(stand.connect("admin"), within_seconds=10)

    log.record(Deed(Action.TENANT_CREATED))

    [entry] = log.entries(ALL, limit=1, before=None)
    assert (entry.actor.kind, entry.actor.claimed_name, entry.rid) == ("system", None, "")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_rewrites_or_reads_an_entry_or_writes_one_by_hand(
    database: TestDatabase, role: str
) -> None:
    with database.superuser() as superuser:
        tables = ["tillgate.audit_entry", *partitions(superuser)]
    assert len(tables) >= 3
    with database.as_role(role) as connection:
        assert_is_refused(connection, tables)
        for table in tables:
            name = sql.Identifier(*table.split("."))
            for statement in ("SELECT FROM {}", "INSERT INTO {} DEFAULT VALUES"):
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(sql.SQL(statement).format(name))


@pytest.mark.parametrize("who", ["owner", "superuser", "superuser as a replica"])
def test_owner_and_superuser_are_refused_too_unless_they_take_the_trigger_off(
    stand: DeliveryStand, who: str
) -> None:
    log = log_of(stand)
    log.record(Deed(Action.TENANT_CREATED))
    tables = ["tillgate.audit_entry", *partitions(stand.superuser)]
    url = stand.database.owner_url if who == "owner" else stand.database.superuser_url
    with psycopg.connect(url, autocommit=True) as connection:
        if who == "owner":
            connection.execute("SET ROLE tillgate_owner")
        if who == "superuser as a replica":
            connection.execute("SET session_replication_role = replica")
        assert_is_refused(connection, tables)

    assert len(log.entries(ALL, limit=10, before=None)) == 1


def test_change_of_the_registry_that_nobody_explained_is_noted_by_the_database(
    stand: DeliveryStand,
) -> None:
    tenant = stand.tenant()
    statements: list[LiteralString] = [
        "UPDATE tillgate.tenant SET state = 'suspended' WHERE tenant_id = %s",
        "INSERT INTO tillgate.redrive (tenant_id, per_second) VALUES (%s, 1)",
        "DELETE FROM tillgate.destination WHERE tenant_id = %s",
    ]

    for statement in statements:
        with stand.admin.transaction():
            stand.admin.execute(statement, (tenant,))
        # What is undone leaves none.
        with stand.admin.transaction(force_rollback=True):
            stand.admin.execute("UPDATE tillgate.tenant SET state = 'active'")

    entries = log_of(stand).entries(ALL, limit=10, before=None)[::-1]
    assert [entry.target.kind for entry in entries if entry.target] == [
        "tenant", "redrive", "destination",
    ]  # fmt: skip
    assert {entry.action for entry in entries} == {"registry.changed"}
    assert {entry.tenant_id for entry in entries} == {tenant}
    assert {(entry.actor.kind, entry.actor.id) for entry in entries} == {
        (ActorKind.SYSTEM, "tillgate_admin")
    }


def test_every_table_that_the_operator_changes_by_itself_is_watched_for_that(
    database: TestDatabase,
) -> None:
    with database.superuser() as superuser:
        watched = superuser.execute(
            "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'note_unsaid'"
        ).fetchall()

    changed = {
        f"tillgate.{one.table}"
        for one in ALLOWED_ON_TABLES
        if one.role == "admin" and one.command != "SELECT"
    }
    # What a breaker has counted goes with its destination.
    assert changed == {"tillgate.destination_breaker", *(name for (name,) in watched)}


def test_list_goes_on_where_its_page_ended_and_keeps_to_its_filters(stand: DeliveryStand) -> None:
    alice, bob = log_of(stand), log_of(stand, BOB)
    mine, other = some_id(), some_id()
    for n in range(6):
        deed = Deed(
            (Action.TENANT_SUSPENDED, Action.TENANT_RESUMED)[n % 2],
            tenant_id=mine if n < 4 else other,
        )
        (alice, bob)[n % 3 == 0].record(deed)
    newest = alice.entries(ALL, limit=10, before=None)

    def found(before: str | None = None, **chosen: object) -> list[int]:
        entries = alice.entries(AuditFilter(**chosen), limit=10, before=before)  # type: ignore[arg-type]  # By name.
        return [5 - newest.index(one) for one in entries]

    pages = [newest[:2], alice.entries(ALL, limit=2, before=newest[1].entry_id)]
    assert [*pages[0], *pages[1]] == newest[:4]
    assert found() == [5, 4, 3, 2, 1, 0]
    assert found(before=newest[3].entry_id) == [1, 0]
    assert found(tenant_id=mine) == [3, 2, 1, 0]
    assert found(action=Action.TENANT_RESUMED) == [5, 3, 1]
    assert found(actor="bob") == found(actor="sha256:bbbbbbbb") == [3, 0]
    assert found(actor="bob", tenant_id=mine, action=Action.TENANT_RESUMED) == [3]
    assert found(actor="carol") == []
    assert found(since=newest[2].at) == [5, 4, 3]
    assert found(until=newest[2].at) == [2, 1, 0]
    assert found(since=newest[4].at, until=newest[1].at, actor="alice") == [2, 1]
    assert found(since=datetime(1, 1, 1, tzinfo=UTC)) == [5, 4, 3, 2, 1, 0]
    assert found(until=datetime(1, 1, 1, tzinfo=UTC)) == []
    assert found(since=datetime(9999, 12, 31, tzinfo=UTC)) == []


def test_year_is_made_ahead_once_with_all_that_protects_it(stand: DeliveryStand) -> None:
    made = "SELECT tillgate.make_audit_partition(%s)"
    with stand.database.as_role("sweep") as sweep:
        answers = [
            sweep.execute(made, (day,)).fetchone()
            for day in ("2031-12-31", "2031-01-01", "2032-01-01")
        ]

    assert answers == [(True,), (False,), (True,)]
    assert_is_refused(stand.superuser, ["tillgate.audit_entry_2031"])
    stand.superuser.execute(
        "INSERT INTO tillgate.audit_entry (entry_id, at, actor_kind, actor_id, action, rid,"
        " source_address, details) SELECT tillgate.new_event_id(t.at), t.at, 'system', 'x',"
        " 'tenant.created', '', '', '{}' FROM (VALUES"
        " ('2031-01-01 00:00:00Z'::timestamptz), ('2031-12-31 23:59:59.999Z'::timestamptz)"
        ") AS t (at)"
    )
    assert stand.value("SELECT count(*) FROM tillgate.audit_entry_2031") == 2


def test_only_years_that_are_over_seven_whole_years_old_are_dropped_and_that_is_noted(
    stand: DeliveryStand,
) -> None:
    log = log_of(stand)
    year = stand.value("SELECT extract(YEAR FROM now() AT TIME ZONE 'UTC')::integer")
    old, kept = year - KEPT_YEARS - 1, year - KEPT_YEARS
    for one in (old, kept):
        stand.superuser.execute("SELECT tillgate.make_audit_partition(make_date(%s, 1, 1))", (one,))

    with stand.database.as_role("sweep") as sweep:
        drop = "SELECT tillgate.drop_old_audit()"
        dropped = [sweep.execute(drop).fetchone() for _ in range(2)]

    assert dropped == [(1,), (0,)]
    names = partitions(stand.superuser)
    assert f"tillgate.audit_entry_{kept}" in names
    assert f"tillgate.audit_entry_{old}" not in names
    [entry] = log.entries(ALL, limit=10, before=None)
    assert (entry.action, entry.target) == ("audit.dropped", Target(kind="year", id=str(old)))


MANY: LiteralString = """
    INSERT INTO tillgate.audit_entry (
        entry_id, at, actor_kind, actor_id, claimed_name, action, tenant_id, rid, source_address,
        details
    )
    SELECT tillgate.new_event_id(t.at), t.at, 'operator', 'sha256:aaaaaaaa', 'op' || n %% 20,
        CASE WHEN n %% 100000 = 0 THEN 'audit.dropped' ELSE 'event.payload_read' END,
        ('00000000-0000-4000-8000-' || lpad((n %% 1000)::text, 12, '0'))::uuid, 'rid', '', '{}'
    FROM generate_series(1, 1000000) AS n,
        LATERAL (SELECT date_trunc('year', now()) + n * interval '20 seconds' AS at) AS t
"""


@pytest.mark.proof
def test_a_million_entries_are_listed_within_milliseconds(stand: DeliveryStand) -> None:
    stand.superuser.execute(MANY.replace("%%", "%").encode())
    stand.superuser.execute("ANALYZE tillgate.audit_entry")
    log = log_of(stand)
    tenant = TenantId("00000000-0000-4000-8000-000000000007")
    middle = datetime.now(UTC).replace(month=4, day=1)

    took = {}
    for chosen in (
        ALL,
        AuditFilter(tenant_id=tenant),
        AuditFilter(tenant_id=some_id()),
        AuditFilter(tenant_id=tenant, since=middle, until=middle + timedelta(days=30)),
        AuditFilter(action=Action.AUDIT_DROPPED),
        AuditFilter(actor="op7"),
        AuditFilter(actor="sha256:aaaaaaaa", tenant_id=tenant),
        AuditFilter(actor="nobody"),
        AuditFilter(since=middle),
    ):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            log.entries(chosen, limit=51, before=None)
            times.append(time.perf_counter() - started)
        took[str(chosen)] = round(sorted(times)[2] * 1000, 2)

    assert max(took.values()) < 20, took
