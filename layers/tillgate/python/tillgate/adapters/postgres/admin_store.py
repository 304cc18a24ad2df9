"""What the operator keeps, read and written by the admin role."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, LiteralString

from psycopg import errors

from tillgate.adapters.postgres.admin_records import (
    app_record,
    source_record,
    tenant_record,
    token_record,
)
from tillgate.adapters.postgres.audit import note
from tillgate.domain.administration import (
    MAX_COUNTED,
    AppRecord,
    SourceRecord,
    StoreStatus,
    TenantRecord,
    TokenRecord,
)
from tillgate.domain.audit import Action, Deed
from tillgate.domain.endpoint_rotation import OLD_AFTER_DAYS
from tillgate.domain.errors import MerchantTakenError, NotFoundError, SlugTakenError
from tillgate.domain.tenant import AppId, SourceId, TenantId, TenantState, TokenId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.administration import NewApp, NewSource
    from tillgate.domain.audit import Detail
    from tillgate.domain.tenant import RateLimit


_TENANT: LiteralString = """
    t.tenant_id::text, t.slug, t.name, CASE
        WHEN t.tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e) THEN 'erased'
        ELSE t.state
    END, t.created_at, t.events_per_second, t.burst, (
        SELECT max(r.limited_at) FROM tillgate.tenant_rate AS r WHERE r.tenant_id = t.tenant_id
    )
"""
_TENANTS: LiteralString = "SELECT" + _TENANT + "FROM tillgate.tenant AS t"
_RETURNING_TENANT: LiteralString = "RETURNING" + _TENANT
_ADD_TENANT: LiteralString = "INSERT INTO tillgate.tenant AS t (slug, name) VALUES (%s, %s) "
_SET_TENANT_STATE: LiteralString = """
    UPDATE tillgate.tenant AS t SET state = %s WHERE t.tenant_id = %s
"""
_SET_LIMIT: LiteralString = """
    UPDATE tillgate.tenant AS t SET events_per_second = %s, burst = %s WHERE t.tenant_id = %s
"""
TOKENS_COLUMNS: LiteralString = """
    t.token_id::text, t.tenant_id::text, t.name, t.hint, t.created_at, t.revoked_at,
    (SELECT a.last_used_at FROM tillgate.token_activity AS a WHERE a.token_id = t.token_id),
    (SELECT n.token_id::text FROM tillgate.api_token AS n WHERE n.replaces = t.token_id), now()
"""
TOKENS: LiteralString = """
    SELECT t.token_id::text, t.tenant_id::text, t.name, t.hint, t.created_at, t.revoked_at,
        (SELECT a.last_used_at FROM tillgate.token_activity AS a WHERE a.token_id = t.token_id),
        (SELECT n.token_id::text FROM tillgate.api_token AS n WHERE n.replaces = t.token_id), now()
    FROM tillgate.api_token AS t
"""
_OF_TENANT: LiteralString = "WHERE t.tenant_id = %s ORDER BY t.created_at, t.token_id"
_ISSUE: LiteralString = """
    INSERT INTO tillgate.api_token AS t (tenant_id, name, digest, hint) VALUES (%s, %s, %s, %s)
    RETURNING
"""
# One that ends at a time ahead ends now.
_REVOKE: LiteralString = """
    UPDATE tillgate.api_token AS t SET revoked_at = least(t.revoked_at, now())
    WHERE t.token_id = %s RETURNING
"""
_APP_COLUMNS: LiteralString = """
    app_id::text, provider, name, notification_url, awaits_secret, verification_code,
    handshake_at, created_at, secret_set_at, previous_since, previous_overlap_until,
    previous_until, previous_matched_at, now()
"""
_APPS: LiteralString = """
    SELECT app_id::text, provider, name, notification_url, awaits_secret, verification_code,
        handshake_at, created_at, secret_set_at, previous_since, previous_overlap_until,
        previous_until, previous_matched_at, now()
    FROM tillgate.app
"""
_ADD_APP: LiteralString = """
    INSERT INTO tillgate.app (
        app_id, provider, name, notification_url, sealed_secret, awaits_secret
    ) VALUES (%s, %s, %s, %s, %s, %s) RETURNING
"""
_RESEAL_APP: LiteralString = """
    UPDATE tillgate.app SET sealed_secret = %s WHERE app_id = %s RETURNING
