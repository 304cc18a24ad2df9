"""Every route that changes something leaves one entry, of who, what and whose; made from ROUTES."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.audit_calls import CALLS, CHANGING, READING
from tests.integration.audit_world import ADDRESS, NAME, Asked, AuditWorld
from tillgate.adapters.postgres.admin_store import PostgresAdminStore
from tillgate.domain.audit import Acting, Actor, ActorKind
from tillgate.domain.tenant import TenantState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.testdatabase import TestDatabase

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def world(database: TestDatabase) -> Iterator[AuditWorld]:
    with AuditWorld(database) as made:
        yield made


def new_rid() -> str:
    return f"rid-{uuid.uuid4()}"


@pytest.mark.parametrize("route", [*CHANGING, *(route for route in CALLS if "GET" in route)])
def test_route_leaves_one_entry_of_who_what_and_whose(world: AuditWorld, route: str) -> None:
    assert route in CALLS, "say in audit_calls.py how it is called, and which entry it leaves"
    asked, rid = CALLS[route](world), new_rid()

    status, answer = world.call(route, asked, rid=rid)

    assert 200 <= status < 300, answer
    [entry] = world.entries(rid)
    assert entry["action"] == asked.action
    assert entry["tenant_id"] == (asked.tenant or answer.get("tenant_id"))
    assert entry["source_address"] == ADDRESS
    who = (entry["actor_kind"], entry["actor_id"], entry["claimed_name"])
    if asked.token is None:
        digest = hashlib.sha256(world.canaries["operator token"].encode()).hexdigest()
        assert who == ("operator", f"sha256:{digest[:8]}", NAME)
    else:
        assert who == ("tenant", asked.token[:12], None)


def filled(route: str, tenant: str) -> str:
    """Give a route's path with a tenant in it, and what nobody has."""
    path = route.split(" ")[1].replace("{tenant_id}", tenant)
    return re.sub(r"\{\w+\}", NOBODY, path)


@pytest.mark.parametrize("route", READING)
def test_looking_leaves_no_entry(world: AuditWorld, route: str) -> None:
    path, rid = filled(route, world.tenant()), new_rid()

    # Without content=true, and of an event that is not there.
    status, _ = world.call(route, Asked(path), rid=rid)

    assert status in {200, 404}
    assert world.entries(rid) == []


@pytest.mark.parametrize("route", CHANGING)
def test_what_was_refused_leaves_no_entry(world: AuditWorld, route: str) -> None:
    rid, nobodys = new_rid(), Asked(filled(route, NOBODY), body={"nothing": "of the kind"})

    refused, _ = world.call(route, replace(nobodys, token="tg_live_nobodys"), rid=rid)
    unknown, _ = world.call(route, nobodys, rid=rid)

    assert refused == 401
    assert 400 <= unknown < 500
    assert world.entries(rid) == []


@pytest.mark.parametrize(
    "route", ["POST /admin/api/dead-letters/discard", "POST /admin/api/quarantine/discard"]
)
def test_what_was_rolled_back_leaves_no_entry(world: AuditWorld, route: str) -> None:
    asked, rid = CALLS[route](world), new_rid()
    assert isinstance(asked.body, dict)

    status, _ = world.call(route, replace(asked, body={**asked.body, "count": 7}), rid=rid)

    assert status == 409
    assert world.entries(rid) == []


PAYLOADS = [route for route in CALLS if route.startswith("GET")]
WITHOUT_ENTRY = [*PAYLOADS, "DELETE /admin/api/tokens/{token_id}"]


@pytest.mark.parametrize("route", WITHOUT_ENTRY)
def test_nothing_is_shown_or_changed_when_no_entry_can_be_written(
    world: AuditWorld, route: str
) -> None:
    asked, superuser = CALLS[route](world), world.stand.superuser
    function = "FUNCTION tillgate.audit"
    superuser.execute(f"REVOKE EXECUTE ON {function} FROM tillgate_admin".encode())
    try:
        refused, answer = world.call(route, asked, rid=new_rid())
    finally:
        superuser.execute(f"GRANT EXECUTE ON {function} TO tillgate_admin".encode())

    assert (refused, answer["type"]) == (503, "unavailable")
    assert world.canaries.found_in(json.dumps(answer)) == set()
    if route not in PAYLOADS:
        token_id = asked.path.rpartition("/")[2]
        revoked = "SELECT revoked_at IS NULL FROM tillgate.api_token WHERE token_id = %s"
        assert world.stand.value(revoked, token_id)


def test_no_entry_holds_what_a_caller_wrote_or_a_secret(world: AuditWorld) -> None:
    for route, prepare in CALLS.items():
        status, _ = world.call(route, prepare(world), rid=new_rid())
        assert 200 <= status < 300, route

    rows = world.stand.superuser.execute("SELECT to_jsonb(e)::text FROM tillgate.audit_entry AS e")
    written = "\n".join(row for (row,) in rows)

    assert len(written) > 10_000
    assert world.canaries.found_in(written) == set()


def test_entries_of_callers_at_the_same_time_are_each_ones_own(world: AuditWorld) -> None:
    tenant = world.tenant()

    def act(n: int) -> str:
        name, rid = f"caller{n}", new_rid()
        database = world.connect("admin")
        actor = Actor(kind=ActorKind.OPERATOR, id="sha256:00000000", claimed_name=name)
        database.acting = Acting(actor=actor, rid=rid)
        store = PostgresAdminStore(database, within_seconds=10)
        for state in (TenantState.SUSPENDED, TenantState.ACTIVE) * 5:
            store.set_tenant_state(tenant, state)
        return rid

    with ThreadPoolExecutor(6) as threads:
        rids = list(threads.map(act, range(6)))

    for n, rid in enumerate(rids):
        entries = world.entries(rid)
        assert {entry["claimed_name"] for entry in entries} == {f"caller{n}"}
        assert [entry["action"] for entry in entries] == ["tenant.suspended", "tenant.resumed"] * 5
