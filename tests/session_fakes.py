"""An in-memory stand-in for where sessions are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.sessions import StoredSession

MOST_ATTEMPTS = 10


class InMemorySessions:
    """Implements SessionStore; ``now`` is set by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.sessions: dict[bytes, StoredSession] = {}
        self.attempts: Counter[str] = Counter()
        self.is_down = False

    def begin_attempt(self, address: str) -> int:
        self._answer()
        if self.attempts[address] >= MOST_ATTEMPTS:
            return 900
        self.attempts[address] += 1
        return 0

    def open_session(
        self, digest: bytes, *, token_digest: bytes, seconds: int, address: str
    ) -> datetime:
        self._answer()
        del self.attempts[address]
        ends_at = self.now + timedelta(seconds=seconds)
        self.sessions[digest] = StoredSession(token_digest=token_digest, expires_at=ends_at)
        return ends_at

    def find_session(self, digest: bytes) -> StoredSession | None:
        self._answer()
        found = self.sessions.get(digest)
        return found if found is not None and found.expires_at > self.now else None

    def close_session(self, digest: bytes) -> None:
        self._answer()
        self.sessions.pop(digest, None)

    def _answer(self) -> None:
        if self.is_down:
            raise StoreUnavailableError("no answer")
