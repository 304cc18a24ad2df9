"""The registry as it was at one instant, for when the database cannot be asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.domain.tenant import (
    Endpoint,
    RateLimit,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    TokenStanding,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SNAPSHOT_KEY = "registry/snapshot"
# What binds the sealed snapshot to its place.
SNAPSHOT_CONTEXT = "registry-snapshot"

_SCHEMA = 1
_BEFORE_REGISTRY = ',"registry":'


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySnapshot:
    """Tokens by digest, endpoints by (provider, id), bound sources by (app, merchant)."""

    taken_at: datetime
    tokens: Mapping[bytes, TokenStanding]
    endpoints: Mapping[tuple[str, str], Endpoint]
    bound_sources: Mapping[tuple[str, str], Source]


def snapshot_text(registry: str, *, taken_at: datetime) -> str:
    """Write a snapshot down; ``registry`` is the JSON of ``tillgate.registry_snapshot()``."""
    head = f'{{"schema":{_SCHEMA},"taken_at":"{taken_at.isoformat()}"'
    return f"{head}{_BEFORE_REGISTRY}{registry}}}"


def taken_at_with(text: str, registry: str) -> datetime | None:
    """Give when a snapshot was taken, if it holds just this registry."""
    head, _, rest = text.partition(_BEFORE_REGISTRY)
    if rest != f"{registry}}}":
        return None
    try:
        at = datetime.fromisoformat(json.loads(f"{head}}}")["taken_at"])
    except (ValueError, KeyError, TypeError):
        return None
    return at if at.tzinfo else None


def snapshot_from_text(text: str) -> RegistrySnapshot:
    """Read a snapshot. Raises ValueError when it is not one that this version understands."""
    try:
        document = json.loads(text)
        if document["schema"] != _SCHEMA:
            raise ValueError("a snapshot of another schema")
        taken_at = datetime.fromisoformat(document["taken_at"])
        if taken_at.tzinfo is None:
            raise ValueError("a snapshot of nobody knows when")
        return _snapshot(document["registry"], taken_at)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a snapshot") from error


def _snapshot(registry: Mapping[str, list[dict[str, Any]]], at: datetime) -> RegistrySnapshot:
    # The version before this one knows no limits.
    limits = {
        row["tenant_id"]: RateLimit(row["events_per_second"], row["burst"])
        for row in registry.get("limits", ())
    }
    tenants = {
        (id_ := row["tenant_id"]): Tenant(
            TenantId(id_), row["slug"], TenantState(row["state"]), limits.get(id_)
        )
        for row in registry["tenants"]
    }
    endpoints: dict[tuple[str, str], Endpoint] = {}
    bound: dict[tuple[str, str], Source] = {}
    # What the version before this one wrote has no ends.
    previous = {row["endpoint_id"]: row for row in registry.get("previous_secrets", [])}
    for row in registry["apps"]:
        app_id = row["app_id"]
        endpoints[row["provider"], app_id] = _endpoint(app_id, row, None, previous.get(app_id))
    for row in registry["sources"]:
        tenant = tenants[row["tenant_id"]]
        source = Source(SourceId(row["source_id"]), tenant, row["merchant_id"])
        if row["app_id"] is None:
            endpoints[row["provider"], source.source_id] = _endpoint(
                source.source_id, row, source, previous.get(source.source_id)
            )
        else:
            bound[row["app_id"], row["merchant_id"]] = source
    tokens = {
        bytes.fromhex(row["digest"]): TokenStanding(tenants[row["tenant_id"]], _end(row))
        for row in (*registry["tokens"], *registry.get("ending_tokens", []))
    }
    return RegistrySnapshot(
        taken_at=at,
        tokens=tokens,
        endpoints=endpoints,
        bound_sources=bound,
    )


def _endpoint(
    endpoint_id: str,
    row: Mapping[str, Any],
    source: Source | None,
    previous: Mapping[str, Any] | None,
) -> Endpoint:
    rows = (row,) if previous is None else (row, previous)
    return Endpoint(
        endpoint_id,
        row["provider"],
        row["notification_url"],
        tuple(bytes.fromhex(one["sealed_secret"]) for one in rows),
        source,
        previous_until=None if previous is None else datetime.fromtimestamp(previous["until"], UTC),
    )


def _end(token: Mapping[str, Any]) -> datetime | None:
    end = token.get("revoked_at")
    return None if end is None else datetime.fromtimestamp(end, UTC)
