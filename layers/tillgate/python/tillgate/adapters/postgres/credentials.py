"""Sources' credentials for their vendors' APIs, written by the admin role; deliver reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed, host_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.audit import Detail
    from tillgate.domain.tenant import SourceId

_SET: LiteralString = """
    UPDATE tillgate.source
    SET sealed_credential = %s, api_url = %s, credential_set_at = now()
    WHERE source_id = %s
    RETURNING tenant_id::text
"""
_REMOVE: LiteralString = """
    UPDATE tillgate.source
    SET sealed_credential = NULL, api_url = NULL, credential_set_at = NULL
    WHERE source_id = %s AND sealed_credential IS NOT NULL
    RETURNING tenant_id::text
"""


class PostgresCredentialStore:
    """Implements CredentialStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def set_credential(self, source_id: SourceId, *, api_url: str, sealed_token: bytes) -> bool:
        params = (sealed_token, api_url, source_id)
        details = {"host": host_of(api_url)}
        return self._change(Action.SOURCE_CREDENTIAL_SET, _SET, params, details)

    def remove_credential(self, source_id: SourceId) -> bool:
        return self._change(Action.SOURCE_CREDENTIAL_REMOVED, _REMOVE, (source_id,))

    def _change(
        self,
        action: Action,
        query: LiteralString,
        params: Sequence[object],
        details: Mapping[str, Detail] | None = None,
    ) -> bool:
        """Change the source whose id is the last parameter; False where there was none."""
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            rows = cursor.execute(query, params).fetchall()
            for (tenant_id,) in rows:
                target = ("source", str(params[-1]))
                deed = Deed(action, tenant_id=tenant_id, target=target, details=details or {})
                note(self._database, cursor, deed)
            return bool(rows)
