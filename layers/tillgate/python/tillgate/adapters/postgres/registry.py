"""The registry, through the functions that look senders up."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString, Protocol

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.tenant import (
    AppId,
    Endpoint,
    RateLimit,
    RateStanding,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    TokenStanding,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.adapters.postgres.deadline_connection import Row


class Asked(Protocol):
    """A database, or a transaction of it."""

    def rows(
        self, query: LiteralString, params: Sequence[object] = (), *, within_seconds: float
    ) -> list[Row]: ...


class PostgresRegistry:
    """Implements Registry, Handshakes, TokenStandings and RegistrySnapshots.

    ``within_seconds`` is the deadline of one call; ``bucket`` names which of its rates a tenant
    uses here.
    """

    def __init__(self, database: Asked, *, within_seconds: float, bucket: str = "ingest") -> None:
        self._database = database
        self._bucket = bucket
        self._within_seconds = within_seconds

    def find_token(self, digest: bytes) -> Tenant | None:
        rows = self._rows(
            "SELECT t.tenant_id::text, t.slug, t.state, l.events_per_second, l.burst,"
            " l.used, l.seconds"
            " FROM tillgate.find_token(%s) AS t"
            " LEFT JOIN tillgate.tenant_limit(t.tenant_id, %s) AS l ON true",
            (digest, self._bucket),
        )
        return _tenant(*rows[0]) if rows else None

    def find_endpoint(
        self,
        provider: str,
        endpoint_id: str,
        *,
        at_most_seconds_old: float | None = None,  # noqa: ARG002  Nothing is remembered here.
    ) -> Endpoint | None:
        rows = self._rows(
            "SELECT e.notification_url, e.sealed_secret, e.secret_set_at, e.merchant_id,"
            " e.tenant_id::text, e.slug, e.state, l.events_per_second, l.burst,"
            " l.used, l.seconds"
            " FROM tillgate.look_up_endpoint(%s, %s) AS e"
            " LEFT JOIN tillgate.tenant_limit(e.tenant_id, %s) AS l ON true",
            (provider, endpoint_id, self._bucket),
        )
        if not rows:
            return None
        notification_url, sealed_secret, secret_set_at, merchant_id, *tenant = rows[0]
        source = None
        if tenant[0] is not None:
            source = Source(SourceId(endpoint_id), _tenant(*tenant), merchant_id)
        return Endpoint(
            endpoint_id, provider, notification_url, (sealed_secret,), source, secret_set_at
        )

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        rows = self._rows(
            "SELECT s.source_id::text, s.tenant_id::text, s.slug, s.state, l.events_per_second,"
            " l.burst, l.used, l.seconds FROM tillgate.find_bound_source(%s, %s) AS s"
            " LEFT JOIN tillgate.tenant_limit(s.tenant_id, %s) AS l ON true",
            (app_id, merchant_id, self._bucket),
        )
        if not rows:
            return None
        source_id, *tenant = rows[0]
        return Source(SourceId(source_id), _tenant(*tenant), merchant_id)

    def put_handshake(self, provider: str, endpoint_id: str, *, code: str | None) -> None:
        self._rows(
            "SELECT tillgate.handshake_put(%s, %s, %s)",
            (provider, endpoint_id, code),
        )

    def token_standing(self, digest: bytes) -> TokenStanding | None:
        rows = self._rows(
            "SELECT tenant_id::text, slug, state, revoked_at FROM tillgate.token_standing(%s)",
            (digest,),
        )
        if not rows:
            return None
        tenant_id, slug, state, revoked_at = rows[0]
        return TokenStanding(_tenant(tenant_id, slug, state), revoked_at)

    def registry_snapshot(self) -> str:
        [(text,)] = self._rows("SELECT tillgate.registry_with_limits()")
        return str(text)

    def _rows(self, query: LiteralString, params: Sequence[object] = ()) -> list[Row]:
        with refusals_as_unavailable:
            return self._database.rows(query, params, within_seconds=self._within_seconds)


def _tenant(
    tenant_id: str,
    slug: str,
    state: str,
    events_per_second: int | None = None,
    burst: int | None = None,
    used: float | None = None,
    seconds: float | None = None,
) -> Tenant:
    limit = standing = None
    if events_per_second is not None and burst is not None:
        limit = RateLimit(events_per_second, burst)
    if used is not None and seconds is not None:
        standing = RateStanding(used, seconds)
    return Tenant(TenantId(tenant_id), slug, TenantState(state), limit, standing)
