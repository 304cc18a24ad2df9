"""The servers of one run and their migrated databases: each made once, whoever asks."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

import psycopg

from ops.local.postgres import EmbeddedPostgres
from tests.integration.testdatabase import create_database, migrate

if TYPE_CHECKING:
    from typing import Literal

    from tests.integration.testdatabase import TestDatabase


class Servers:
    """Started when first asked for, and stopped together."""

    def __init__(self) -> None:
        self._servers: dict[tuple[int, bool], EmbeddedPostgres] = {}
        self._databases: dict[tuple[EmbeddedPostgres, str], TestDatabase] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def server(self, version: Literal[16, 18], *, durable: bool) -> EmbeddedPostgres:
        if (version, durable) not in self._servers:
            self._servers[version, durable] = self._start(version, durable=durable)
        return self._servers[version, durable]

    def migrated(self, server: EmbeddedPostgres, name: str) -> TestDatabase:
        """Give the database of this name, as a deploy leaves it."""
        if (server, name) not in self._databases:
            made = create_database(server, name)
            migrate(made)
            self._databases[server, name] = made
        return self._databases[server, name]

    def _start(self, version: Literal[16, 18], *, durable: bool) -> EmbeddedPostgres:
        # Not below pytest's own folder: run by root, the server runs as another user, and any
        # other pytest that starts meanwhile closes that folder to it.
        folder = self._stack.enter_context(
            TemporaryDirectory(prefix="tillgate-postgres-", dir="/tmp")
        )
        server = EmbeddedPostgres(Path(folder) / "data", version=version, durable=durable)
        self._stack.callback(server.stop, mode="immediate")
        server.start()
        if durable:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                # Else each recovery first opens every file there is, which takes seconds.
                connection.execute("ALTER SYSTEM SET recovery_init_sync_method = 'syncfs'")
                connection.execute("SELECT pg_reload_conf()")
        return server
