"""Sessions of the admin page, and attempts to open one, as the admin role keeps them."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tillgate.adapters.postgres.sessions import PostgresSessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.testdatabase import TestDatabase
    from tillgate.adapters.postgres.connection import Database

MOST = 10
WINDOW_SECONDS = 900
TOKEN = b"t" * 32


@pytest.fixture
def store(connect: Callable[[str], Database]) -> PostgresSessions:
    return PostgresSessions(connect("admin"), within_seconds=10)


@pytest.fixture
def address() -> str:
    return f"made-up-{uuid.uuid4()}"


def opened(store: PostgresSessions, address: str = "192.0.2.1", *, seconds: int = 60) -> bytes:
    digest = os.urandom(32)
    store.open_session(digest, token_digest=TOKEN, seconds=seconds, address=address)
    return digest


def test_session_is_found_until_it_is_closed(store: PostgresSessions) -> None:
    digest = opened(store)

    found = store.find_session(digest)

    assert found is not None
    assert found.token_digest == TOKEN
    assert timedelta(0) < found.expires_at - datetime.now(UTC) <= timedelta(seconds=61)
    store.close_session(digest)
    store.close_session(digest)
    assert store.find_session(digest) is None


def test_signing_in_and_out_are_written_down(
    store: PostgresSessions, database: TestDatabase
) -> None:
    query = (
        "SELECT count(*) FILTER (WHERE action = 'operator.signed_in'),"
        " count(*) FILTER (WHERE action = 'operator.signed_out') FROM tillgate.audit_entry"
    )
    with database.superuser() as superuser:
        before = superuser.execute(query).fetchone()
        store.close_session(opened(store))
        after = superuser.execute(query).fetchone()
    assert before is not None
    assert after == (before[0] + 1, before[1] + 1)


def test_session_that_ended_is_not_found_and_goes_with_the_next(
    store: PostgresSessions, database: TestDatabase
) -> None:
    digest = opened(store, seconds=0)
    assert store.find_session(digest) is None
    opened(store)

    with database.superuser() as superuser:
        query = "SELECT count(*) FROM tillgate.admin_session WHERE digest = %s"
        assert superuser.execute(query, (digest,)).fetchone() == (0,)


def test_eleventh_attempt_waits_for_the_first_to_be_forgotten(
    store: PostgresSessions, database: TestDatabase, address: str
) -> None:
    assert [store.begin_attempt(address) for _ in range(MOST)] == [0] * MOST
    assert WINDOW_SECONDS - 60 < store.begin_attempt(address) <= WINDOW_SECONDS
    with database.superuser() as superuser:
        superuser.execute(
            "UPDATE tillgate.admin_attempt SET at = at - make_interval(secs => %s)"
            " WHERE ctid = (SELECT min(ctid) FROM tillgate.admin_attempt WHERE address = %s)",
            (WINDOW_SECONDS, address),
        )
    assert store.begin_attempt(address) == 0
    assert store.begin_attempt(address) > 0


def test_attempts_at_once_are_no_way_around_the_limit(
    connect: Callable[[str], Database], address: str
) -> None:
    stores = [PostgresSessions(connect("admin"), within_seconds=10) for _ in range(4)]

    def attempt(store: PostgresSessions) -> list[int]:
        return [store.begin_attempt(address) for _ in range(5)]

    with ThreadPoolExecutor(len(stores)) as threads:
        waits = [wait for made in threads.map(attempt, stores) for wait in made]

    assert waits.count(0) == MOST


def test_attempts_are_counted_by_address_and_forgotten_with_a_session(
    store: PostgresSessions, address: str
) -> None:
    other = f"{address[:50]}-other"
    for _ in range(MOST):
        store.begin_attempt(address)
    assert store.begin_attempt(other) == 0
    opened(store, address)
    assert store.begin_attempt(address) == 0
