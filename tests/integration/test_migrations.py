"""Bringing a database up to date: once, in order, whole, and one at a time."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.polling import until
from tests.integration.testdatabase import ROLES, role_secrets, run_migrations
from tillgate.adapters.migration_files import latest_number, shipped_migrations
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.probe import PostgresProbe
from tillgate.domain.migration import Migration, MigrationError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.testdatabase import Connection, TestDatabase

SHIPPED = shipped_migrations()
NEXT = len(SHIPPED) + 1


def next_migration(sql: str, *, number: int = NEXT) -> Migration:
    text = sql.encode()
    return Migration(number, f"{number:04}_next.sql", text, hashlib.sha256(text).hexdigest())


def applied(superuser: Connection) -> list[int]:
    rows = superuser.execute("SELECT number FROM tillgate.schema_migration ORDER BY number")
    return [number for (number,) in rows]


def is_there(superuser: Connection, table: str) -> bool:
    return superuser.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)


def test_a_fresh_database_gets_every_migration_and_a_second_run_none(
    empty_database: TestDatabase,
) -> None:
    first = run_migrations(empty_database, SHIPPED)
    with empty_database.superuser() as superuser:
        before = superuser.execute("SELECT * FROM tillgate.schema_migration").fetchall()
        second = run_migrations(empty_database, SHIPPED)
        after = superuser.execute("SELECT * FROM tillgate.schema_migration").fetchall()
    assert first.applied == tuple(range(1, NEXT))
    assert first.current == second.current == latest_number()
    assert second.applied == ()
    assert after == before


def test_whoever_migrates_is_no_superuser(empty_database: TestDatabase) -> None:
    run_migrations(empty_database, SHIPPED)
    with psycopg.connect(empty_database.owner_url) as owner:
        powers = owner.execute(
            "SELECT rolsuper, rolbypassrls, rolreplication, rolcreatedb, rolcreaterole"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert powers == (False, False, False, False, True)


def test_an_edited_migration_is_refused_by_name(empty_database: TestDatabase) -> None:
    run_migrations(empty_database, SHIPPED)
    edited = next_migration(SHIPPED[1].sql.decode() + "-- edited", number=2)
    with pytest.raises(MigrationError, match=r"0002_next\.sql was edited"):
        run_migrations(empty_database, [SHIPPED[0], edited, *SHIPPED[2:]])


def test_a_gap_in_the_numbers_is_refused_before_anything_is_done(
    empty_database: TestDatabase, tmp_path: Path
) -> None:
    for migration in [*SHIPPED[:2], *SHIPPED[3:]]:
        (tmp_path / migration.name).write_bytes(migration.sql)
    with pytest.raises(MigrationError, match="should have number 0003"):
        run_migrations(empty_database, shipped_migrations(tmp_path))
    with empty_database.superuser() as superuser:
        assert not is_there(superuser, "tillgate.schema_migration")


def test_two_files_of_one_number_are_refused(empty_database: TestDatabase, tmp_path: Path) -> None:
    for migration in SHIPPED:
        (tmp_path / migration.name).write_bytes(migration.sql)
    (tmp_path / "0002_zzz.sql").write_bytes(b"SELECT 1")
    with pytest.raises(MigrationError, match=r"0002_zzz\.sql should have number 0003"):
        run_migrations(empty_database, shipped_migrations(tmp_path))


def test_a_newer_versions_schema_is_left_as_it_is(empty_database: TestDatabase) -> None:
    newer = next_migration("CREATE TABLE tillgate.newer (n int)")
    run_migrations(empty_database, [*SHIPPED, newer])
    report = run_migrations(empty_database, SHIPPED)
    assert report.applied == ()
    assert report.current == NEXT


def test_two_migrates_at_once_do_it_once(empty_database: TestDatabase) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda _: run_migrations(empty_database, SHIPPED), range(2))
    assert sorted([one.applied, other.applied]) == [(), tuple(range(1, NEXT))]
    with empty_database.superuser() as superuser:
        assert applied(superuser) == list(range(1, NEXT))


@pytest.mark.parametrize(
    "failing",
    [
        "CREATE TABLE tillgate.half (n int); SELECT 1 / 0;",
        "CREATE TABLE tillgate.half (n int); INSERT INTO tillgate.half VALUES ('not a number')",
        "CREATE TABLE tillgate.half (n int); this is not sql",
        "SET LOCAL ROLE tillgate_owner; CREATE TABLE tillgate.half (n int); DROP TABLE none.such",
    ],
)
def test_a_migration_that_fails_leaves_nothing_half_done(
    empty_database: TestDatabase, failing: str
) -> None:
    after = next_migration("CREATE TABLE tillgate.after (n int)", number=NEXT + 1)
    with pytest.raises(MigrationError, match=r"_next\.sql failed with SQLSTATE \w{5}"):
        run_migrations(empty_database, [*SHIPPED, next_migration(failing), after])
    with empty_database.superuser() as superuser:
        assert not is_there(superuser, "tillgate.half")
        assert not is_there(superuser, "tillgate.after")
        assert applied(superuser) == list(range(1, NEXT))
    mended = next_migration("CREATE TABLE tillgate.half (n int)")
    assert run_migrations(empty_database, [*SHIPPED, mended]).applied == (NEXT,)


def test_every_roles_secret_is_completed_with_a_url_that_lets_it_in(
    empty_database: TestDatabase,
) -> None:
    secrets = role_secrets()
    odd = "pÄß /@:?#%&='\"\\ 0"
    secrets.write("api", json.dumps({"username": "tillgate_api", "password": odd, "kept": 1}))
    try:
        run_migrations(empty_database, SHIPPED, secrets=secrets)
        for role in ROLES:
            secret = json.loads(secrets.read(role))
            with psycopg.connect(secret["url"]) as connection:
                row = connection.execute("SELECT current_user, current_database()").fetchone()
            assert row == (f"tillgate_{role}", psycopg.conninfo.conninfo_to_dict(
                empty_database.owner_url)["dbname"])  # fmt: skip
        assert json.loads(secrets.read("api"))["kept"] == 1
    finally:  # Roles are the whole server's: other tests log in with the usual password.
        run_migrations(empty_database, SHIPPED)


def test_a_second_run_writes_no_secret_again(empty_database: TestDatabase) -> None:
    secrets = role_secrets()
    run_migrations(empty_database, SHIPPED, secrets=secrets)
    before = dict(secrets.secrets)
    secrets.write = lambda *_: pytest.fail("written again")  # type: ignore[method-assign]  # To see it.
    run_migrations(empty_database, SHIPPED, secrets=secrets)
    assert secrets.secrets == before


def test_no_password_reaches_the_servers_log(empty_database: TestDatabase) -> None:
    with empty_database.superuser() as superuser:
        superuser.execute("ALTER ROLE deployer SET log_statement = 'all'")  # A superuser's to set.
        run_migrations(empty_database, SHIPPED)
        superuser.execute("ALTER ROLE deployer RESET log_statement")
    log = empty_database.server.log_path.read_text()
    assert 'ALTER ROLE "tillgate_ingest" PASSWORD' in log
    assert "pw-ingest" not in log


def test_a_migration_waits_out_a_long_reader_without_stopping_others_for_long(
    empty_database: TestDatabase,
) -> None:
    run_migrations(empty_database, SHIPPED)
    altering = next_migration("ALTER TABLE tillgate.tenant ADD COLUMN note text")
    log = empty_database.server.log_path
    before = log.stat().st_size

    def lock_timeouts() -> int:
        return log.read_bytes()[before:].count(b"canceling statement due to lock timeout")

    with empty_database.superuser() as reader, ThreadPoolExecutor(1) as thread:
        with reader.transaction():
            reader.execute("SELECT count(*) FROM tillgate.tenant")
            migrating = thread.submit(run_migrations, empty_database, [*SHIPPED, altering])
            until(lambda: lock_timeouts() >= 2, what="two tries timed out")
            assert not migrating.done()
        assert migrating.result(30).applied == (NEXT,)


def test_a_lock_that_is_never_given_ends_with_the_migrations_name(
    empty_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tillgate.adapters.postgres.schema._LOCK_TIMEOUTS", 2)
    run_migrations(empty_database, SHIPPED)
    altering = next_migration("ALTER TABLE tillgate.tenant ADD COLUMN note text")
    with empty_database.superuser() as reader:
        with reader.transaction():
            reader.execute("SELECT count(*) FROM tillgate.tenant")
            with pytest.raises(MigrationError, match=r"_next\.sql got no lock"):
                run_migrations(empty_database, [*SHIPPED, altering])
        assert applied(reader) == list(range(1, NEXT))


def test_the_probe_says_how_far_the_schema_is_from_nothing_on(
    empty_database: TestDatabase,
) -> None:
    probed = Database(lambda: empty_database.url("health"), max_uses=100)
    probe = PostgresProbe(probed)
    run_migrations(empty_database, SHIPPED)
    assert probe.current_migration(within_seconds=5) == latest_number()
    with empty_database.superuser() as superuser:
        superuser.execute("DROP SCHEMA tillgate CASCADE")
    assert probe.current_migration(within_seconds=5) == 0
    probed.close()
