"""A psycopg connection whose every wait ends at a deadline, and a short way for hot statements.

libpq raises a connect_timeout below 2 s to 2 s, and statement_timeout does nothing
while the server is frozen, so every wait here ends at a deadline of our own.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq, waiting
from psycopg.rows import tuple_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.abc import RV, PQGen
    from psycopg.rows import RowFactory

Row = tuple[Any, ...]

# How often psycopg's waits look for signals (its own default).
_INTERVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that gives one value: parameters are $1, $2, ...; ``name`` is its own."""

    name: bytes
    query: bytes


# libpq has no codes for these. What else it says may quote the URL, and is not repeated.
_FAULTS = {
    "certificate verify failed": "its certificate is of no CA that is trusted for it",
    "does not match host name": "its certificate is for another name",
    "does not support SSL": "it offers no TLS",
    "root certificate file": "the file of the CAs that are trusted cannot be read",
}


class ServerUntrustedError(psycopg.OperationalError):
    """What answered did not prove that it is the database; a sentence says how."""


def untrusted(error: psycopg.OperationalError) -> ServerUntrustedError | None:
    """Tell whether connecting failed because the server was not trusted."""
    said = str(error)
    fault = next((fault for words, fault in _FAULTS.items() if words in said), None)
    return ServerUntrustedError(f"the database is not trusted: {fault}") if fault else None


class DeadlineConnection(psycopg.Connection[Row]):
    """A psycopg connection whose every wait ends at ``deadline`` (monotonic seconds)."""

    deadline: float = float("inf")
    uses: int = 0

    def __init__(self, pgconn: pq.abc.PGconn, row_factory: RowFactory[Row] = tuple_row) -> None:
        super().__init__(pgconn, row_factory)
        self._prepared_names: set[bytes] = set()
        self._poll = select.poll()
        self._poll.register(pgconn.socket, select.POLLIN)

    @classmethod
    def open(cls, conninfo: str, *, deadline: float) -> DeadlineConnection:
        """Connect before ``deadline``, with autocommit on. Raises psycopg.Error."""
        try:
            connection = waiting.wait_conn(
                cls._connect_gen(conninfo),
                interval=_INTERVAL_SECONDS,
                timeout=max(deadline - time.monotonic(), 0.001),
            )
        except psycopg.OperationalError as error:
            raise untrusted(error) or error from None
        connection.deadline = deadline
        connection._autocommit = True  # noqa: SLF001  What Connection.connect does after the same wait.
        # Prepared at once: a sandbox sends the same two or three statements all its life.
        connection.prepare_threshold = 0
        return connection

    def wait(
        self,
        gen: PQGen[RV],
        interval: float = _INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> RV:
        left = self._left()
        return super().wait(gen, interval, left if timeout is None else min(left, timeout))

    def value(self, statement: Prepared, params: Sequence[bytes | None]) -> str | None:
        """Run a statement in a transaction of its own, text in and text out; give its value.

        By libpq itself: psycopg's cursor takes three times as long for the same call, most of
        it to find out of what type each parameter is. Raises psycopg.Error.
        """
        if b"\0" in b"".join(filter(None, params)):
            # libpq would take what stands before it for the whole.
            raise psycopg.DataError("a text holds NUL")
        if statement.name not in self._prepared_names:
            self.pgconn.send_prepare(statement.name, statement.query)
            self._result()
            self._prepared_names.add(statement.name)
        self.pgconn.send_query_prepared(statement.name, params)
        value = self._result().get_value(0, 0)
        return None if value is None else value.decode()

    def _result(self) -> pq.abc.PGresult:
        """Send what is to be sent, and give the one result.

        https://www.postgresql.org/docs/current/libpq-async.html
        """
        pgconn = self.pgconn
        while pgconn.flush():
            # A server that cannot take more may first have something to say.
            self._poll.modify(pgconn.socket, select.POLLIN | select.POLLOUT)
            try:
                self._wait_until_ready()
            finally:
                self._poll.modify(pgconn.socket, select.POLLIN)
            pgconn.consume_input()
        last = None
        while True:
            while pgconn.is_busy():
                self._wait_until_ready()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                break
            last = result
        if last is None or pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is lost")
        if last.status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(last)
        return last

    def _wait_until_ready(self) -> None:
        left = self.deadline - time.monotonic()
        # What is not above zero would wait for ever, or look once.
        if left <= 0 or not self._poll.poll(left * 1000):
            raise psycopg.errors.ConnectionTimeout("the deadline has passed")

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise psycopg.errors.ConnectionTimeout("the deadline has passed")
        return left
