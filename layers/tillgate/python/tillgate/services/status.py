"""How the whole installation is, for the operator's ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.domain.administration import StoreStatus
    from tillgate.domain.ports import AdminStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """``store`` is None when the database gave no answer, ``kids`` when the key ring gave none.

    ``latency_ms`` is what the database took. Of ``kids``, the last one seals.
    """

    store: StoreStatus | None
    latency_ms: float
    expected_migration: int
    kids: tuple[str, ...] | None


class CheckStatus:
    """Asks everything that the operator's role may ask; ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        store: AdminStore,
        *,
        read_kids: Callable[[], Sequence[str]],
        expected_migration: int,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._read_kids = read_kids
        self._expected_migration = expected_migration
        self._clock = clock

    def run(self) -> Status:
        """Check; what is down is the answer, not an error."""
        started = self._clock()
        store = self._ask_store()
        return Status(
            store=store,
            latency_ms=round((self._clock() - started) * 1000, 1),
            expected_migration=self._expected_migration,
            kids=self._ask_key_ring(),
        )

    def _ask_store(self) -> StoreStatus | None:
        try:
            return self._store.status()
        except StoreUnavailableError:
            return None

    def _ask_key_ring(self) -> tuple[str, ...] | None:
        try:
            return tuple(self._read_kids())
        except SecretUnavailableError:
            return None
