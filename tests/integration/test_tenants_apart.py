"""What one tenant can get of another's: by every route, every role, every function.

Made from the table of routes and from the database's catalogue, so that what is new is tried as
well, or fails here until it is. Each row of another tenant's that came out is counted, and the
count is evidence: ``isolation.rows``.
"""

from __future__ import annotations

import json
import re
import statistics
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from ops.evidence import Row, write_evidence
from tests.integration.privileges import ALLOWED_FUNCTIONS, ALLOWED_ON_TABLES
from tests.integration.testdatabase import ROLES
from tests.integration.two_tenants import TwoTenants
from tillgate.entrypoints.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase
    from tests.integration.two_tenants import Party

# Of the whole run, on both versions of Postgres: what was tried, and what came out that must not.
TRIED: Counter[str] = Counter()
ROWS: Counter[str] = Counter()
PARTS = ("routes", "roles", "functions")

_TENANTS_TABLES = """
    SELECT c.relname, c.relispartition
    FROM pg_class AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnum > 0
    WHERE c.relnamespace = 'tillgate'::regnamespace AND c.relkind IN ('r', 'p')
    ORDER BY c.relname
"""
# For all tenants by what they are for: the operator's role, and rotate's, which seals secrets
# anew. What deliver, sweep and watch do for all tenants goes through functions.
FOR_ALL = {(a.role, a.table) for a in ALLOWED_ON_TABLES if a.role in {"admin", "rotate"}}

# Empty for a tenant that is.
OF_THE_ERASED = {"erasure", "erased_source"}


@pytest.fixture(scope="module", autouse=True)
def evidence() -> Iterator[None]:
    yield
    if not TRIED:
        # Only what takes no part in the count was run.
        return
    rows = sum(ROWS.values())
    write_evidence(
        "isolation",
        [
            Row(
                "isolation.rows",
                rows,
                "rows",
                0,
                rows == 0 and all(TRIED[part] for part in PARTS),
                {"tried": dict(TRIED), "rows": dict(ROWS)},
            )
        ],
    )


@pytest.fixture(scope="module")
def world(
    database: TestDatabase, secrets_manager_of_module: FakeSecretsManager
) -> Iterator[TwoTenants]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = TwoTenants(database, secrets_manager_of_module, monkeypatch)
        yield made
        made.close()


@pytest.fixture(scope="module")
def mine(world: TwoTenants) -> Party:
    return world.settled_party()


@pytest.fixture(scope="module")
def theirs(world: TwoTenants) -> Party:
    return world.settled_party()


def came_out(part: str, where: str, text: str, other: Party) -> None:
    """Count what ``text`` tells of the other tenant; its own ids are known to who names them."""
    TRIED[part] += 1
    if other.mark in text:
        ROWS[f"{part}: {where}"] += text.count(other.mark)


# --- Routes


def tries(mine: Party, theirs: Party) -> dict[str, list[tuple[str, str, dict[str, str], int]]]:
    """Give, for each route of a tenant's: path, query, headers, and the only right status.

    Each names something of the other tenant's where it can.
    """
    event, nobody = theirs.event_ids[0], {"x-tenant-id": theirs.tenant_id}
    own = mine.event_ids[0]
    return {
        "GET /v1/events": [
            ("/v1/events", f"idempotency_key={theirs.mark}-0", {}, 200),
            ("/v1/events", f"cursor={theirs.cursor}", {}, 200),
            ("/v1/events", "limit=200", {}, 200),
            ("/v1/events", "", nobody, 403),
        ],
        "GET /v1/events/{event_id}": [
            *((f"/v1/events/{one}", "", {}, 404) for one in theirs.ids),
            (f"/v1/events/{event.upper()}", "", {}, 404),
            (f"/v1/events/{own}", "", nobody, 403),
            (f"/v1/events/{event}", "", nobody, 403),
        ],
        "POST /v1/events/{event_id}/replay": [
            *((f"/v1/events/{one}/replay", "", {}, 404) for one in theirs.ids),
            (f"/v1/events/{event}/replay", "", nobody, 403),
        ],
    }


# Asked for elsewhere in this file, by what they need: a body, a signature.
SENDING = {
    "POST /v1/events",
    "POST /v1/events/batch",
    "POST /v1/hooks/{provider}/{endpoint_id}",
}


def test_every_route_of_a_tenants_is_tried(mine: Party, theirs: Party) -> None:
    routes = {
        f"{method} {path}"
        for path, methods in ROUTES.items()
        for method in methods
        if path.startswith("/v1/")
    }
    assert routes == tries(mine, theirs).keys() | SENDING


