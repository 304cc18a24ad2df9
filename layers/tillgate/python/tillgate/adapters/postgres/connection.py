"""One connection for one sandbox: made at first use, replaced when it fails or wears out."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, LiteralString, TypeVar

import psycopg

from tillgate.adapters.postgres.deadline_connection import DeadlineConnection
from tillgate.domain.errors import (
    SecretUnavailableError,
    StoreRefusedError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from tillgate.adapters.postgres.deadline_connection import Prepared, Row
    from tillgate.domain.audit import Acting

Result = TypeVar("Result")

# The connection, the server or its resources failed; and so did a server that has become
# a read-only standby (InternalError 25006). Any other error is the statement's own.
_UNUSABLE = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
_TIMED_OUT = (psycopg.errors.ConnectionTimeout, psycopg.errors._WaitTimeout)  # noqa: SLF001  The only name it has.

# With less time than this left, asking would prove nothing.
_LEAST_SECONDS = 0.05

# After a worn connection could not be replaced, it serves so long before the next try.
_RENEW_AGAIN_SECONDS = 5.0

# Secrets Manager is asked no more often than this where connecting fails.
READ_AGAIN_SECONDS = 5.0


class _RefusalsAsUnavailable:
    """Takes a refusal that is not the content's fault for an unavailable store.

    A missing grant or function, a table that is not as it should be: the sender can mend none
    of it, and the queue keeps the event until somebody has. What is wrong with the content
    itself (DataError) comes through.
    """

    def __enter__(self) -> None: ...

    def __exit__(
        self, _type: object, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if isinstance(error, psycopg.Error) and not isinstance(error, psycopg.DataError):
            raise _refused() from error


def _refused() -> StoreRefusedError:
    return StoreRefusedError("the database refuses what it should do")


refusals_as_unavailable = _RefusalsAsUnavailable()


class RememberedUrl:
    """Where the database is: read once, and again only when connecting there has failed.

    So whoever keeps the URL may be down without anybody's noticing. ``clock`` gives seconds,
    by the wall clock: a sandbox's monotonic one may stand still between requests.
    """

    def __init__(self, read: Callable[[], str], *, clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._clock = clock
        self._url: str | None = None
        self._read_at = 0.0
        # A connection timed out, after which there was no time left to read it again.
        self.is_doubtful = False

    def get(self) -> str:
        """Give the URL. Raises SecretUnavailableError when it was never read and cannot be."""
        if self._url is None:
            self._url = self._read()
            self._read_at = self._clock()
        elif self.is_doubtful:
            self.read_again()
        return self._url

    def read_again(self) -> bool:
        """Read it, unless that was tried just now; tell whether it is another one."""
        now = self._clock()
        # An age below zero means that the clock was set back.
        if 0 <= now - self._read_at < READ_AGAIN_SECONDS:
            return False
        known, self._read_at, self.is_doubtful = self._url, now, False
        try:
            self._url = self._read()
        except SecretUnavailableError:
            # What is remembered may well be right.
            return False
        return self._url != known


class Database:
    """One sandbox's connection, made at first use and replaced when it fails or wears out.

    ``conninfo`` reads a libpq connection string or URL from where it is kept. ``budget``
    gives the seconds that are left of a whole request. For ``breaker_seconds`` after the
    database gave no answer it is not asked: whoever has another way goes that at once.
    ``observe`` is told the seconds that each asking took, a failed one's too. ``acting`` is for
    whom it is asked now, None where nobody said: adapters.postgres.audit writes it down.
    """

    acting: Acting | None = None

    def __init__(
        self,
        conninfo: Callable[[], str],
        *,
        max_uses: int,
        budget: Callable[[], float] = lambda: float("inf"),
        breaker_seconds: float = 0.0,
        clock: Callable[[], float] = time.time,
        observe: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._url = RememberedUrl(conninfo)
        self._observe = observe
        self._max_uses = max_uses
        self._budget = budget
        self._breaker_seconds = breaker_seconds
        self._clock = clock
        self._failed_at: float | None = None
        self._was_asked = False
        self._renew_after = 0.0
        self._connection: DeadlineConnection | None = None

    def begin_request(self) -> None:
        """Say that what is asked from now on is asked for another request."""
        self._was_asked = False

    def reconsider(self) -> bool:
        """Close the breaker if it spared this request the asking; tell whether it did.

        For a request that has no other way left.
        """
        if self._was_asked or not self._is_open():
            return False
        self._failed_at = None
        return True

    def connect(self, *, within_seconds: float) -> None:
        """Make the connection ahead of its first use, if there is none.

        Raises StoreUnavailableError, as the first use would.
        """
        if self._connection is not None:
            return
        try:
            self._connection = self._open(time.monotonic() + within_seconds)
        except (*_UNUSABLE, StoreUnavailableError) as error:
            # The first request must not wait for it once more.
            self._failed_at = self._clock()
            raise StoreUnavailableError("the database gave no answer") from error

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

    def value(
        self,
        statement: Prepared,
        params: Sequence[bytes | None],
        *,
        within_seconds: float,
        opens_breaker: bool = True,
    ) -> str | None:
        """Run one statement as ``rows`` does, with text in and out: for what is called most.

        Refusals are StoreRefusedError, as under ``refusals_as_unavailable``. What is no event's
        business ``opens_breaker`` for none: it may have had what was left of another's time.
        """
        try:
            return self._try_twice(
                partial(DeadlineConnection.value, statement=statement, params=params),
                within_seconds,
                opens_breaker=opens_breaker,
            )
        except psycopg.DataError:
            raise
        except psycopg.Error as error:
            raise _refused() from error

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
        self,
        work: Callable[[DeadlineConnection], Result],
        within_seconds: float,
        *,
        opens_breaker: bool = True,
    ) -> Result:
        if self._failed_at is not None and self._is_open():
            raise StoreUnavailableError("the database gave no answer a moment ago")
        left = self._budget()
        if left < _LEAST_SECONDS:
            # It was not asked, so nothing is known against it, nor against the connection.
            raise StoreUnavailableError("the time of the request is used up")
        self._was_asked = True
        started = time.perf_counter()
        try:
            result = self._ask(work, min(within_seconds, left))
        except StoreUnavailableError:
            if opens_breaker:
                self._failed_at = self._clock()
            raise
        finally:
            self._observe(time.perf_counter() - started)
        self._failed_at = None
        return result

    def _is_open(self) -> bool:
        """Tell whether the breaker is open."""
        if self._failed_at is None:
            return False
        # By the wall clock, since a sandbox's monotonic one may stand still between requests.
        # An age below zero means that it was set back.
        return 0 <= self._clock() - self._failed_at < self._breaker_seconds

    def _ask(self, work: Callable[[DeadlineConnection], Result], within_seconds: float) -> Result:
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

    def _ready(self, deadline: float) -> DeadlineConnection:
        connection = self._connection
        if connection is None:
            connection = self._open(deadline)
        elif connection.uses >= self._max_uses:
            connection = self._renewed(connection, deadline)
        self._connection = connection
        connection.deadline = deadline
        connection.uses += 1
        return connection

    def _renewed(self, worn: DeadlineConnection, deadline: float) -> DeadlineConnection:
        """Replace a worn connection, which serves on for as long as no other is to be had."""
        now = time.monotonic()
        if now < self._renew_after:
            return worn
        try:
            # The other half is for the statement, should this come to nothing.
            fresh = self._open(now + (deadline - now) / 2)
        except (*_UNUSABLE, StoreUnavailableError):
            self._renew_after = now + _RENEW_AGAIN_SECONDS
            return worn
        worn.close()
        return fresh

    def _open(self, deadline: float) -> DeadlineConnection:
        try:
            url = self._url.get()
        except SecretUnavailableError as error:
            raise StoreUnavailableError("where the database is cannot be read") from error
        try:
            connection = DeadlineConnection.open(url, deadline=deadline)
        except _UNUSABLE as error:
            if isinstance(error, _TIMED_OUT) or time.monotonic() >= deadline:
                self._url.is_doubtful = True
                raise
            if not self._url.read_again():
                raise
            connection = DeadlineConnection.open(self._url.get(), deadline=deadline)
        self._url.is_doubtful = False
        return connection

    def _roll_back(self, connection: DeadlineConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            # The server rolls back by itself when the connection goes.
            self.close()


def _begin(connection: DeadlineConnection) -> DeadlineConnection:
    connection.execute("BEGIN")
    return connection
