"""One connection for one sandbox, with deadlines that the client keeps itself.

libpq raises a connect_timeout below 2 s to 2 s, and statement_timeout does nothing
while the server is frozen, so every wait here ends at a deadline of our own.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psycopg
from psycopg import waiting

from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg.abc import RV, PQGen

Row = tuple[Any, ...]
Result = TypeVar("Result")

# The connection, the server or its resources failed; and so did a server that has become
# a read-only standby (InternalError 25006). Any other error is the statement's own.
_UNUSABLE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
_TIMED_OUT = (psycopg.errors.ConnectionTimeout, psycopg.errors._WaitTimeout)  # noqa: SLF001  The only name it has.

# How often a wait looks for signals (psycopg's own default).
_INTERVAL_SECONDS = 0.1


class _DeadlineConnection(psycopg.Connection[Row]):
    """A psycopg connection whose every wait ends at ``deadline`` (monotonic seconds)."""

    deadline: float = float("inf")
    uses: int = 0

    def wait(
        self,
        gen: PQGen[RV],
        interval: float = _INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> RV:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise psycopg.errors.ConnectionTimeout("the deadline has passed")
        return super().wait(gen, interval, left if timeout is None else min(left, timeout))

    @classmethod
    def open(cls, conninfo: str, *, deadline: float) -> _DeadlineConnection:
        """Connect before ``deadline``, with autocommit on. Raises psycopg.Error."""
        connection = waiting.wait_conn(
            cls._connect_gen(conninfo),
            interval=_INTERVAL_SECONDS,
            timeout=max(deadline - time.monotonic(), 0.001),
        )
        connection.deadline = deadline
        connection._autocommit = True  # noqa: SLF001  What Connection.connect does after the same wait.
        # Prepared at once: a sandbox sends the same two or three statements all its life.
        connection.prepare_threshold = 0
        return connection


class Database:
    """One sandbox's connection, made at first use and replaced when it fails or wears out.

    ``conninfo`` gives a libpq connection string or URL each time one is needed.
    """

    def __init__(self, conninfo: Callable[[], str], *, max_uses: int) -> None:
        self._conninfo = conninfo
        self._max_uses = max_uses
        self._connection: _DeadlineConnection | None = None

    def rows(
        self, query: LiteralString, params: Sequence[object] = (), *, within_seconds: float
    ) -> list[Row]:
        """Run one statement in a transaction of its own, in one round trip.

        A connection that turns out to be dead is replaced once inside the deadline, so
        the statement may run twice: it has to be idempotent. Raises
        StoreUnavailableError; errors that the statement itself caused come through as
        psycopg's.
        """
        return self._try_twice(
            lambda connection: connection.execute(query, params).fetchall(), within_seconds
        )

    @contextmanager
    def transaction(
        self, *, within_seconds: float, tenant_id: str | None = None
    ) -> Iterator[psycopg.Cursor[Row]]:
        """Open a transaction, under a tenant where one is given, and commit at the end.

        ``within_seconds`` is for all of it. Raises StoreUnavailableError.
        """
        connection = self._try_twice(_begin, within_seconds)
        try:
            with connection.cursor() as cursor:
                if tenant_id is not None:
                    cursor.execute(
                        "SELECT set_config('tillgate.tenant_id', %s, true)", (tenant_id,)
                    )
                yield cursor
            connection.execute("COMMIT")
        except _UNUSABLE as error:
            self.close()
            raise StoreUnavailableError("the transaction was not completed") from error
        except BaseException:
            self._roll_back(connection)
            raise

    def close(self) -> None:
        """Let go of the connection, if there is one; the next use makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _try_twice(
        self, work: Callable[[_DeadlineConnection], Result], within_seconds: float
    ) -> Result:
        deadline = time.monotonic() + within_seconds
        reused = self._connection is not None
        try:
            return work(self._ready(deadline))
        except _UNUSABLE as error:
            self.close()
            if not reused or isinstance(error, _TIMED_OUT) or time.monotonic() >= deadline:
                raise StoreUnavailableError("the database gave no answer") from error
        try:
            return work(self._ready(deadline))
        except _UNUSABLE as error:
            self.close()
            raise StoreUnavailableError("the database gave no answer, twice") from error

    def _ready(self, deadline: float) -> _DeadlineConnection:
        connection = self._connection
        if connection is not None and connection.uses >= self._max_uses:
            self.close()
            connection = None
        if connection is None:
            connection = _DeadlineConnection.open(self._conninfo(), deadline=deadline)
            self._connection = connection
        connection.deadline = deadline
        connection.uses += 1
        return connection

    def _roll_back(self, connection: _DeadlineConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            # The server rolls back by itself when the connection goes.
            self.close()


def _begin(connection: _DeadlineConnection) -> _DeadlineConnection:
    connection.execute("BEGIN")
    return connection
