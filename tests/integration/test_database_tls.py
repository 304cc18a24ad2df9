"""Who answers for the database must prove it; deadlines hold with TLS as they do without."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from tests.certificates import Authority
from tests.integration.crashes import frozen
from tests.integration.tls_front import tls_front
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.conninfo import owner_access, role_url
from tillgate.adapters.postgres.deadline_connection import (
    DeadlineConnection,
    Prepared,
    ServerUntrustedError,
)
from tillgate.adapters.postgres.schema import PostgresSchema
from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.testdatabase import TestDatabase

NAME = "db.example.com"
ECHO = Prepared(b"echo", b"SELECT $1::text")
# Many TLS records of the largest size, there and back.
THREE_MEGABYTES = b"x" * (3 * 1024 * 1024)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def secret(database: TestDatabase, port: int, ca: bytes, *, name: str = NAME) -> str:
    """Give what the operator's secret holds: a name that leads here, and its CA."""
    parts = psycopg.conninfo.conninfo_to_dict(database.owner_url)
    url = (
        f"postgresql://{parts['user']}:{quote(str(parts['password']))}@{name}:{port}"
        f"/{parts['dbname']}?hostaddr=127.0.0.1"
    )
    return json.dumps({"url": url, "ca": ca.decode()})


def ingest_url(database: TestDatabase, port: int, ca: bytes, *, name: str = NAME) -> str:
    """Give what ingest reads from its own secret, once migrate has completed it."""
    access = owner_access(secret(database, port, ca, name=name))
    return role_url(json.dumps(access.of_role("tillgate_ingest", "pw-ingest")))


def opened(url: str, *, within_seconds: float = 5) -> DeadlineConnection:
    return DeadlineConnection.open(url, deadline=time.monotonic() + within_seconds)


def test_a_server_with_the_name_and_the_ca_is_let_in(
    database: TestDatabase, authority: Authority
) -> None:
    with tls_front(database.server.port, authority.issue(NAME)) as front:
        url = ingest_url(database, front.port, authority.pem)
        with closing(opened(url)) as connection:
            assert connection.value(ECHO, [b"12.10"]) == "12.10"
            assert connection.pgconn.ssl_in_use
        assert (front.versions, front.plain) == (["TLSv1.3"], b"")


def test_migrate_comes_in_by_the_same_way(database: TestDatabase, authority: Authority) -> None:
    with tls_front(database.server.port, authority.issue(NAME)) as front:
        schema = PostgresSchema(owner_access(secret(database, front.port, authority.pem)).whole_url)
        with schema.locked():
            assert schema.applied()
        assert (front.versions, front.plain) == (["TLSv1.3"], b"")


def test_more_than_a_record_comes_through(database: TestDatabase, authority: Authority) -> None:
    with (
        tls_front(database.server.port, authority.issue(NAME)) as front,
        closing(opened(ingest_url(database, front.port, authority.pem))) as connection,
    ):
        assert connection.value(ECHO, [THREE_MEGABYTES]) == THREE_MEGABYTES.decode()
        row = connection.execute("SELECT %s::text", (THREE_MEGABYTES.decode(),)).fetchone()
        assert row == (THREE_MEGABYTES.decode(),)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("another ca", "its certificate is of no CA that is trusted for it"),
        ("another name", "its certificate is for another name"),
        ("no tls", "it offers no TLS"),
    ],
)
def test_a_server_that_proves_nothing_is_told_nothing(
    database: TestDatabase, authority: Authority, tmp_path: Path, fault: str, sentence: str
) -> None:
    issuer = Authority(tmp_path, name="another") if fault == "another ca" else authority
    certificate = issuer.issue("other.example.com" if fault == "another name" else NAME)
    port = database.server.port
    with tls_front(port, certificate, offers_tls=fault != "no tls") as front:
        told = secret(database, front.port, authority.pem)
        with pytest.raises(ServerUntrustedError, match=sentence):
            opened(ingest_url(database, front.port, authority.pem))
        # As the function has it, and migrate, whose sentence CloudFormation shows.
        with (
            closing(
                Database(lambda: ingest_url(database, front.port, authority.pem), max_uses=10)
            ) as function,
            pytest.raises(StoreUnavailableError) as refused,
        ):
            function.rows("SELECT 1", within_seconds=5)
        assert isinstance(refused.value.__cause__, ServerUntrustedError)
        with (
            pytest.raises(StoreUnavailableError, match=f"the database is not trusted: {sentence}"),
            PostgresSchema(owner_access(told).whole_url).locked(),
        ):
            pass
        # Neither a name nor a password, in any of the three.
        assert front.plain == b""


def test_a_public_ca_is_asked_where_none_is_given(
    database: TestDatabase, authority: Authority
) -> None:
    with tls_front(database.server.port, authority.issue(NAME)) as front:
        url = json.loads(secret(database, front.port, authority.pem))["url"]
        with pytest.raises(ServerUntrustedError, match="of no CA that is trusted"):
            opened(owner_access(url).whole_url())


def test_tls_below_1_2_is_not_spoken(database: TestDatabase, authority: Authority) -> None:
    url = ingest_url(database, 5432, authority.pem)
    told = psycopg.conninfo.conninfo_to_dict(url)
    # libpq's own default, which the URL of an operator may raise, and may not lower.
    [least] = [
        option.val for option in psycopg.pq.Conninfo.get_defaults()
        if option.keyword == b"ssl_min_protocol_version"
    ]  # fmt: skip
    assert (told.get("ssl_min_protocol_version"), least) == (None, b"TLSv1.2")


def test_a_handshake_that_does_not_go_on_ends_at_the_deadline(
    database: TestDatabase, authority: Authority
) -> None:
    certificate = authority.issue(NAME)
    with tls_front(database.server.port, certificate, is_silent=True) as front:
        url = ingest_url(database, front.port, authority.pem)
        with closing(Database(lambda: url, max_uses=10)) as sandbox:
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                sandbox.rows("SELECT 1", within_seconds=0.3)
        assert 0.25 < time.monotonic() - started < 0.8


@pytest.mark.parametrize(
    "ask",
    [
        lambda sandbox: sandbox.value(ECHO, [b"2"], within_seconds=0.3),
        lambda sandbox: sandbox.rows("SELECT 2", within_seconds=0.3),
    ],
    ids=["value", "rows"],
)
def test_a_frozen_server_is_waited_for_no_longer(
    database: TestDatabase, authority: Authority, ask: Callable[[Database], object]
) -> None:
    port = database.server.port
    with tls_front(port, authority.issue(NAME)) as front:
        url = ingest_url(database, front.port, authority.pem)
        with closing(Database(lambda: url, max_uses=10)) as sandbox:
            assert sandbox.value(ECHO, [b"1"], within_seconds=5) == "1"
            with frozen(database.server):
                started = time.monotonic()
                with pytest.raises(StoreUnavailableError):
                    ask(sandbox)
                assert 0.25 < time.monotonic() - started < 0.8
