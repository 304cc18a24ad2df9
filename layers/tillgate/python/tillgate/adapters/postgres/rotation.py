"""Secrets and tokens in rotation, written by the admin role."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.admin_records import token_record
from tillgate.adapters.postgres.admin_store import TOKENS, TOKENS_COLUMNS
from tillgate.adapters.postgres.audit import note
from tillgate.domain.audit import Action, Deed
from tillgate.domain.endpoint_rotation import EndpointKind, EndpointSecrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.administration import TokenRecord
    from tillgate.domain.audit import Detail
    from tillgate.domain.tenant import TenantId, TokenId

_SECRETS: dict[EndpointKind, LiteralString] = {
    EndpointKind.SOURCE: """
        SELECT sealed_secret, awaits_secret, coalesce(previous_until > now(), false)
        FROM tillgate.source WHERE source_id = %s AND app_id IS NULL
    """,
    EndpointKind.APP: """
        SELECT sealed_secret, awaits_secret, coalesce(previous_until > now(), false)
        FROM tillgate.app WHERE app_id = %s
    """,
}
# That the secret is still the one that was looked at makes a repeat harmless, and of two at once
# one the first. Without an overlap nothing is kept of what was before.
_SET: LiteralString = """
    SET sealed_secret = %(sealed)s,
        previous_sealed_secret = CASE WHEN %(overlap)s > 0 THEN sealed_secret END,
        previous_since = CASE WHEN %(overlap)s > 0 THEN now() END,
        previous_overlap_until = CASE
            WHEN %(overlap)s > 0 THEN now() + make_interval(secs => %(overlap)s)
        END,
        previous_until = CASE
            WHEN %(overlap)s > 0 THEN now() + make_interval(secs => %(overlap)s)
        END,
        previous_matched_at = NULL,
        previous_ended_at = greatest(previous_ended_at, least(previous_until, now()))
"""
_IF: LiteralString = """
    AND sealed_secret = %(expected)s AND NOT awaits_secret
    AND (%(overlap)s = 0 OR %(replaces)s OR previous_until IS NULL OR previous_until <= now())
"""
# Whose it is: an app is nobody's.
_OF_TENANT: LiteralString = " RETURNING tenant_id::text"
_OF_NOBODY: LiteralString = " RETURNING NULL::text"
_ROTATE: dict[EndpointKind, LiteralString] = {
    EndpointKind.SOURCE: "UPDATE tillgate.source"
    + _SET
    + "WHERE source_id = %(id)s AND app_id IS NULL"
    + _IF
    + _OF_TENANT,
    EndpointKind.APP: "UPDATE tillgate.app" + _SET + "WHERE app_id = %(id)s" + _IF + _OF_NOBODY,
}
_RETIRED: LiteralString = """
    SET previous_sealed_secret = NULL, previous_since = NULL, previous_overlap_until = NULL,
        previous_until = NULL, previous_matched_at = NULL,
        previous_ended_at = least(previous_until, now())
"""
_RETIRE: dict[EndpointKind, LiteralString] = {
    EndpointKind.SOURCE: "UPDATE tillgate.source"
    + _RETIRED
    + "WHERE source_id = %s AND previous_sealed_secret IS NOT NULL"
    + _OF_TENANT,
    EndpointKind.APP: "UPDATE tillgate.app"
    + _RETIRED
    + "WHERE app_id = %s AND previous_sealed_secret IS NOT NULL"
    + _OF_NOBODY,
}
_END: LiteralString = """
    UPDATE tillgate.api_token AS t SET revoked_at = now() + make_interval(secs => %s)
    WHERE t.token_id = %s AND t.revoked_at IS NULL RETURNING
"""
_SUCCEED: LiteralString = """
    INSERT INTO tillgate.api_token AS t (tenant_id, name, digest, hint, replaces)
    VALUES (%s, %s, %s, %s, %s) RETURNING
"""
_ROTATED = {
    EndpointKind.SOURCE: Action.SOURCE_SECRET_ROTATED,
    EndpointKind.APP: Action.APP_SECRET_ROTATED,
}
_RETIRED_BY = {
    EndpointKind.SOURCE: Action.SOURCE_SECRET_RETIRED,
    EndpointKind.APP: Action.APP_SECRET_RETIRED,
}


class PostgresRotations:
    """Implements Rotations. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def secrets(self, kind: EndpointKind, endpoint_id: str) -> EndpointSecrets | None:
        rows = self._database.rows(
            _SECRETS[kind], (endpoint_id,), within_seconds=self._within_seconds
        )
        if not rows:
            return None
        sealed, awaits_secret, has_previous = rows[0]
        return EndpointSecrets(
            sealed=bytes(sealed), awaits_secret=awaits_secret, has_previous=has_previous
        )

    def rotate(
        self,
        kind: EndpointKind,
        endpoint_id: str,
        *,
        expected: bytes,
        sealed: bytes,
        overlap_seconds: int,
        replaces_previous: bool,
    ) -> bool:
        params = {
            "id": endpoint_id,
            "expected": expected,
            "sealed": sealed,
            "overlap": overlap_seconds,
            "replaces": replaces_previous,
        }
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            changed = cursor.execute(_ROTATE[kind], params).fetchall()
            for (tenant_id,) in changed:
                details = {"overlap_seconds": overlap_seconds}
                self._note(cursor, _ROTATED[kind], kind, endpoint_id, tenant_id, details)
            return bool(changed)

    def retire(self, kind: EndpointKind, endpoint_id: str) -> None:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            for (tenant_id,) in cursor.execute(_RETIRE[kind], (endpoint_id,)).fetchall():
                self._note(cursor, _RETIRED_BY[kind], kind, endpoint_id, tenant_id, {})

    def _note(
        self,
        cursor: psycopg.Cursor[Row],
        action: Action,
        kind: EndpointKind,
        endpoint_id: str,
        tenant_id: TenantId | None,
        details: Mapping[str, Detail],
    ) -> None:
        target = (kind.value, endpoint_id)
        note(
            self._database,
            cursor,
            Deed(action, tenant_id=tenant_id, target=target, details=details),
        )

    def token(self, token_id: TokenId) -> TokenRecord | None:
        rows = self._database.rows(
            TOKENS + "WHERE t.token_id = %s", (token_id,), within_seconds=self._within_seconds
        )
        return token_record(rows[0]) if rows else None

    def rotate_token(
        self, token_id: TokenId, *, digest: bytes, hint: str, overlap_seconds: int
    ) -> TokenRecord | None:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            ended = cursor.execute(_END + TOKENS_COLUMNS, (overlap_seconds, token_id)).fetchall()
            if not ended:
                return None
            old = token_record(ended[0])
            params = (old.tenant_id, old.name, digest, hint, token_id)
            [made] = cursor.execute(_SUCCEED + TOKENS_COLUMNS, params).fetchall()
            new = token_record(made)
            details: dict[str, Detail] = {
                "hint": new.hint,
                "replaces": old.token_id,
                "overlap_seconds": overlap_seconds,
            }
            note(
                self._database,
                cursor,
                Deed(
                    Action.TOKEN_ROTATED,
                    tenant_id=new.tenant_id,
                    target=("token", new.token_id),
                    details=details,
                ),
            )
            return new
