"""A vendor's set-up request is noted for whoever awaits it, and for nobody else."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

import psycopg
import pytest

from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.administration import EndpointState, NewApp, NewSource
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.tenant import AppId, SourceId

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.administration import AppRecord, SourceRecord
    from tillgate.domain.tenant import TenantId

    Connect = Callable[[str], Database]

CODE = "ce7643c1-83ea-4218-abe6-da876c9c7a0a"


@pytest.fixture
def store(connect: Connect) -> PostgresAdminStore:
    return PostgresAdminStore(connect("admin"), within_seconds=10)


@pytest.fixture
def ingest(connect: Connect) -> PostgresRegistry:
    return PostgresRegistry(connect("ingest"), within_seconds=10)


def new_source(tenant: TenantId, *, awaits_secret: bool = True) -> NewSource:
    return NewSource(
        source_id=SourceId(str(uuid.uuid4())),
        tenant_id=tenant,
        provider="clover",
        name="till",
        merchant_id="M1",
        app_id=None,
        notification_url="https://events.example.com/hook",
        sealed_secret=b"\x00stand-in",
        awaits_secret=awaits_secret,
    )


@pytest.fixture
def source(store: PostgresAdminStore, tenant: TenantId) -> SourceRecord:
    return store.add_source(new_source(tenant))


@pytest.fixture
def app(store: PostgresAdminStore) -> AppRecord:
    return store.add_app(
        NewApp(
            app_id=AppId(str(uuid.uuid4())),
            provider="clover",
            name="ours",
            notification_url="https://events.example.com/app",
            sealed_secret=b"\x00stand-in",
            awaits_secret=True,
        )
    )


def test_a_source_that_awaits_its_secret_shows_the_newest_code(
    store: PostgresAdminStore, ingest: PostgresRegistry, source: SourceRecord
) -> None:
    assert (source.state, source.verification_code) == (EndpointState.PENDING, None)

    for code in ("first", CODE, CODE):
        ingest.put_handshake("clover", source.source_id, code=code)

    noted = store.source(source.source_id)
    assert noted is not None
    assert noted.handshake_at is not None
    assert noted == replace(source, verification_code=CODE, handshake_at=noted.handshake_at)


def test_a_call_without_a_code_is_noted_by_the_database_s_clock_and_forgets_no_code(
    database: TestDatabase,
    store: PostgresAdminStore,
    ingest: PostgresRegistry,
    source: SourceRecord,
) -> None:
    with database.superuser() as superuser:
        before = clock(superuser)
        ingest.put_handshake("clover", source.source_id, code=None)
        first = store.source(source.source_id)
        ingest.put_handshake("clover", source.source_id, code=CODE)
        ingest.put_handshake("clover", source.source_id, code=None)
        last = store.source(source.source_id)
        after = clock(superuser)

    assert first is not None
    assert last is not None
    assert (first.verification_code, last.verification_code) == (None, CODE)
    assert first.handshake_at is not None
    assert last.handshake_at is not None
    assert before <= first.handshake_at < last.handshake_at <= after
    assert first.handshake_at.tzinfo is UTC


def clock(connection: psycopg.Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def test_setting_the_secret_ends_the_wait_forgets_the_code_and_keeps_when_it_came(
    store: PostgresAdminStore, ingest: PostgresRegistry, source: SourceRecord
) -> None:
    ingest.put_handshake("clover", source.source_id, code=CODE)
    pending = store.source(source.source_id)

    ready = store.set_source_secret(source.source_id, b"\x00auth")
    for code in ("late", None):
        ingest.put_handshake("clover", source.source_id, code=code)

    assert pending is not None
    assert pending.handshake_at is not None
    assert ready is not None
    assert ready.secret_set_at is not None
    assert ready == replace(
        pending,
        state=EndpointState.READY,
        verification_code=None,
        secret_set_at=ready.secret_set_at,
        secret_age_days=0,
    )
    assert store.source(source.source_id) == ready


def test_an_app_s_state_and_handshake_are_its_sources_too(
    store: PostgresAdminStore, ingest: PostgresRegistry, app: AppRecord, tenant: TenantId
) -> None:
    bound = store.add_source(
        replace(
            new_source(tenant, awaits_secret=False),
            app_id=app.app_id,
            notification_url=None,
            sealed_secret=None,
        )
    )
    ingest.put_handshake("clover", app.app_id, code=CODE)

    shown = store.app(app.app_id), store.source(bound.source_id)
    ready = store.set_app_secret(app.app_id, b"\x00auth"), store.source(bound.source_id)

    assert bound.state is EndpointState.PENDING
    assert [(r.state, r.verification_code) for r in shown if r] == [("pending", CODE)] * 2
    assert [(r.state, r.verification_code) for r in ready if r] == [("ready", None)] * 2
    [called_at] = {r.handshake_at for r in (*shown, *ready) if r}
    assert called_at is not None


def test_who_awaits_nothing_is_left_as_it_is(
    store: PostgresAdminStore, ingest: PostgresRegistry, tenant: TenantId, source: SourceRecord
) -> None:
    known = store.add_source(new_source(tenant, awaits_secret=False))

    for code in (CODE, None):
        ingest.put_handshake("clover", known.source_id, code=code)
        ingest.put_handshake("square", source.source_id, code=code)
        ingest.put_handshake("clover", str(uuid.uuid4()), code=code)

    assert known.state is EndpointState.READY
    assert store.source(known.source_id) == known
    assert store.source(source.source_id) == source


@pytest.mark.parametrize("code", ["", "a" * 65, "<b>", "a b", "a\n", "é"])
def test_what_is_no_code_is_refused(
    store: PostgresAdminStore, ingest: PostgresRegistry, source: SourceRecord, code: str
) -> None:
    with pytest.raises(StoreUnavailableError):
        ingest.put_handshake("clover", source.source_id, code=code)
    assert store.source(source.source_id) == source


def test_the_version_before_ends_the_wait_too(
    database: TestDatabase, store: PostgresAdminStore, source: SourceRecord
) -> None:
    with database.as_role("admin") as admin:
        admin.execute(
            "UPDATE tillgate.source SET sealed_secret = '\\x01' WHERE source_id = %s",
            (source.source_id,),
        )

    found = store.source(source.source_id)
    assert found is not None
    assert (found.state, found.secret_age_days) == (EndpointState.READY, 0)


@pytest.mark.parametrize(
    "column", ["awaits_secret = true", "verification_code = 'x'", "handshake_at = now()"]
)
def test_neither_ingest_nor_the_operator_s_role_writes_a_code_by_itself(
    database: TestDatabase, source: SourceRecord, column: str
) -> None:
    for role in ("ingest", "admin"):
        with (
            database.as_role(role) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(
                psycopg.sql.SQL("UPDATE tillgate.source SET {} WHERE source_id = %s").format(
                    psycopg.sql.SQL(column)
                ),
                (source.source_id,),
            )


def test_a_server_that_is_not_there_keeps_no_code() -> None:
    with closing(Database(lambda: "postgresql://127.0.0.1:1/none", max_uses=1)) as gone:
        registry = PostgresRegistry(gone, within_seconds=2)

        with pytest.raises(StoreUnavailableError):
            registry.put_handshake("clover", str(uuid.uuid4()), code=CODE)
