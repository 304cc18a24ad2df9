"""Is everything there that a request needs?"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.health_ports import QueueProbe, SchemaProbe

# A public endpoint must not turn into calls to AWS for everyone who asks.
_FRESH_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """``current_migration`` is None when the database gave no answer; latency in milliseconds.

    ``has_destination`` is what was known last where the database cannot tell.
    """

    database_ok: bool
    database_latency_ms: float
    current_migration: int | None
    expected_migration: int
    secrets_ok: bool
    queue_ok: bool
    has_destination: bool

    @property
    def migrations_ok(self) -> bool:
        """A newer schema is fine: this version runs on the next one's."""
        return self.current_migration is not None and (
            self.current_migration >= self.expected_migration
        )

    @property
    def is_ready(self) -> bool:
        return self.database_ok and self.migrations_ok and self.secrets_ok and self.queue_ok


class CheckReadiness:
    """Asks the database, the secrets and the queue; ``within_seconds`` is for the database.

    ``read_secret`` and ``queue`` have time-outs of their own. ``clock`` gives monotonic seconds.
    """

    def __init__(
        self,
        *,
        probe: SchemaProbe,
        read_secret: Callable[[], object],
        queue: QueueProbe,
        expected_migration: int,
        within_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._secrets = _Remembered(read_secret, clock=clock)
        self._queue = _Remembered(queue.check, clock=clock)
        self._expected_migration = expected_migration
        self._within_seconds = within_seconds
        self._clock = clock
        self._has_destination = False

    def run(self) -> Readiness:
        """Check; never raises for what is down, which is the answer."""
        secrets_ok = self._secrets.is_well()
        queue_ok = self._queue.is_well()
        started = self._clock()
        current: int | None
        try:
            current = self._probe.current_migration(within_seconds=self._within_seconds)
        except UpstreamError:
            current = None
        latency_ms = round((self._clock() - started) * 1000, 1)
        if current is not None and current >= self._expected_migration:
            self._look_for_destination()
        return Readiness(
            database_ok=current is not None,
            database_latency_ms=latency_ms,
            current_migration=current,
            expected_migration=self._expected_migration,
            secrets_ok=secrets_ok,
            queue_ok=queue_ok,
            has_destination=self._has_destination,
        )

    def _look_for_destination(self) -> None:
        # Nobody's readiness depends on it.
        with suppress(UpstreamError):
            self._has_destination = self._probe.has_destination(within_seconds=self._within_seconds)


class _Remembered:
    """A check whose success is good for a while; a failure is looked into anew each time."""

    def __init__(self, check: Callable[[], object], *, clock: Callable[[], float]) -> None:
        self._check = check
        self._clock = clock
        self._well_at: float | None = None

    def is_well(self) -> bool:
        if self._well_at is not None and self._clock() - self._well_at < _FRESH_SECONDS:
            return True
        try:
            self._check()
        except UpstreamError:
            return False
        self._well_at = self._clock()
        return True
