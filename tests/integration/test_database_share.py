"""All statements of one request share one deadline: one slow database is not three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions import add_sender, new_event
from tests.integration.test_store_and_forward import add_square, hook, stored
from tests.integration.wiring import Wiring
from tests.vendors import square_body
from tillgate.bootstrap.ingest import DATABASE_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox
    from tests.integration.testdatabase import TestDatabase

CONNECTION_TIMEOUT = 0.8
# Each statement is answered just in time by itself.
STATEMENT = 0.7
TOAST_SECONDS = 2.0
MARGIN = 0.4
# After so long who is asking is looked up again.
REMEMBERED_SECONDS = 31


@pytest.fixture
def wiring(
    own_database: TestDatabase, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    add_sender(own_database)
    with Wiring(own_database, secrets_manager, tmp_path) as made:
        yield made


def slow_down(database: TestDatabase) -> None:
    """Let each function that a hook asks take STATEMENT before it answers."""
    with database.superuser() as superuser:
        superuser.execute(SLOW)


SLOW = """
ALTER FUNCTION tillgate.endpoint_standing(text, uuid) RENAME TO quick_endpoint_standing;
ALTER FUNCTION tillgate.accept_event(
    uuid, text, bytea, uuid, text, text, text, numeric, text, timestamptz, text
) RENAME TO quick_accept_event;
ALTER FUNCTION tillgate.look_up_token(bytea) RENAME TO quick_look_up_token;
CREATE FUNCTION tillgate.endpoint_standing(text, uuid) RETURNS TABLE (
    notification_url text, sealed_secret bytea, previous_sealed_secret bytea,
    previous_until timestamptz, settled_at timestamptz, merchant_id text,
    tenant_id uuid, slug text, state text
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep(0.7);
    RETURN QUERY SELECT * FROM tillgate.quick_endpoint_standing($1, $2);
END $$;
CREATE FUNCTION tillgate.look_up_token(bytea) RETURNS TABLE (
    tenant_id uuid, slug text, state text, revoked_at timestamptz
) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep(0.7);
    RETURN QUERY SELECT * FROM tillgate.quick_look_up_token($1);
END $$;
CREATE FUNCTION tillgate.accept_event(
    uuid, text, bytea, uuid, text, text, text, numeric, text, timestamptz, text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep(0.7);
    RETURN tillgate.quick_accept_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);
END $$;
ALTER FUNCTION tillgate.quarantine_put(
    uuid, uuid, uuid, text, text, text, timestamptz, timestamptz, bytea, bigint, bigint,
    integer
) RENAME TO quick_quarantine_put;
CREATE FUNCTION tillgate.quarantine_put(
    uuid, uuid, uuid, text, text, text, timestamptz, timestamptz, bytea, bigint, bigint,
    integer
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_sleep(0.7);
    RETURN tillgate.quick_quarantine_put(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);
END $$;
"""


@pytest.fixture
def ingest(wiring: Wiring) -> Sandbox:
    """Give one that is connected, and tell it of its sender."""
    made = wiring.sandbox("ingest", connection_timeout_ms=int(CONNECTION_TIMEOUT * 1000))
    assert made.call({**new_event(), "body": "{"}).status == 400
    return made


def test_a_hook_whose_statements_are_all_just_in_time_does_not_take_their_sum(
    wiring: Wiring, ingest: Sandbox
) -> None:
    source_id = add_square(wiring)
    assert ingest.call(hook(source_id, square_body("a"))).body["accepted"] == 1
    slow_down(wiring.database)
    ingest.step_clock(REMEMBERED_SECONDS)

    answer = ingest.call(hook(source_id, square_body("b")))
    assert (answer.status, answer.body["queued"]) == (200, 1)
    # What the look-up leaves is too short for the event, and the queue has it.
    assert STATEMENT < answer.seconds < CONNECTION_TIMEOUT * DATABASE_SHARE + MARGIN
    assert answer.seconds < TOAST_SECONDS
    assert stored(wiring) == ["a"]


def test_a_forged_hook_does_not_take_their_sum(wiring: Wiring, ingest: Sandbox) -> None:
    source_id = add_square(wiring)
    assert ingest.call(hook(source_id, square_body("a"))).body["accepted"] == 1
    slow_down(wiring.database)
    ingest.step_clock(REMEMBERED_SECONDS)

    answer = ingest.call(hook(source_id, square_body("b"), key="forged"))
    assert answer.status == 401
    assert STATEMENT < answer.seconds < CONNECTION_TIMEOUT * DATABASE_SHARE + MARGIN
    assert len(wiring.secrets.messages) == 1


def test_an_event_s_look_up_and_storing_share_it_as_well(wiring: Wiring, ingest: Sandbox) -> None:
    slow_down(wiring.database)
    ingest.step_clock(REMEMBERED_SECONDS)

    answer = ingest.call(new_event())
    assert answer.status == 202
    assert STATEMENT < answer.seconds < CONNECTION_TIMEOUT * DATABASE_SHARE + MARGIN


def test_each_request_has_its_share_anew(wiring: Wiring) -> None:
    ingest = wiring.sandbox("ingest", connection_timeout_ms=1_500)
    assert ingest.call({**new_event(), "body": "{"}).status == 400
    slow_down(wiring.database)
    assert 3 * STATEMENT > 1.5 * DATABASE_SHARE

    # Who is asking is remembered, so that each has one statement.
    assert [ingest.call(new_event()).status for _ in range(3)] == [201] * 3
