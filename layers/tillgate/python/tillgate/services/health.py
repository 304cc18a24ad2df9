"""Is everything there that a request needs?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.ports import SchemaProbe

# A public endpoint must not turn into a call to Secrets Manager for everyone who asks.
_SECRETS_FRESH_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """``current_migration`` is None when the database gave no answer; latency in milliseconds."""

    database_ok: bool
    database_latency_ms: float
    current_migration: int | None
    expected_migration: int
    secrets_ok: bool

    @property
    def migrations_ok(self) -> bool:
        """A newer schema is fine: this version runs on the next one's."""
        return self.current_migration is not None and (
            self.current_migration >= self.expected_migration
        )

    @property
    def is_ready(self) -> bool:
        return self.database_ok and self.migrations_ok and self.secrets_ok


class CheckReadiness:
    """Asks the database and the secrets. ``within_seconds`` is the database's deadline."""

    def __init__(
        self,
        *,
        probe: SchemaProbe,
        read_secret: Callable[[], object],
        expected_migration: int,
        within_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._probe = probe
        self._read_secret = read_secret
        self._expected_migration = expected_migration
        self._within_seconds = within_seconds
        self._clock = clock
        self._secrets_read_at: float | None = None

    def run(self) -> Readiness:
        """Check; never raises for what is down, which is the answer."""
        secrets_ok = self._secrets_are_readable()
        started = self._clock()
        current: int | None
        try:
            current = self._probe.current_migration(within_seconds=self._within_seconds)
        except UpstreamError:
            current = None
        return Readiness(
            database_ok=current is not None,
            database_latency_ms=round((self._clock() - started) * 1000, 1),
            current_migration=current,
            expected_migration=self._expected_migration,
            secrets_ok=secrets_ok,
        )

    def _secrets_are_readable(self) -> bool:
        read_at = self._secrets_read_at
        if read_at is not None and self._clock() - read_at < _SECRETS_FRESH_SECONDS:
            return True
        try:
            self._read_secret()
        except UpstreamError:
            return False
        self._secrets_read_at = self._clock()
        return True
