"""The api role sees the rows of the tenant that is set, and nobody else's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.integration.events import NOW, event
from tests.integration.privileges import ALLOWED_ON_TABLES
from tillgate.adapters.postgres.event_store import PostgresEventStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import TenantId

# From the list that the catalogue is held against: a table that api may read later is here too.
READABLE = sorted({allowed.table for allowed in ALLOWED_ON_TABLES if allowed.role == "api"})


@pytest.fixture
def tenants(database: TestDatabase, connect: Callable[[str], Database]) -> list[TenantId]:
    """Two tenants, each with rows in every table that api may read."""
    made = [database.add_tenant(f"t-{uuid.uuid4()}") for _ in range(2)]
    store = PostgresEventStore(connect("ingest"), within_seconds=5)
    with database.superuser() as superuser:
        for tenant in made:
            store.accept(tenant, [event("k1"), event("k2")], received_at=NOW)
            superuser.execute(
                "INSERT INTO tillgate.source (tenant_id, provider, name, notification_url,"
                " sealed_secret) VALUES (%s, 'square', 'till', 'https://example.test', '')",
                (tenant,),
            )
            superuser.execute(
                "INSERT INTO tillgate.attempt (tenant_id, event_id, attempt_id, at)"
                " SELECT tenant_id, event_id, gen_random_uuid(), now() FROM tillgate.delivery"
                " WHERE tenant_id = %s",
                (tenant,),
            )
    return made


def visible(connection: Connection, table: str) -> set[str]:
    query = sql.SQL("SELECT DISTINCT tenant_id::text FROM tillgate.{}")
    return {
        tenant for (tenant,) in connection.execute(query.format(sql.Identifier(table))).fetchall()
    }


@pytest.mark.parametrize("table", READABLE)
def test_api_sees_the_rows_of_its_tenant_alone(
    database: TestDatabase, tenants: list[TenantId], table: str
) -> None:
    with database.superuser() as superuser:
        assert visible(superuser, table) >= set(tenants)
    with database.as_role("api") as api:
        for tenant in tenants:
            with api.transaction():
                api.execute("SELECT set_config('tillgate.tenant_id', %s, true)", (tenant,))
                assert visible(api, table) == {tenant}


@pytest.mark.usefixtures("tenants")
@pytest.mark.parametrize("table", READABLE)
def test_api_sees_nothing_while_no_tenant_is_set(database: TestDatabase, table: str) -> None:
    with database.as_role("api") as api:
        assert visible(api, table) == set()
        for nobody in ("", str(uuid.uuid4())):
            with api.transaction():
                api.execute("SELECT set_config('tillgate.tenant_id', %s, true)", (nobody,))
                assert visible(api, table) == set()


@pytest.mark.parametrize("table", READABLE)
def test_a_tenant_is_set_for_one_transaction_only(
    database: TestDatabase, tenants: list[TenantId], table: str
) -> None:
    with database.as_role("api") as api:
        with api.transaction():
            api.execute("SELECT set_config('tillgate.tenant_id', %s, true)", (tenants[0],))
        assert visible(api, table) == set()


@pytest.mark.parametrize("table", READABLE)
def test_a_tenant_that_is_no_id_is_an_error_and_no_row(database: TestDatabase, table: str) -> None:
    with database.as_role("api") as api:
        api.execute("SELECT set_config('tillgate.tenant_id', %s, false)", ("' OR true --",))
        with pytest.raises(psycopg.DataError):
            visible(api, table)


@pytest.mark.parametrize("table", READABLE)
def test_row_security_cannot_be_switched_off(
    database: TestDatabase, tenants: list[TenantId], table: str
) -> None:
    assert tenants
    with database.as_role("api") as api:
        api.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            visible(api, table)


def test_the_owner_itself_changes_no_event(database: TestDatabase, tenants: list[TenantId]) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("SET ROLE tillgate_owner")
        assert visible(owner, "event") >= set(tenants)
        assert owner.execute("UPDATE tillgate.event SET data = '{}'").rowcount == 0
        # Of what says that it is synthetic there may be some of another test's.
        mine = "DELETE FROM tillgate.event WHERE tenant_id = ANY (%s::uuid[])"
        assert owner.execute(mine, (tenants,)).rowcount == 0
        assert owner.execute("DELETE FROM tillgate.delivery").rowcount == 0
