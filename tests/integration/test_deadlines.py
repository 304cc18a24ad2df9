"""With the database frozen, gone or silent the functions answer inside their deadlines."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.events import http_event
from tests.integration import silent_peers
from tests.integration.crashes import frozen
from tests.integration.polling import until
from tests.integration.testdatabase import migrate
from tests.integration.wiring import CONNECTION_TIMEOUT, RING, Wiring
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.tenant import endpoint_seal_context, token_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import psycopg

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Answer
    from tests.integration.testdatabase import TestDatabase

# What a handler may take beyond the deadline it waits for: a busy machine of two cores.
MARGIN = 0.3
# The contract's own margin for /startupz, and Toast's for a hook in a cold sandbox.
STARTUPZ_MARGIN = 0.5
HOOK_SECONDS = 1.5

TOKEN = "tg_live_made-up"
STARTUPZ = http_event("GET", "/startupz")


@pytest.fixture
def wiring(
    durable_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    tenant = durable_database.add_tenant(f"t-{uuid.uuid4()}")
    with durable_database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint) VALUES"
            " (%s, 'till', %s, 'tg') ON CONFLICT DO NOTHING",
            (tenant, token_digest(TOKEN)),
        )
    # What is told here is told when there is no queue to take what the database does not.
    secrets_manager.is_queue_down = True
    with Wiring(durable_database, secrets_manager, tmp_path) as made:
        yield made


def new_event(data: str = "{}") -> dict[str, Any]:
    return http_event(
        "POST",
        "/v1/events",
        headers={
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        },
        body=f'{{"type":"order.created","data":{data}}}',
    )


def assert_unavailable(answer: Answer, *, within: float) -> None:
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert answer.body["type"] == "unavailable"
    assert answer.seconds < within


def test_ingest_answers_in_time_with_an_open_connection_while_the_database_is_frozen(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    event = new_event()
    with frozen(durable_server):
        assert_unavailable(ingest.call(event), within=CONNECTION_TIMEOUT + MARGIN)
        # With no queue either, the database is asked again in spite of its silence.
        assert_unavailable(ingest.call(event), within=CONNECTION_TIMEOUT + MARGIN)
    # What had been sent may be stored by now.
    until(lambda: ingest.call(event).status in {200, 201}, what="it is asked again")
    assert ingest.call(new_event()).status == 201


def test_a_large_event_is_given_up_in_time_too(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    ingest = wiring.sandbox("ingest", max_body_bytes=4 * 1024 * 1024)
    large = new_event(json.dumps({"a": "x" * (4 * 1024 * 1024 - 200)}))
    assert ingest.call(new_event()).status == 201
    with frozen(durable_server):
        assert_unavailable(ingest.call(large), within=CONNECTION_TIMEOUT + MARGIN + 0.3)
    until(lambda: ingest.call(large).status in {200, 201}, what="it is asked again")


def test_ingest_answers_in_time_without_a_connection_while_the_database_is_frozen(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    ingest = wiring.warm("ingest")
    with frozen(durable_server):
        assert_unavailable(ingest.call(new_event()), within=CONNECTION_TIMEOUT + MARGIN)
    until(lambda: ingest.call(new_event()).status == 201, what="it is asked again")


@pytest.mark.parametrize("is_known", [True, False], ids=["endpoint", "no-endpoint"])
def test_a_hook_in_a_cold_sandbox_answers_before_toast_gives_up(
    wiring: Wiring, durable_server: EmbeddedPostgres, *, is_known: bool
) -> None:
    endpoint_id = str(uuid.uuid4())
    if is_known:
        add_app(wiring.database, endpoint_id)
    hook = http_event(
        "POST",
        f"/v1/hooks/square/{endpoint_id}",
        route="POST /v1/hooks/{provider}/{endpoint_id}",
        path_parameters={"provider": "square", "endpoint_id": endpoint_id},
        headers={"x-square-hmacsha256-signature": "AAAA"},
        body="{}",
    )
    with frozen(durable_server):
        answer = wiring.sandbox("ingest", connection_timeout_ms=800).call(hook)
    # The imports are in it: the handler makes its wiring at the first call.
    assert_unavailable(answer, within=HOOK_SECONDS)
    print(f"cold hook, frozen database: {answer.seconds:.3f} s")  # noqa: T201  For -rP.
    assert wiring.sandbox("ingest").call(hook).status == 401


def add_app(database: TestDatabase, app_id: str) -> None:
    box = KeyRingSecretBox(lambda: RING)
    sealed = box.seal(b"secret", context=endpoint_seal_context(app_id, tenant_id=None))
    with database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.app (app_id, provider, name, notification_url, sealed_secret)"
            " VALUES (%s, 'square', 'app', 'https://example.test', %s)",
            (app_id, sealed),
        )


def test_startupz_answers_in_time_while_the_database_is_frozen(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    health = wiring.sandbox("health")
    assert health.call(STARTUPZ).status == 200
    with frozen(durable_server):
        for sandbox in (health, health, wiring.warm("health")):
            answer = sandbox.call(STARTUPZ)
            assert answer.status == 503
            assert answer.body["checks"]["database"]["ok"] is False
            assert answer.body["checks"]["secrets"]["ok"] is True
            assert answer.seconds < CONNECTION_TIMEOUT + STARTUPZ_MARGIN
        assert health.call(http_event("GET", "/livez")).status == 200
    assert health.call(STARTUPZ).status == 200


def test_startupz_answers_in_time_while_nothing_at_all_answers(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    wiring.secrets.is_silent = True
    with frozen(durable_server):
        answer = wiring.warm("health").call(STARTUPZ)
    assert answer.status == 503
    assert answer.body["checks"]["secrets"]["ok"] is False
    assert answer.seconds < CONNECTION_TIMEOUT + STARTUPZ_MARGIN


def test_startupz_says_that_a_database_is_not_migrated(
    wiring: Wiring, empty_database: TestDatabase
) -> None:
    wiring.secrets.secrets["health"] = json.dumps({"url": empty_database.superuser_url})
    answer = wiring.sandbox("health").call(STARTUPZ)
    assert answer.status == 503
    assert answer.body["checks"]["database"]["ok"] is True
    assert answer.body["checks"]["migrations"]["ok"] is False
    assert answer.body["checks"]["migrations"]["current"] == 0


@pytest.mark.parametrize(
    ("peer", "within"),
    [
        (silent_peers.refusing, MARGIN),
        (silent_peers.accepting_in_silence, CONNECTION_TIMEOUT + MARGIN),
        (silent_peers.dropping, CONNECTION_TIMEOUT + MARGIN),
    ],
    ids=["refusing", "silent", "dropping"],
)
def test_a_database_that_cannot_be_reached_is_told_in_time_and_found_again(
    wiring: Wiring, peer: Callable[[], AbstractContextManager[int]], within: float
) -> None:
    complete = dict(wiring.secrets.secrets)
    ingest, health = wiring.warm("ingest"), wiring.warm("health")
    with peer() as port:
        wiring.move_database(port)
        assert_unavailable(ingest.call(new_event()), within=within)
        answer = health.call(STARTUPZ)
        assert answer.status == 503
        assert answer.seconds < within + (STARTUPZ_MARGIN - MARGIN)
    wiring.secrets.secrets |= complete
    # What the secrets say now is seen at most READ_AGAIN_SECONDS after they were last read.
    until(lambda: ingest.call(new_event()).status == 201, what="ingest found it")
    until(lambda: health.call(STARTUPZ).status == 200, what="health found it")


def test_secrets_that_cannot_be_read_are_an_unavailable_store(wiring: Wiring) -> None:
    wiring.secrets.is_silent = True
    answer = wiring.warm("ingest").call(new_event())
    # Where the database is, and then the snapshot of who may send.
    assert_unavailable(answer, within=2 * CONNECTION_TIMEOUT + MARGIN)


def backends_of(connection: psycopg.Connection[Any], role: str) -> list[int]:
    rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", (role,))
    return [pid for (pid,) in rows.fetchall()]


def test_a_connection_cut_while_idle_is_replaced_and_nobody_notices(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    with wiring.database.superuser() as superuser:
        [before] = backends_of(superuser, "tillgate_ingest")
        superuser.execute("SELECT pg_terminate_backend(%s)", (before,))
        until(lambda: not backends_of(superuser, "tillgate_ingest"), what="it is gone")
        event = new_event()
        assert ingest.call(event).status == 201
        assert ingest.call(event).status == 200
        [after] = backends_of(superuser, "tillgate_ingest")
    assert after != before


def test_a_connection_is_replaced_after_its_uses(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest", max_requests_per_socket=3)
    pids = []
    with wiring.database.superuser() as superuser:

        def there_is_one() -> bool:
            return len(backends_of(superuser, "tillgate_ingest")) == 1

        assert ingest.call(new_event()).status == 201  # Two uses: the token, the event.
        for _ in range(7):
            until(there_is_one, what="the one before is gone")
            pids += backends_of(superuser, "tillgate_ingest")
            assert ingest.call(new_event()).status == 201
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 3, 2]
    assert wiring.secrets.reads.count("ingest") == 1


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "refusing"])
def test_connections_are_replaced_while_secrets_cannot_be_read(
    wiring: Wiring, *, is_silent: bool
) -> None:
    ingest = wiring.sandbox("ingest", max_requests_per_socket=1)
    assert ingest.call(new_event()).status == 201
    wiring.secrets.is_silent = is_silent
    wiring.secrets.secrets.clear()
    with wiring.database.superuser() as superuser:
        pids = set()
        for _ in range(5):
            assert ingest.call(new_event()).status == 201
            pids |= set(backends_of(superuser, "tillgate_ingest"))
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'tillgate_ingest'")  # fmt: skip
        assert ingest.call(new_event()).status == 201
    assert len(pids) >= 5


def test_a_rotated_password_is_read_again_from_the_secret(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest")
    assert ingest.call(new_event()).status == 201
    rotated = json.loads(wiring.secrets.secrets["ingest"])
    try:
        with wiring.database.superuser() as superuser:
            superuser.execute("ALTER ROLE tillgate_ingest PASSWORD 'rotated'")
            # Who is in stays in; a new connection needs the new one.
            assert ingest.call(new_event()).status == 201
            superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = 'tillgate_ingest'")  # fmt: skip
            until(lambda: not backends_of(superuser, "tillgate_ingest"), what="it is out")
            # Between the two steps of a rotation the old secret is wrong.
            assert_unavailable(ingest.call(new_event()), within=MARGIN)
            rotated["url"] = rotated["url"].replace(":pw-ingest@", ":rotated@")
            wiring.secrets.secrets["ingest"] = json.dumps(rotated)
            until(lambda: ingest.call(new_event()).status == 201, what="it was read again")
    finally:
        migrate(wiring.database)
