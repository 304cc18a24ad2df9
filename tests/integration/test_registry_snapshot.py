"""The registry as sweep seals it, read as a cold sandbox reads it: the same senders."""

from __future__ import annotations

import json
import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.fakes import InMemoryObjects
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.administration import NewApp, NewSource
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.registry_snapshot import SNAPSHOT_KEY, snapshot_from_text, snapshot_text
from tillgate.domain.tenant import AppId, SourceId, TenantId, TenantState, token_digest
from tillgate.services.snapshot_keeper import SnapshotKeeper
from tillgate.services.snapshot_registry import SnapshotRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.testdatabase import TestDatabase

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MERCHANTS = ["M1", 'O\'Brien "& Söhne"', "\\u0041\\", "☕\u200d🧑🏽‍🍳", "{'a': $$1$$}", "\u2028\t"]
URL = "https://events.example.com/v1/hooks/square/x?q=\"'é☕"


class Registered:
    """A database of the test's own, as operator, ingest and sweep see it."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = database
        self._made = [
            Database(partial(database.url, role), max_uses=1_000_000)
            for role in ("admin", "ingest", "sweep")
        ]
        admin, ingest, sweep = self._made
        self.store = PostgresAdminStore(admin, within_seconds=10)
        self.registry = PostgresRegistry(ingest, within_seconds=10)
        self.objects = InMemoryObjects()
        self.box = KeyRingSecretBox(lambda: json.dumps({"k1": "made up"}))
        self.sweep = PostgresRegistry(sweep, within_seconds=10)
        self.keeper = SnapshotKeeper(self.sweep, self.objects, self.box)

    def close(self) -> None:
        for connection in self._made:
            connection.close()

    def snapshot(self, *, at: datetime = NOW) -> SnapshotRegistry:
        """Give what a cold sandbox goes by."""
        return SnapshotRegistry(self.objects, self.box, now=lambda: at)

    def add_tenant(self, *tokens: str) -> TenantId:
        name = "Robert'); DROP TABLE tillgate.tenant; -- ☕"
        made = self.store.add_tenant(slug=f"t-{uuid.uuid4()}", name=name)
        for token in tokens:
            self.store.add_token(
                made.tenant_id, name='"till" é', digest=token_digest(token), hint="tg_live_x"
            )
        return made.tenant_id

    def add_app(self) -> AppId:
        app_id = AppId(str(uuid.uuid4()))
        self.store.add_app(
            NewApp(
                app_id=app_id,
                provider="square",
                name="ours",
                notification_url=URL,
                sealed_secret=b"\x00\xff\n'app",
            )
        )
        return app_id

    def add_source(
        self, tenant_id: TenantId, *, merchant_id: str | None = None, app_id: AppId | None = None
    ) -> SourceId:
        source_id = SourceId(str(uuid.uuid4()))
        self.store.add_source(
            NewSource(
                source_id=source_id,
                tenant_id=tenant_id,
                provider="square",
                name="till",
                merchant_id=merchant_id,
                app_id=app_id,
                notification_url=None if app_id else URL,
                sealed_secret=None if app_id else bytes(range(256)),
            )
        )
        return source_id


@pytest.fixture
def registered(own_database: TestDatabase) -> Iterator[Registered]:
    with closing(Registered(own_database)) as made:
        yield made


def test_an_empty_registry_is_a_snapshot_that_knows_nobody(registered: Registered) -> None:
    assert registered.keeper.run(NOW)

    made = snapshot_from_text(snapshot_text(registered.sweep.registry_snapshot(), taken_at=NOW))
    assert (made.tokens, made.endpoints, made.bound_sources) == ({}, {}, {})
    assert made.taken_at == NOW
    with pytest.raises(StoreUnavailableError):
        registered.snapshot().find_token(token_digest("x"))


def test_tokens_are_those_that_the_database_knows(registered: Registered) -> None:
    one = registered.add_tenant("one-a", "one-b", "revoked")
    idle = registered.add_tenant("idle")
    [revoked] = [t for t in registered.store.tokens(one) if t.token_id][-1:]
    tokens = {token_digest(name) for name in ("one-a", "one-b", "revoked")}
    registered.store.revoke_token(revoked.token_id)
    registered.store.set_tenant_state(idle, TenantState.SUSPENDED)
    registered.keeper.run(NOW)

    good = {digest for digest in tokens if registered.registry.find_token(digest)}
    assert len(good) == 2
    for digest in good:
        found = registered.snapshot().find_token(digest)
        assert found == registered.registry.find_token(digest)
        assert found is not None
        assert found.tenant.tenant_id == one
    for digest in tokens - good:
        with pytest.raises(StoreUnavailableError):
            registered.snapshot().find_token(digest)
    suspended = registered.snapshot().find_token(token_digest("idle"))
    assert suspended is not None
    assert suspended.tenant.state is TenantState.SUSPENDED
    assert suspended == registered.registry.find_token(token_digest("idle"))


def test_endpoints_are_those_that_the_database_knows(registered: Registered) -> None:
    tenant_id, app_id = registered.add_tenant(), registered.add_app()
    ids = [app_id, *(registered.add_source(tenant_id, merchant_id=m) for m in [None, *MERCHANTS])]
    registered.keeper.run(NOW)
    snapshot = registered.snapshot()

    for endpoint_id in ids:
        known = registered.registry.find_endpoint("square", endpoint_id)
        assert known is not None
        assert snapshot.find_endpoint("square", endpoint_id) == replace(known, settled_at=None)
    with pytest.raises(StoreUnavailableError):
        snapshot.find_endpoint("shopify", ids[1])


def test_bound_sources_are_those_that_the_database_knows(registered: Registered) -> None:
    one, two, app_id = registered.add_tenant(), registered.add_tenant(), registered.add_app()
    for n, merchant_id in enumerate(MERCHANTS):
        registered.add_source((one, two)[n % 2], merchant_id=merchant_id, app_id=app_id)
    registered.store.set_tenant_state(two, TenantState.SUSPENDED)
    registered.keeper.run(NOW)
    snapshot = registered.snapshot()

    for merchant_id in MERCHANTS:
        found = snapshot.find_bound_source(app_id, merchant_id)
        assert found == registered.registry.find_bound_source(app_id, merchant_id)
    with pytest.raises(StoreUnavailableError):
        snapshot.find_bound_source(app_id, "M9")


def test_a_bound_source_is_no_endpoint(registered: Registered) -> None:
    tenant_id, app_id = registered.add_tenant(), registered.add_app()
    source_id = registered.add_source(tenant_id, merchant_id="M1", app_id=app_id)
    registered.keeper.run(NOW)

    assert registered.registry.find_endpoint("square", source_id) is None
    with pytest.raises(StoreUnavailableError):
        registered.snapshot().find_endpoint("square", source_id)


def test_the_text_is_the_same_as_long_as_nothing_changed(registered: Registered) -> None:
    for _ in range(5):
        tenant_id = registered.add_tenant(str(uuid.uuid4()), str(uuid.uuid4()))
        registered.add_source(tenant_id)
        registered.add_app()
    first = registered.sweep.registry_snapshot()
    with registered.database.superuser() as superuser:
        # The rows change their places in the tables, and nothing else.
        superuser.execute("UPDATE tillgate.tenant SET name = name")
        superuser.execute("UPDATE tillgate.api_token SET hint = hint")
        superuser.execute("UPDATE tillgate.source SET name = name")

    assert registered.sweep.registry_snapshot() == first


def test_whatever_matters_to_letting_in_is_a_change(registered: Registered) -> None:
    tenant_id = registered.add_tenant("a")
    source_id, app_id = registered.add_source(tenant_id), registered.add_app()
    [token] = registered.store.tokens(tenant_id)
    changes: list[Callable[[], object]] = [
        lambda: registered.add_tenant("b"),
        lambda: registered.add_source(tenant_id, merchant_id="M1", app_id=app_id),
        lambda: registered.store.set_source_secret(source_id, b"new"),
        lambda: registered.store.set_app_secret(app_id, b"new"),
        lambda: registered.store.set_tenant_state(tenant_id, TenantState.SUSPENDED),
        lambda: registered.store.revoke_token(token.token_id),
    ]
    registered.keeper.run(NOW)

    for change in changes:
        assert not registered.keeper.run(NOW)
        change()
        assert registered.keeper.run(NOW)


def test_no_secret_and_no_token_is_in_the_open(registered: Registered) -> None:
    registered.add_source(registered.add_tenant("canary-token"), merchant_id="canary-merchant")
    registered.keeper.run(NOW)

    sealed = registered.objects.objects[SNAPSHOT_KEY]
    assert b"canary" not in sealed
    assert b"canary-token" not in registered.sweep.registry_snapshot().encode()


def test_a_token_s_standing_is_what_became_of_it(registered: Registered) -> None:
    tenant_id = registered.add_tenant("a")
    digest = token_digest("a")
    with closing(Database(lambda: registered.database.url("accept"), max_uses=1_000)) as connection:
        accept = PostgresRegistry(connection, within_seconds=10)
        standing = accept.token_standing(digest)
        assert standing is not None
        assert (standing.tenant.tenant_id, standing.revoked_at) == (tenant_id, None)
        before = datetime.now(UTC) - timedelta(seconds=60)
        [token] = registered.store.tokens(tenant_id)
        registered.store.revoke_token(token.token_id)
        registered.store.set_tenant_state(tenant_id, TenantState.SUSPENDED)

        standing = accept.token_standing(digest)
        assert standing is not None
        assert standing.revoked_at is not None
        assert before < standing.revoked_at < datetime.now(UTC) + timedelta(seconds=60)
        assert standing.tenant.state is TenantState.SUSPENDED
        assert accept.token_standing(b"\x00" * 32) is None


def test_since_when_a_secret_is_moves_with_the_secret_alone(registered: Registered) -> None:
    source_id = registered.add_source(registered.add_tenant())

    def set_at() -> datetime:
        found = registered.registry.find_endpoint("square", source_id)
        assert found is not None
        assert found.settled_at is not None
        return found.settled_at

    first = set_at()
    with registered.database.superuser() as superuser:
        superuser.execute("UPDATE tillgate.source SET name = 'another'")
    assert set_at() == first
    registered.store.set_source_secret(source_id, b"new")
    second = set_at()

    assert second > first
    assert second.tzinfo is not None
