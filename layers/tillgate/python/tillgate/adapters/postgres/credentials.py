"""Sources' credentials for their vendors' APIs, written by the admin role; deliver reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.tenant import SourceId

_SET: LiteralString = """
    UPDATE tillgate.source
    SET sealed_credential = %s, api_url = %s, credential_set_at = now()
    WHERE source_id = %s
    RETURNING 1
"""
_REMOVE: LiteralString = """
    UPDATE tillgate.source
    SET sealed_credential = NULL, api_url = NULL, credential_set_at = NULL
    WHERE source_id = %s AND sealed_credential IS NOT NULL
    RETURNING 1
"""


class PostgresCredentialStore:
    """Implements CredentialStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def set_credential(self, source_id: SourceId, *, api_url: str, sealed_token: bytes) -> bool:
        return bool(
            self._database.rows(
                _SET, (sealed_token, api_url, source_id), within_seconds=self._within_seconds
            )
        )

    def remove_credential(self, source_id: SourceId) -> bool:
        # In a transaction, which is not tried twice: a second try would find none to remove.
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            return bool(cursor.execute(_REMOVE, (source_id,)).fetchall())
