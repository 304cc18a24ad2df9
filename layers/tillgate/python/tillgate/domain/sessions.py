"""A browser that the operator has signed in with, so that the token is typed once a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``csrf`` stands in each form of its pages: only who was served one can send it.

    ``token_digest`` is the SHA-256 of the operator's token that opened it.
    """

    csrf: str
    token_digest: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """As it is kept, under the SHA-256 of its cookie."""

    token_digest: bytes
    expires_at: datetime


class SessionStore(Protocol):
    """Where sessions are, each under the SHA-256 of its cookie; StoreUnavailableError."""

    def begin_attempt(self, address: str) -> int:
        """Note that somebody at ``address`` tries to sign in, unless too many have.

        Give 0 when this one may, else the seconds after which the next one may.
        """
        ...

    def open_session(
        self, digest: bytes, *, token_digest: bytes, seconds: int, address: str
    ) -> datetime:
        """Keep a new session, and forget the attempts from ``address``; give when it ends."""
        ...

    def find_session(self, digest: bytes) -> StoredSession | None:
        """Give the session, if it has not ended."""
        ...

    def close_session(self, digest: bytes) -> None:
        """Forget the session; idempotent."""
        ...