"""
_SOURCES: LiteralString = """
    SELECT s.source_id::text, s.tenant_id::text, s.provider, s.name, s.merchant_id,
        s.app_id::text, coalesce(s.notification_url, a.notification_url),
        coalesce(a.awaits_secret, s.awaits_secret),
        coalesce(a.verification_code, s.verification_code),
        coalesce(a.handshake_at, s.handshake_at), s.created_at, s.api_url,
        s.credential_set_at, s.quiet_after_minutes, coalesce(a.secret_set_at, s.secret_set_at),
        coalesce(a.previous_since, s.previous_since),
        coalesce(a.previous_overlap_until, s.previous_overlap_until),
        coalesce(a.previous_until, s.previous_until),
        coalesce(a.previous_matched_at, s.previous_matched_at), now()
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
        api_url, credential_set_at, quiet_after_minutes, secret_set_at, previous_since,
        previous_overlap_until, previous_until, previous_matched_at, now()
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
        to_regclass('tillgate.destination_breaker') IS NOT NULL,
        to_regclass('tillgate.token_activity') IS NOT NULL
"""
_DEAD_LETTERS: LiteralString = "SELECT tillgate.dead_letter_count(%s)"
_OPEN_BREAKERS: LiteralString = """
    SELECT count(*) FROM tillgate.destination_breaker WHERE open_until > now()
"""

# Of each kind as many as are counted at all.
_OLD_SECRETS: LiteralString = """
    WITH past AS (SELECT now() - make_interval(days => %s) AS at), old AS (
        (
            SELECT FROM tillgate.source AS s, past
            WHERE s.sealed_secret IS NOT NULL AND NOT s.awaits_secret AND s.secret_set_at <= past.at
            LIMIT %s
        ) UNION ALL (
            SELECT FROM tillgate.app AS p, past
            WHERE NOT p.awaits_secret AND p.secret_set_at <= past.at
            LIMIT %s
        ) UNION ALL (
            SELECT FROM tillgate.api_token AS t, past
            WHERE t.revoked_at IS NULL AND t.created_at <= past.at
            LIMIT %s
        )
    )
    SELECT least(count(*), %s) FROM old
"""
_PREVIOUS_IN_USE: LiteralString = """
    SELECT count(*)
    FROM (
        SELECT previous_until, previous_overlap_until FROM tillgate.source
        WHERE previous_sealed_secret IS NOT NULL
        UNION ALL
        SELECT previous_until, previous_overlap_until FROM tillgate.app
        WHERE previous_sealed_secret IS NOT NULL
    ) AS p
    WHERE p.previous_until > now() AND p.previous_overlap_until <= now()
