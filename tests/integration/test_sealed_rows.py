"""Sealed columns as the rotate role sees them: all of them, found by key, swapped if unchanged."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.sealed_rows import PostgresSealedRows, PostgresSecretNotes
from tillgate.adapters.postgres.watch_store import PostgresWatchStore
from tillgate.domain.rotation import PlatformSecret, SecretNote
from tillgate.domain.sealed import LEFT_ALONE, RESEALED, Resealed
from tillgate.services.reseal import Reseal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.sealed import SealedColumn

    Connect = Callable[[str], Database]

COLUMNS = {column.name: column for column in RESEALED}


class Stand:
    """A row in every sealed column, under an old key that no other test's rows name."""

    def __init__(self, database: TestDatabase, connect: Connect) -> None:
        self.database = database
        mark = uuid.uuid4().hex
        self.old, self.new = f"k1{mark}", f"k2{mark}"
        self.ring = {self.old: "one", self.new: "two"}
        self.rows = PostgresSealedRows(connect("rotate"), within_seconds=10)
        self.box = KeyRingSecretBox(lambda: json.dumps(self.ring))
        self.tenant = database.add_tenant(f"t-{mark}")
        self.app, self.source, self.item = (str(uuid.uuid4()) for _ in range(3))
        self.keys = {"app": self.app, "source": self.source, "destination": self.tenant}
        self.add()

    def sealed(self, column: SealedColumn, plain: bytes, *, kid: str) -> bytes:
        box = KeyRingSecretBox(lambda: json.dumps({kid: self.ring[kid]}))
        tenant_id = None if column.tenant is None else str(self.tenant)
        return box.seal(plain, context=column.context(self.keys[column.table], tenant_id))

    def add(self) -> None:
        old = {name: self.sealed(c, b"secret", kid=self.old) for name, c in COLUMNS.items()}
        with self.database.superuser() as superuser:
            superuser.execute(
                "INSERT INTO tillgate.app (app_id, provider, name, notification_url, sealed_secret,"
                " awaits_secret, verification_code, previous_sealed_secret, previous_since,"
                " previous_overlap_until, previous_until)"
                " VALUES (%s, 'adyen', 'app', 'https://x.example', %s, true, 'CODE', %s, now(),"
                " now() + interval '1 day', now() + interval '1 day')",
                (self.app, old["app.sealed_secret"], old["app.previous_sealed_secret"]),
            )
            superuser.execute(
                "INSERT INTO tillgate.source (source_id, tenant_id, provider, name,"
                " notification_url, sealed_secret, sealed_credential, api_url, credential_set_at,"
                " previous_sealed_secret, previous_since, previous_overlap_until, previous_until)"
                " VALUES (%s, %s, 'clover', 'till', 'https://x.example', %s, %s, 'x', now(), %s,"
                " now(), now() + interval '1 day', now() + interval '1 day')",
                (
                    self.source,
                    self.tenant,
                    old["source.sealed_secret"],
                    old["source.sealed_credential"],
                    old["source.previous_sealed_secret"],
                ),
            )
            superuser.execute(
                "INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)"
                " VALUES (%s, 'supabase', 'https://x.supabase.co', %s)",
                (self.tenant, old["destination.sealed_secret"]),
            )
            superuser.execute(
                "INSERT INTO tillgate.quarantine (quarantine_id, provider, reason, rid,"
                " received_at, expires_at, sealed_content)"
                " VALUES (%s, 'p', 'r', 'rid', now(), now() + interval '30 days', %s)",
                (self.item, old["app.sealed_secret"]),
            )

    def reseal(self) -> int:
        return Reseal(self.rows, self.box, is_out_of_time=lambda: False, at_once=1).run().resealed

    def one(self, query: str, *params: object) -> tuple[Any, ...]:
        with self.database.superuser() as superuser:
            row = superuser.execute(query.encode(), params).fetchone()
        assert row is not None
        return row

    def held(self, column: SealedColumn) -> bytes:
        query = sql.SQL("SELECT {} FROM tillgate.{} WHERE {} = %s").format(
            *(sql.Identifier(name) for name in (column.column, column.table, column.key))
        )
        return bytes(self.one(query.as_string(), self.keys[column.table])[0])

    def opened(self, column: SealedColumn) -> bytes:
        tenant_id = None if column.tenant is None else str(self.tenant)
        context = column.context(self.keys[column.table], tenant_id)
        return self.box.open(self.held(column), context=context)


@pytest.fixture
def stand(database: TestDatabase, connect: Connect) -> Stand:
    return Stand(database, connect)


def test_every_sealed_column_that_there_is_is_sealed_anew_or_left_alone_on_purpose(
    database: TestDatabase,
) -> None:
    with database.superuser() as superuser:
        found = superuser.execute(
            "SELECT c.relname || '.' || a.attname FROM pg_attribute AS a"
            " JOIN pg_class AS c ON c.oid = a.attrelid"
            " WHERE c.relnamespace = 'tillgate'::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND NOT a.attisdropped"
            " AND a.atttypid = 'bytea'::regtype AND a.attname LIKE '%%seal%%'"
        ).fetchall()
    assert sorted(name for (name,) in found) == sorted([*COLUMNS, *LEFT_ALONE])


