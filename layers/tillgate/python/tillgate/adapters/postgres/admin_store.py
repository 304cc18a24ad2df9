"""What the operator keeps, read and written by the admin role."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString

from psycopg import errors

from tillgate.domain.administration import (
    MAX_COUNTED,
    AppRecord,
    EndpointState,
    SourceRecord,
    StoreStatus,
    TenantRecord,
    TokenRecord,
)
from tillgate.domain.enrichment import CredentialRecord
from tillgate.domain.errors import MerchantTakenError, NotFoundError, SlugTakenError
from tillgate.domain.tenant import AppId, SourceId, TenantId, TenantState, TokenId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.administration import NewApp, NewSource

_TENANTS: LiteralString = """
    SELECT tenant_id::text, slug, name, CASE
            WHEN tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e) THEN 'erased'
            ELSE state
        END, created_at
    FROM tillgate.tenant
"""
_ADD_TENANT: LiteralString = """
    INSERT INTO tillgate.tenant (slug, name) VALUES (%s, %s)
    RETURNING tenant_id::text, slug, name, state, created_at
"""
_SET_TENANT_STATE: LiteralString = """
    UPDATE tillgate.tenant SET state = %s WHERE tenant_id = %s
    RETURNING tenant_id::text, slug, name, state, created_at
"""
_TOKENS: LiteralString = """
    SELECT token_id::text, tenant_id::text, name, hint, created_at, revoked_at
    FROM tillgate.api_token WHERE tenant_id = %s ORDER BY created_at, token_id
"""
_ISSUE: LiteralString = """
    INSERT INTO tillgate.api_token (tenant_id, name, digest, hint) VALUES (%s, %s, %s, %s)
    RETURNING token_id::text, tenant_id::text, name, hint, created_at, revoked_at
"""
_REVOKE: LiteralString = """
    UPDATE tillgate.api_token SET revoked_at = coalesce(revoked_at, now()) WHERE token_id = %s
    RETURNING token_id::text, tenant_id::text, name, hint, created_at, revoked_at
"""
_APPS: LiteralString = """
    SELECT app_id::text, provider, name, notification_url, awaits_secret, verification_code,
        handshake_at, created_at
    FROM tillgate.app
"""
_ADD_APP: LiteralString = """
    INSERT INTO tillgate.app (
        app_id, provider, name, notification_url, sealed_secret, awaits_secret
    ) VALUES (%s, %s, %s, %s, %s, %s)
    RETURNING app_id::text, provider, name, notification_url, awaits_secret, verification_code,
        handshake_at, created_at
"""
_RESEAL_APP: LiteralString = """
    UPDATE tillgate.app SET sealed_secret = %s WHERE app_id = %s
    RETURNING app_id::text, provider, name, notification_url, awaits_secret, verification_code,
        handshake_at, created_at
"""
_SOURCES: LiteralString = """
    SELECT s.source_id::text, s.tenant_id::text, s.provider, s.name, s.merchant_id,
        s.app_id::text, coalesce(s.notification_url, a.notification_url),
        coalesce(a.awaits_secret, s.awaits_secret),
        coalesce(a.verification_code, s.verification_code),
        coalesce(a.handshake_at, s.handshake_at), s.created_at, s.api_url,
        s.credential_set_at, s.quiet_after_minutes
    FROM tillgate.source AS s
    LEFT JOIN tillgate.app AS a ON a.app_id = s.app_id