def test_no_route_tells_of_another_tenants_events(
    world: TwoTenants, mine: Party, theirs: Party
) -> None:
    for route, tried in tries(mine, theirs).items():
        method, _, _ = route.partition(" ")
        for path, query, headers, status in tried:
            answer = world.answer(mine, path, method=method, query=query, headers=headers)
            assert answer["statusCode"] == status, (route, path, query)
            came_out("routes", route, answer["body"], theirs)
    assert not +ROWS
    for one in theirs.event_ids:
        assert world.read(theirs, f"/v1/events/{one}")[1]["delivery"]["state"] == "none"


@pytest.mark.parametrize("suffix", ["", "/replay"])
def test_what_is_anothers_is_answered_as_what_is_nobodys(
    world: TwoTenants, mine: Party, theirs: Party, suffix: str
) -> None:
    method = "POST" if suffix else "GET"

    def told(event_id: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = world.answer(mine, f"/v1/events/{event_id}{suffix}", method=method)
        headers = {k: v for k, v in answer["headers"].items() if k != "X-Request-Id"}
        return answer["statusCode"], {**json.loads(answer["body"]), "rid": ""}, headers

    near = theirs.event_ids[0][:-1] + ("0" if theirs.event_ids[0][-1] != "0" else "1")
    assert told(theirs.event_ids[0]) == told(near) == told(str(uuid.uuid4()))


def test_tenants_token_opens_nothing_of_the_operators(
    world: TwoTenants, mine: Party, theirs: Party
) -> None:
    ids = {
        "{tenant_id}": theirs.tenant_id,
        "{event_id}": theirs.event_ids[0],
        "{source_id}": theirs.source_id,
    }
    for path in (path for path in ROUTES if path.startswith("/admin/api/")):
        named = re.sub(r"\{\w+\}", lambda found: ids.get(found[0], str(uuid.uuid4())), path)
        for method in ROUTES[path]:
            answer = world.answer(mine, named, method=method)
            # The two that functions/probe answers are not api's.
            assert answer["statusCode"] in {401, 404}, (method, path)
            came_out("routes", f"{method} {path}", answer["body"], theirs)
    assert not +ROWS


def test_same_key_is_another_event_for_each_tenant(
    world: TwoTenants, mine: Party, theirs: Party
) -> None:
    for headers, status in (({}, 201), ({"x-tenant-id": theirs.tenant_id}, 403)):
        answer = world.send(mine, f"{theirs.mark}-0", headers=headers)
        assert answer[0] == status
        came_out("routes", "POST /v1/events", json.dumps(answer[1]), theirs)
    # What it answers to its own key is its own event, whoever else has the key.
    assert answer_of(world, theirs)["event_id"] == theirs.event_ids[0]
    assert not +ROWS


def answer_of(world: TwoTenants, party: Party) -> dict[str, Any]:
    status, answer = world.send(party, f"{party.mark}-0")
    assert (status, answer["duplicate"]) == (200, True)
    found: dict[str, Any] = answer
    return found


def test_own_secret_signs_nothing_for_anothers_source(
    world: TwoTenants, mine: Party, theirs: Party
) -> None:
    before = len(world.read(theirs, "/v1/events", query="limit=200")[1]["events"])

    assert world.hook(mine, "forged", to=theirs) == (401, 0)

    TRIED["routes"] += 1
    assert len(world.read(theirs, "/v1/events", query="limit=200")[1]["events"]) == before


@pytest.mark.proof
def test_time_tells_nothing_of_what_is_anothers(
    world: TwoTenants, mine: Party, theirs: Party
) -> None:
    """Interleaved, so that a noisy machine slows both down alike."""
    seconds: dict[str, list[float]] = {"theirs": [], "nobody's": []}
    for _ in range(600):
        for whose, event_id in (("theirs", theirs.event_ids[0]), ("nobody's", near(theirs))):
            started = time.perf_counter()
            assert world.answer(mine, f"/v1/events/{event_id}")["statusCode"] == 404
            seconds[whose].append(time.perf_counter() - started)
    medians = {whose: statistics.median(taken) for whose, taken in seconds.items()}
    ratio = medians["theirs"] / medians["nobody's"]
    holds = abs(ratio - 1) <= 0.05
    write_evidence(
        "isolation-timing",
        [Row("isolation.timing_ratio", ratio, "", 1.05, holds, {**medians, "n": 600})],
    )
    assert holds, medians


def near(party: Party) -> str:
    """Give an id of the same instant, of no event."""
    return party.event_ids[0][:-12] + uuid.uuid4().hex[:12]


# --- Roles


@pytest.fixture(scope="module")
def tables(database: TestDatabase, mine: Party, theirs: Party) -> list[str]:
    """Every table and partition with a tenant in each row; each table with rows of both."""
    with database.superuser() as superuser:
        found = superuser.execute(_TENANTS_TABLES).fetchall()
        for table, is_partition in found:
            for party in (mine, theirs):
                rows = superuser.execute(count_of(table), (party.tenant_id,)).fetchone()
                is_filled = is_partition or rows != (0,) or table in OF_THE_ERASED
                assert is_filled, f"two_tenants.py puts no row into {table}"
    return [table for table, _ in found]


def count_of(table: str) -> sql.Composed:
    query: LiteralString = "SELECT count(*) FROM tillgate.{} WHERE tenant_id = %s"
    return sql.SQL(query).format(sql.Identifier(table))


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reads_a_row_of_another_tenant(
    database: TestDatabase, mine: Party, theirs: Party, tables: list[str], role: str
) -> None:
    with database.as_role(role) as connection:
        connection.execute("SELECT set_config('tillgate.tenant_id', %s, false)", (mine.tenant_id,))
        for table in tables:
            if (role, table) in FOR_ALL:
                continue
            TRIED["roles"] += 1
            try:
                [(rows,)] = connection.execute(count_of(table), (theirs.tenant_id,)).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            ROWS[f"roles: {role}, {table}"] += rows
    assert not +ROWS


def test_api_reads_its_own_rows_at_all(
    database: TestDatabase, mine: Party, tables: list[str]
) -> None:
    """Else the test above would pass where nobody reads anything."""
    readable = {a.table for a in ALLOWED_ON_TABLES if a.role == "api"} & set(tables)
    with database.as_role("api") as connection:
        connection.execute("SELECT set_config('tillgate.tenant_id', %s, false)", (mine.tenant_id,))
        counts = {
            table: connection.execute(count_of(table), (mine.tenant_id,)).fetchone()
            for table in readable
        }
    assert readable >= {"event", "delivery", "attempt", "ingest_key", "source"}
    assert all(counts.values())
    assert (0,) not in counts.values()


def arguments(kind: str, theirs: Party) -> list[object]:
    """Give values of a type that name something of the other tenant's, where one can."""
    values: dict[str, list[object]] = {
        "uuid": list[object](theirs.ids),
        "text": [f"api:{theirs.mark}-0", theirs.mark, "square"],
        "bytea": [b"\0" * 32],
        "timestamp with time zone": ["2026-11-23T10:00Z"],
        "json": ["[]"],
        "jsonb": ["[]"],
        "bigint": [1],
        "integer": [1],
        "interval": ["1 hour"],
        "date": ["2026-11-23"],
    }
    return values[kind]


def test_no_function_of_the_tenants_role_tells_of_another_tenant(
    database: TestDatabase, mine: Party, theirs: Party
) -> None:
    functions = [name for name, roles in ALLOWED_FUNCTIONS.items() if "api" in roles]
    assert "replay_own(uuid)" in functions
    with database.as_role("api") as connection:
        connection.execute("SELECT set_config('tillgate.tenant_id', %s, false)", (mine.tenant_id,))
        for function in functions:
            name, _, given_kinds = function.rstrip(")").partition("(")
            kinds = [kind for kind in given_kinds.split(",") if kind]
            tried = [arguments(kind, theirs) for kind in kinds]
            for n in range(max(map(len, tried), default=1)):
                values = [choices[n % len(choices)] for choices in tried]
                came_out("functions", function, told_by(connection, name, kinds, values), theirs)
    assert not +ROWS
    with database.superuser() as superuser:
        states = superuser.execute(
            "SELECT DISTINCT state FROM tillgate.delivery WHERE tenant_id = %s",
            (theirs.tenant_id,),
        ).fetchall()
    assert states == [("none",)]


def told_by(
    connection: psycopg.Connection[Any], name: str, kinds: list[str], values: list[object]
) -> str:
    """Call a function and undo it; give all that it says."""
    parameters = sql.SQL(", ").join(
        sql.SQL("%s::" + kind)  # From the list, not from a caller.
        for kind in kinds
    )
    query = sql.SQL("SELECT r::text FROM tillgate.{}({}) AS r").format(
        sql.Identifier(name), parameters
    )
    try:
        with connection.transaction(force_rollback=True):
            return str(connection.execute(query, values).fetchall())
    except psycopg.Error as error:
        return str(error)