def test_what_names_a_key_is_counted_in_every_column_for_both_who_ask(
    stand: Stand, connect: Connect
) -> None:
    for role in ("rotate", "admin"):
        named = PostgresSealedRows(connect(role), within_seconds=10).named()

        assert named[stand.old] == dict.fromkeys([*COLUMNS, *LEFT_ALONE], 1)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_is_sealed_anew_and_opens_in_its_place(stand: Stand, name: str) -> None:
    column = COLUMNS[name]
    assert stand.held(column)[2:34].decode().startswith("k1")

    stand.reseal()

    assert stand.held(column)[2 : 2 + len(stand.new)] == stand.new.encode()
    assert stand.opened(column) == b"secret"


def test_a_second_run_finds_nothing_and_quarantine_is_left_alone(stand: Stand) -> None:
    assert stand.reseal() == len(RESEALED)
    assert stand.reseal() == 0
    assert stand.rows.named()[stand.old] == {"quarantine.sealed_content": 1}


def test_the_same_secret_under_another_key_is_no_other_secret(stand: Stand) -> None:
    query = (
        "SELECT a.secret_set_at, a.awaits_secret, a.verification_code, s.secret_set_at,"
        " s.credential_set_at, d.set_at FROM tillgate.app AS a, tillgate.source AS s"
        " JOIN tillgate.destination AS d USING (tenant_id)"
        " WHERE a.app_id = %s AND s.source_id = %s"
    )
    before = stand.one(query, stand.app, stand.source)
    assert before[1:3] == (True, "CODE")

    stand.reseal()

    assert stand.one(query, stand.app, stand.source) == before
    with stand.database.as_role("admin") as admin:
        admin.execute(
            "UPDATE tillgate.app SET sealed_secret = '\\x00' WHERE app_id = %s", (stand.app,)
        )
        admin.execute(
            "UPDATE tillgate.source SET sealed_secret = '\\x00' WHERE source_id = %s",
            (stand.source,),
        )
    after = stand.one(query, stand.app, stand.source)
    assert after[0] > before[0]
    assert after[1:3] == (False, None)
    assert after[3] > before[3]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_secret_that_is_set_between_the_look_and_the_swap_stays(stand: Stand, name: str) -> None:
    column = COLUMNS[name]
    [row] = stand.rows.page(column, kid=stand.old, after=None, limit=10)
    other = stand.sealed(column, b"set meanwhile", kid=stand.old)
    statement = sql.SQL("UPDATE tillgate.{} SET {} = %s WHERE {} = %s").format(
        *(sql.Identifier(name) for name in (column.table, column.column, column.key))
    )
    with stand.database.superuser() as superuser:
        superuser.execute(statement, (other, row.key))
    anew = stand.sealed(column, b"secret", kid=stand.new)

    assert stand.rows.swap(column, [Resealed(row.key, row.sealed, anew)]) == 0
    assert stand.opened(column) == b"set meanwhile"
    stand.reseal()
    assert stand.opened(column) == b"set meanwhile"


def test_pages_go_on_after_the_last_key(stand: Stand) -> None:
    column = COLUMNS["app.sealed_secret"]
    [row] = stand.rows.page(column, kid=stand.old, after=None, limit=1)

    assert (row.key, row.tenant_id) == (stand.app, None)
    assert stand.rows.page(column, kid=stand.old, after=row.key, limit=1) == []


@pytest.mark.parametrize("name", [*COLUMNS, *LEFT_ALONE])
def test_what_a_key_sealed_is_found_by_an_index(database: TestDatabase, name: str) -> None:
    table, _, column = name.partition(".")
    query = sql.SQL("EXPLAIN SELECT FROM tillgate.{} WHERE tillgate.sealed_kid({}) = 'k1'").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    with database.superuser() as superuser:
        superuser.execute("SET enable_seqscan = off")
        plan = " ".join(line for (line,) in superuser.execute(query))
    assert "_kid" in plan
    assert "Index Cond" in plan


def test_a_name_is_read_out_of_what_a_box_sealed(database: TestDatabase) -> None:
    sealed = KeyRingSecretBox(lambda: '{"k2-2026-11-23": "x"}').seal(b"x", context="c")
    with database.superuser() as superuser:
        names = superuser.execute(
            "SELECT tillgate.sealed_kid(b) FROM unnest(%s::bytea[]) AS b",
            ([sealed, b"", b"\x01", b"\x02\x01k", b"\x01\x02k", b"\x01\xffk", None],),
        ).fetchall()
    assert [name for (name,) in names] == ["k2-2026-11-23", "", "", "", "k", "k", None]


def test_the_age_of_the_oldest_is_in_whole_days_and_the_watcher_s(
    database: TestDatabase, connect: Connect
) -> None:
    notes = PostgresSecretNotes(connect("rotate"), within_seconds=10)
    made_at = datetime.now(UTC) - timedelta(days=900, hours=23)
    young = made_at + timedelta(days=899)
    notes.note([SecretNote(name, young, young) for name in PlatformSecret])
    notes.note([SecretNote(PlatformSecret.METRICS, made_at, made_at)])

    measured = PostgresWatchStore(connect("watch"), within_seconds=10).measure()

    assert measured.secret_age_seconds == 900 * 86_400
    with database.superuser() as superuser:
        superuser.execute("DELETE FROM tillgate.platform_secret")
    again = PostgresWatchStore(connect("watch"), within_seconds=10).measure()
    assert again.secret_age_seconds is None or again.secret_age_seconds < 86_400