"""
_ADD_SOURCE: LiteralString = """
    INSERT INTO tillgate.source (
        source_id, tenant_id, provider, name, merchant_id, app_id, notification_url,
        sealed_secret, awaits_secret
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_RESEAL_SOURCE: LiteralString = """
    UPDATE tillgate.source SET sealed_secret = %s WHERE source_id = %s AND app_id IS NULL
    RETURNING source_id::text, tenant_id::text, provider, name, merchant_id,
        app_id::text, notification_url, awaits_secret, verification_code, handshake_at, created_at,
        api_url, credential_set_at, quiet_after_minutes
"""
_STATUS: LiteralString = """
    SELECT
        (SELECT coalesce(max(m.number), 0) FROM tillgate.schema_migration AS m),
        (
            SELECT min(d.n) - 1
            FROM generate_series(0, 1000) AS d (n),
                to_char((now() AT TIME ZONE 'UTC')::date + d.n, 'YYYYMMDD') AS day
            WHERE to_regclass('tillgate.event_' || day) IS NULL
                OR to_regclass('tillgate.delivery_' || day) IS NULL
                OR to_regclass('tillgate.attempt_' || day) IS NULL
                    AND to_regclass('tillgate.attempt') IS NOT NULL
        ),
        (SELECT count(*) FROM tillgate.tenant),
        to_regprocedure('tillgate.dead_letter_count(integer)') IS NOT NULL,
        to_regclass('tillgate.destination_breaker') IS NOT NULL
"""
_DEAD_LETTERS: LiteralString = "SELECT tillgate.dead_letter_count(%s)"
_OPEN_BREAKERS: LiteralString = """
    SELECT count(*) FROM tillgate.destination_breaker WHERE open_until > now()
"""


class PostgresAdminStore:
    """Implements AdminStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def add_tenant(self, *, slug: str, name: str) -> TenantRecord:
        try:
            return _tenant(self._add(_ADD_TENANT, slug, name))
        except errors.UniqueViolation:
            raise SlugTakenError(f"There is a tenant with the slug {slug} already.") from None

    def tenants(self, *, slug: str | None = None) -> list[TenantRecord]:
        if slug is None:
            rows = self._run(_TENANTS + " ORDER BY slug")
        else:
            rows = self._run(_TENANTS + " WHERE slug = %s", slug)
        return [_tenant(row) for row in rows]

    def tenant(self, tenant_id: TenantId) -> TenantRecord | None:
        rows = self._run(_TENANTS + " WHERE tenant_id = %s", tenant_id)
        return _tenant(rows[0]) if rows else None

    def set_tenant_state(self, tenant_id: TenantId, state: TenantState) -> TenantRecord | None:
        rows = self._run(_SET_TENANT_STATE, state, tenant_id)
        return _tenant(rows[0]) if rows else None

    def add_token(self, tenant_id: TenantId, *, name: str, digest: bytes, hint: str) -> TokenRecord:
        with _tenant_must_exist():
            return _token(self._add(_ISSUE, tenant_id, name, digest, hint))

    def tokens(self, tenant_id: TenantId) -> list[TokenRecord]:
        return [_token(row) for row in self._run(_TOKENS, tenant_id)]

    def revoke_token(self, token_id: TokenId) -> TokenRecord | None:
        rows = self._run(_REVOKE, token_id)
        return _token(rows[0]) if rows else None

    def add_app(self, app: NewApp) -> AppRecord:
        row = self._add(
            _ADD_APP, app.app_id, app.provider, app.name, app.notification_url,
            app.sealed_secret, app.awaits_secret,
        )  # fmt: skip
        return _app(row)

    def apps(self) -> list[AppRecord]:
        return [_app(row) for row in self._run(_APPS + " ORDER BY created_at, app_id")]

    def app(self, app_id: AppId) -> AppRecord | None:
        rows = self._run(_APPS + " WHERE app_id = %s", app_id)
        return _app(rows[0]) if rows else None

    def set_app_secret(self, app_id: AppId, sealed_secret: bytes) -> AppRecord | None:
        rows = self._run(_RESEAL_APP, sealed_secret, app_id)
        return _app(rows[0]) if rows else None

    def add_source(self, source: NewSource) -> SourceRecord:
        params = (
            source.source_id, source.tenant_id, source.provider, source.name,
            source.merchant_id, source.app_id, source.notification_url, source.sealed_secret,
            source.awaits_secret,
        )  # fmt: skip
        try:
            with (
                _tenant_must_exist(),
                self._database.transaction(within_seconds=self._within_seconds) as cursor,
            ):
                cursor.execute(_ADD_SOURCE, params)
                # Read back with a join: a bound source's URL is its app's.
                cursor.execute(_SOURCES + " WHERE s.source_id = %s", (source.source_id,))
                [row] = cursor.fetchall()
                return _source(row)
        except errors.UniqueViolation:
            raise MerchantTakenError(
                f"This app has a source for the merchant {source.merchant_id} already."
            ) from None

    def sources(self, tenant_id: TenantId) -> list[SourceRecord]:
        query = _SOURCES + " WHERE s.tenant_id = %s ORDER BY s.created_at, s.source_id"
        return [_source(row) for row in self._run(query, tenant_id)]

    def source(self, source_id: SourceId) -> SourceRecord | None:
        rows = self._run(_SOURCES + " WHERE s.source_id = %s", source_id)
        return _source(rows[0]) if rows else None

    def set_source_secret(self, source_id: SourceId, sealed_secret: bytes) -> SourceRecord | None:
        rows = self._run(_RESEAL_SOURCE, sealed_secret, source_id)
        return _source(rows[0]) if rows else None

    def status(self) -> StoreStatus:
        # The schema may be older than the code: then the status is what tells.
        [(migration, days_ahead, tenants, counts_dead_letters, has_breakers)] = self._run(_STATUS)
        dead_letters = self._run(_DEAD_LETTERS, MAX_COUNTED)[0][0] if counts_dead_letters else None
        open_breakers = self._run(_OPEN_BREAKERS)[0][0] if has_breakers else None
        return StoreStatus(
            migration=migration,
            days_ahead=days_ahead,
            tenants=tenants,
            dead_letters=dead_letters,
            open_breakers=open_breakers,
        )

    def _run(self, query: LiteralString, *params: object) -> list[Row]:
        # It runs twice when the connection turns out to be dead: only what is idempotent.
        return self._database.rows(query, params, within_seconds=self._within_seconds)

    def _add(self, query: LiteralString, *params: object) -> Row:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            [row] = cursor.execute(query, params).fetchall()
            return row


@contextmanager
def _tenant_must_exist() -> Iterator[None]:
    try:
        yield
    except errors.ForeignKeyViolation:
        raise NotFoundError("There is no such tenant.") from None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _tenant(row: Row) -> TenantRecord:
    tenant_id, slug, name, state, created_at = row
    return TenantRecord(
        tenant_id=TenantId(tenant_id), slug=slug, name=name, state=TenantState(state),
        created_at=_utc(created_at),
    )  # fmt: skip


def _token(row: Row) -> TokenRecord:
    token_id, tenant_id, name, hint, created_at, revoked_at = row
    return TokenRecord(
        token_id=TokenId(token_id), tenant_id=TenantId(tenant_id), name=name, hint=hint,
        created_at=_utc(created_at), revoked_at=_utc(revoked_at) if revoked_at else None,
    )  # fmt: skip


def _app(row: Row) -> AppRecord:
    app_id, provider, name, notification_url, awaits_secret, code, shaken_at, created_at = row
    return AppRecord(
        app_id=AppId(app_id), provider=provider, name=name, notification_url=notification_url,
        state=_state(awaits_secret=awaits_secret), verification_code=code,
        handshake_at=_utc(shaken_at) if shaken_at else None, created_at=_utc(created_at),
    )  # fmt: skip


def _source(row: Row) -> SourceRecord:
    source_id, tenant_id, provider, name, merchant_id, app_id, notification_url, *rest = row
    awaits_secret, code, shaken_at, created_at, api_url, set_at, quiet_after_minutes = rest
    return SourceRecord(
        source_id=SourceId(source_id), tenant_id=TenantId(tenant_id), provider=provider,
        name=name, merchant_id=merchant_id, app_id=AppId(app_id) if app_id else None,
        notification_url=notification_url, state=_state(awaits_secret=awaits_secret),
        verification_code=code, handshake_at=_utc(shaken_at) if shaken_at else None,
        created_at=_utc(created_at),
        credential=CredentialRecord(api_url=api_url, set_at=_utc(set_at)) if api_url else None,
        quiet_after_minutes=quiet_after_minutes,
    )  # fmt: skip


def _state(*, awaits_secret: bool) -> EndpointState:
    return EndpointState.PENDING if awaits_secret else EndpointState.READY
