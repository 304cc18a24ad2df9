"""Browsers that are signed in, through the admin role's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.audit import note
from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.audit import Action, Deed
from tillgate.domain.sessions import StoredSession

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row


class PostgresSessions:
    """Implements SessionStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def begin_attempt(self, address: str) -> int:
        [(wait_seconds,)] = self._rows("SELECT tillgate.admin_attempt_begin(%s)", (address,))
        return int(wait_seconds)

    def open_session(
        self, digest: bytes, *, token_digest: bytes, seconds: int, address: str
    ) -> datetime:
        # In a transaction, which is not tried twice: a second try would find it open.
        with (
            refusals_as_unavailable,
            self._database.transaction(within_seconds=self._within_seconds) as cursor,
        ):
            rows: list[tuple[datetime]] = cursor.execute(
                "SELECT tillgate.admin_session_open(%s, %s, make_interval(secs => %s), %s)",
                (digest, token_digest, seconds, address),
            ).fetchall()
            note(self._database, cursor, Deed(Action.OPERATOR_SIGNED_IN))
        return rows[0][0]

    def find_session(self, digest: bytes) -> StoredSession | None:
        rows = self._rows(
            "SELECT token_digest, expires_at FROM tillgate.admin_session_find(%s)", (digest,)
        )
        if not rows:
            return None
        token_digest, expires_at = rows[0]
        return StoredSession(token_digest=token_digest, expires_at=expires_at)

    def close_session(self, digest: bytes) -> None:
        with (
            refusals_as_unavailable,
            self._database.transaction(within_seconds=self._within_seconds) as cursor,
        ):
            cursor.execute("SELECT tillgate.admin_session_close(%s)", (digest,))
            note(self._database, cursor, Deed(Action.OPERATOR_SIGNED_OUT))

    def _rows(self, query: LiteralString, params: Sequence[object]) -> list[Row]:
        with refusals_as_unavailable:
            return self._database.rows(query, params, within_seconds=self._within_seconds)