"""


class PostgresAdminStore:
    """Implements AdminStore. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, *, within_seconds: float) -> None:
        self._database = database
        self._within_seconds = within_seconds

    def add_tenant(self, *, slug: str, name: str) -> TenantRecord:
        try:
            [row] = self._change(Action.TENANT_CREATED, _ADD_TENANT + _RETURNING_TENANT, slug, name)
            return tenant_record(row)
        except errors.UniqueViolation:
            raise SlugTakenError(f"There is a tenant with the slug {slug} already.") from None

    def tenants(self, *, slug: str | None = None) -> list[TenantRecord]:
        if slug is None:
            rows = self._run(_TENANTS + " ORDER BY slug")
        else:
            rows = self._run(_TENANTS + " WHERE slug = %s", slug)
        return [tenant_record(row) for row in rows]

    def tenant(self, tenant_id: TenantId) -> TenantRecord | None:
        rows = self._run(_TENANTS + " WHERE tenant_id = %s", tenant_id)
        return tenant_record(rows[0]) if rows else None

    def set_tenant_state(self, tenant_id: TenantId, state: TenantState) -> TenantRecord | None:
        suspends = state is TenantState.SUSPENDED
        action = Action.TENANT_SUSPENDED if suspends else Action.TENANT_RESUMED
        rows = self._change(action, _SET_TENANT_STATE + _RETURNING_TENANT, state, tenant_id)
        return tenant_record(rows[0]) if rows else None

    def set_tenant_limit(self, tenant_id: TenantId, limit: RateLimit | None) -> TenantRecord | None:
        rows = self._change(
            Action.TENANT_LIMIT_SET,
            _SET_LIMIT + _RETURNING_TENANT,
            *(limit or (None, None)),
            tenant_id,
        )
        return tenant_record(rows[0]) if rows else None

    def add_token(self, tenant_id: TenantId, *, name: str, digest: bytes, hint: str) -> TokenRecord:
        with _tenant_must_exist():
            [row] = self._change(
                Action.TOKEN_CREATED, _ISSUE + TOKENS_COLUMNS, tenant_id, name, digest, hint
            )
            return token_record(row)

    def tokens(self, tenant_id: TenantId) -> list[TokenRecord]:
        return [token_record(row) for row in self._run(TOKENS + _OF_TENANT, tenant_id)]

    def revoke_token(self, token_id: TokenId) -> TokenRecord | None:
        rows = self._change(Action.TOKEN_REVOKED, _REVOKE + TOKENS_COLUMNS, token_id)
        return token_record(rows[0]) if rows else None

    def add_app(self, app: NewApp) -> AppRecord:
        [row] = self._change(
            Action.APP_CREATED, _ADD_APP + _APP_COLUMNS, app.app_id, app.provider, app.name,
            app.notification_url, app.sealed_secret, app.awaits_secret,
        )  # fmt: skip
        return app_record(row)

    def apps(self) -> list[AppRecord]:
        return [app_record(row) for row in self._run(_APPS + " ORDER BY created_at, app_id")]

    def app(self, app_id: AppId) -> AppRecord | None:
        rows = self._run(_APPS + " WHERE app_id = %s", app_id)
        return app_record(rows[0]) if rows else None

    def set_app_secret(self, app_id: AppId, sealed_secret: bytes) -> AppRecord | None:
        rows = self._change(
            Action.APP_SECRET_SET, _RESEAL_APP + _APP_COLUMNS, sealed_secret, app_id
        )
        return app_record(rows[0]) if rows else None

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
                note(self._database, cursor, _deed(Action.SOURCE_CREATED, row))
                return source_record(row)
        except errors.UniqueViolation:
            raise MerchantTakenError(
                f"This app has a source for the merchant {source.merchant_id} already."
            ) from None

    def sources(self, tenant_id: TenantId) -> list[SourceRecord]:
        query = _SOURCES + " WHERE s.tenant_id = %s ORDER BY s.created_at, s.source_id"
        return [source_record(row) for row in self._run(query, tenant_id)]

    def source(self, source_id: SourceId) -> SourceRecord | None:
        rows = self._run(_SOURCES + " WHERE s.source_id = %s", source_id)
        return source_record(rows[0]) if rows else None

    def set_source_secret(self, source_id: SourceId, sealed_secret: bytes) -> SourceRecord | None:
        rows = self._change(Action.SOURCE_SECRET_SET, _RESEAL_SOURCE, sealed_secret, source_id)
        return source_record(rows[0]) if rows else None

    def status(self) -> StoreStatus:
        # The schema may be older than the code: then the status is what tells.
        [(migration, days_ahead, tenants, *has)] = self._run(_STATUS)
        counts_dead_letters, has_breakers, has_rotation = has
        dead_letters = self._run(_DEAD_LETTERS, MAX_COUNTED)[0][0] if counts_dead_letters else None
        open_breakers = self._run(_OPEN_BREAKERS)[0][0] if has_breakers else None
        old = self._run(_OLD_SECRETS, OLD_AFTER_DAYS, *[MAX_COUNTED] * 4) if has_rotation else None
        in_use = self._run(_PREVIOUS_IN_USE) if has_rotation else None
        return StoreStatus(
            migration=migration,
            days_ahead=days_ahead,
            tenants=tenants,
            dead_letters=dead_letters,
            open_breakers=open_breakers,
            old_secrets=old[0][0] if old else None,
            previous_in_use=in_use[0][0] if in_use else None,
        )

    def _run(self, query: LiteralString, *params: object) -> list[Row]:
        # It runs twice when the connection turns out to be dead: only what is idempotent.
        return self._database.rows(query, params, within_seconds=self._within_seconds)

    def _change(self, action: Action, query: LiteralString, *params: object) -> list[Row]:
        """Change one row, which the query gives back, or none; and say who did."""
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            rows = cursor.execute(query, params).fetchall()
            for row in rows:
                note(self._database, cursor, _deed(action, row))
            return rows


@contextmanager
def _tenant_must_exist() -> Iterator[None]:
    try:
        yield
    except errors.ForeignKeyViolation:
        raise NotFoundError("There is no such tenant.") from None


def _deed(action: Action, row: Row) -> Deed:
    """Say what was done to the tenant, token, app or source of a row.

    Whose provider it is was checked, and a token's hint is Tillgate's own making.
    """
    kind = action.value.partition(".")[0]
    tenant_id: TenantId | None = None
    details: dict[str, Detail] = {}
    match kind:
        case "tenant":
            tenant_id = row[0]
        case "token":
            tenant_id, details = row[1], {"hint": row[3]}
        case "app":
            details = {"provider": row[1]}
        case _:
            tenant_id, details = row[1], {"provider": row[2], "app_id": row[5]}
    return Deed(action, tenant_id=tenant_id, target=(kind, row[0]), details=details)
