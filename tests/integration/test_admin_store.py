from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from tillgate.adapters.migration_files import latest_number
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.domain.administration import NewApp, NewSource
from tillgate.domain.errors import (
    MerchantTakenError,
    NotFoundError,
    SlugTakenError,
    StoreUnavailableError,
)
from tillgate.domain.tenant import (
    AppId,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    TokenId,
    TokenStanding,
    token_digest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.domain.administration import AppRecord, TenantRecord

    Connect = Callable[[str], Database]

URL = "https://events.example.com/hook"


def some_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def store(connect: Connect) -> PostgresAdminStore:
    return PostgresAdminStore(connect("admin"), within_seconds=10)


@pytest.fixture
def registry(connect: Connect) -> PostgresRegistry:
    return PostgresRegistry(connect("ingest"), within_seconds=10)


@pytest.fixture
def made(store: PostgresAdminStore) -> TenantRecord:
    return store.add_tenant(slug=f"t-{uuid.uuid4()}", name="Café ☕ 'Robert'); DROP TABLE")


@pytest.fixture
def app(store: PostgresAdminStore) -> AppRecord:
    return store.add_app(
        NewApp(
            app_id=AppId(some_id()),
            provider="square",
            name="ours",
            notification_url=URL,
            sealed_secret=b"\x00sealed",
        )
    )


def source_of(tenant: TenantId, app: AppRecord | None = None, merchant: str = "M1") -> NewSource:
    return NewSource(
        source_id=SourceId(some_id()),
        tenant_id=tenant,
        provider="square",
        name="till",
        merchant_id=merchant,
        app_id=app.app_id if app else None,
        notification_url=None if app else URL,
        sealed_secret=None if app else b"\x00sealed",
    )


def test_tenant_is_found_by_id_and_slug(store: PostgresAdminStore, made: TenantRecord) -> None:
    assert made.state is TenantState.ACTIVE
    assert made.created_at.tzinfo is not None
    assert store.tenant(made.tenant_id) == made
    assert store.tenants(slug=made.slug) == [made]
    assert made in store.tenants()
    assert store.tenant(TenantId(some_id())) is None
    assert store.tenants(slug="nobody") == []


def test_all_tenants_come_in_the_order_of_their_slugs(store: PostgresAdminStore) -> None:
    for _ in range(3):
        store.add_tenant(slug=f"t-{uuid.uuid4()}", name="x")

    slugs = [tenant.slug for tenant in store.tenants()]

    assert len(slugs) >= 3
    assert slugs == sorted(slugs, key=lambda slug: slug.encode())


def test_slug_is_taken_once(store: PostgresAdminStore, made: TenantRecord) -> None:
    with pytest.raises(SlugTakenError):
        store.add_tenant(slug=made.slug, name="another")

    assert store.tenants(slug=made.slug) == [made]


def test_state_is_set_again_and_again(
    store: PostgresAdminStore, registry: PostgresRegistry, made: TenantRecord
) -> None:
    digest = token_digest(some_id())
    store.add_token(made.tenant_id, name="till", digest=digest, hint="tg_live_abcd")

    for state in (TenantState.SUSPENDED, TenantState.SUSPENDED, TenantState.ACTIVE):
        changed = store.set_tenant_state(made.tenant_id, state)
        assert changed is not None
        assert changed.state is state
        assert registry.find_token(digest) == TokenStanding(
            Tenant(made.tenant_id, made.slug, state)
        )
    assert store.set_tenant_state(TenantId(some_id()), TenantState.ACTIVE) is None


def test_token_opens_until_it_is_revoked(
    store: PostgresAdminStore, registry: PostgresRegistry, made: TenantRecord
) -> None:
    digest = token_digest(some_id())
    token = store.add_token(made.tenant_id, name="till", digest=digest, hint="tg_live_abcd")
    assert registry.find_token(digest) is not None

    first = store.revoke_token(token.token_id)
    again = store.revoke_token(token.token_id)

    assert first is not None
    assert first.revoked_at is not None
    assert again == first
    assert store.tokens(made.tenant_id) == [first]
    assert registry.find_token(digest) is None
    assert store.revoke_token(TokenId(some_id())) is None


def test_source_with_a_url_of_its_own_is_found_by_ingest(
    store: PostgresAdminStore, registry: PostgresRegistry, made: TenantRecord
) -> None:
    record = store.add_source(source_of(made.tenant_id))

    endpoint = registry.find_endpoint("square", record.source_id)

    assert record.notification_url == URL
    assert store.sources(made.tenant_id) == [record]
    assert endpoint is not None
    assert endpoint.sealed_secrets == (b"\x00sealed",)
    assert endpoint.source is not None
    assert endpoint.source.tenant.tenant_id == made.tenant_id


def test_source_bound_to_an_app_has_the_apps_url(
    store: PostgresAdminStore, registry: PostgresRegistry, made: TenantRecord, app: AppRecord
) -> None:
    record = store.add_source(source_of(made.tenant_id, app))

    bound = registry.find_bound_source(app.app_id, "M1")

    assert (record.app_id, record.notification_url) == (app.app_id, app.notification_url)
    assert bound is not None
    assert bound.source_id == record.source_id
    assert store.app(app.app_id) == app
    assert app in store.apps()
    assert store.app(AppId(some_id())) is None


def test_secret_of_a_source_is_replaced_and_ingest_finds_the_new_one(
    store: PostgresAdminStore, registry: PostgresRegistry, made: TenantRecord
) -> None:
    record, other = (store.add_source(source_of(made.tenant_id)) for _ in range(2))

    for sealed in (b"\x00resealed", b"\x00resealed", b"\xff"):
        resealed = store.set_source_secret(record.source_id, sealed)
        assert resealed is not None
        assert replace(resealed, secret_set_at=record.secret_set_at) == record
        found = registry.find_endpoint("square", record.source_id)
        assert found is not None
        assert found.sealed_secrets == (sealed,)

    untouched = registry.find_endpoint("square", other.source_id)
    assert untouched is not None
    assert untouched.sealed_secrets == (b"\x00sealed",)
    assert store.source(record.source_id) == resealed
    assert store.source(SourceId(some_id())) is None
    assert store.set_source_secret(SourceId(some_id()), b"\x00") is None


def test_secret_of_an_app_is_replaced_and_ingest_finds_the_new_one(
    store: PostgresAdminStore, registry: PostgresRegistry, app: AppRecord
) -> None:
    for sealed in (b"\x00resealed", b"\x00resealed", b"\xff"):
        resealed = store.set_app_secret(app.app_id, sealed)
        assert resealed is not None
        assert replace(resealed, secret_set_at=app.secret_set_at) == app
        found = registry.find_endpoint("square", app.app_id)
        assert found is not None
        assert found.sealed_secrets == (sealed,)

    assert store.set_app_secret(AppId(some_id()), b"\x00") is None


def test_source_of_an_app_is_given_no_secret(
    store: PostgresAdminStore, registry: PostgresRegistry, made: TenantRecord, app: AppRecord
) -> None:
    bound = store.add_source(source_of(made.tenant_id, app))

    assert store.set_source_secret(bound.source_id, b"\x00") is None
    assert store.source(bound.source_id) == bound
    assert registry.find_endpoint("square", bound.source_id) is None


def test_merchant_is_bound_once_to_an_app(
    store: PostgresAdminStore, made: TenantRecord, app: AppRecord
) -> None:
    other = store.add_tenant(slug=f"t-{uuid.uuid4()}", name="x")
    store.add_source(source_of(made.tenant_id, app))

    with pytest.raises(MerchantTakenError):
        store.add_source(source_of(other.tenant_id, app))

    store.add_source(source_of(other.tenant_id, app, merchant="M2"))
    assert len(store.sources(other.tenant_id)) == 1


def test_nothing_is_added_to_a_tenant_that_is_not_there(store: PostgresAdminStore) -> None:
    nobody = TenantId(some_id())

    with pytest.raises(NotFoundError):
        store.add_token(nobody, name="till", digest=token_digest("x"), hint="tg_live_abcd")
    with pytest.raises(NotFoundError):
        store.add_source(source_of(nobody))
    assert store.sources(nobody) == []
    assert store.tokens(nobody) == []


def test_connection_serves_on_after_a_refusal(
    store: PostgresAdminStore, made: TenantRecord
) -> None:
    for _ in range(3):
        with pytest.raises(SlugTakenError):
            store.add_tenant(slug=made.slug, name="another")
        assert store.tenant(made.tenant_id) == made


@pytest.mark.parametrize("parent", ["event", "delivery"])
def test_status_counts_days_without_a_gap(own_database: TestDatabase, parent: str) -> None:
    with closing(Database(lambda: own_database.url("admin"), max_uses=1_000)) as connected:
        store = PostgresAdminStore(connected, within_seconds=10)
        before = store.status()
        with own_database.superuser() as connection:
            name = psycopg.sql.Identifier(_partition(connection, parent, days=5))
            connection.execute(psycopg.sql.SQL("DROP TABLE tillgate.{}").format(name))
        after = store.status()

    assert (before.migration, before.tenants) == (latest_number(), 0)
    assert before.days_ahead >= 14
    assert after.days_ahead == 4


def test_server_that_is_not_there_is_unavailable() -> None:
    with closing(Database(lambda: "postgresql://127.0.0.1:1/none", max_uses=1)) as gone:
        store = PostgresAdminStore(gone, within_seconds=2)

        with pytest.raises(StoreUnavailableError):
            store.status()


def _partition(
    connection: psycopg.Connection[tuple[object, ...]], parent: str, *, days: int
) -> str:
    row = connection.execute(
        "SELECT %s || to_char((now() AT TIME ZONE 'UTC')::date + %s, '_YYYYMMDD')", (parent, days)
    ).fetchone()
    assert row is not None
    return str(row[0])
