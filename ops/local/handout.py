"""The hand-out: ``stack.json``, what tools and tests must know of a running local stack."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ops.local.processes import read_json, write_private

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAccess:
    """How to sign and send as a vendor does for one source."""

    provider: str
    source_id: str
    secret: str
    notification_url: str
    merchant_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupabaseAccess:
    """A tenant's own project at the stand-in for Supabase: its address and its API key."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantAccess:
    """A tenant, a token of its, where its events are delivered to, and its sources.

    ``supabase`` is None in what a run remembers of an earlier one.
    """

    slug: str
    tenant_id: str
    api_token: str
    supabase: SupabaseAccess | None
    sources: list[SourceAccess] = field(default_factory=list)

    def source(self, provider: str) -> SourceAccess:
        return next(source for source in self.sources if source.provider == provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppAccess:
    """An app; ``merchants`` gives the tenant's slug by the merchant's id."""

    provider: str
    app_id: str
    secret: str
    notification_url: str
    merchants: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOut:
    """The whole file, in the order in which it is written."""

    api_url: str
    browser_url: str
    admin_token: str
    metrics_token: str
    database_url: str
    aws_endpoint_url: str
    tenants: list[TenantAccess]
    apps: list[AppAccess]

    def write(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Remembered:
    """Tokens and secrets of the run before, which the server shows only once."""

    tenants: list[TenantAccess]
    apps: list[AppAccess]

    @classmethod
    def read(cls, path: Path) -> Remembered:
        """Read what an earlier hand-out holds; nothing when there was none."""
        document: dict[str, Any] = read_json(path)
        tenants = [
            TenantAccess(
                **{
                    **tenant,
                    "supabase": None,
                    "sources": [SourceAccess(**s) for s in tenant["sources"]],
                }
            )
            for tenant in document.get("tenants", [])
        ]
        return cls(tenants, [AppAccess(**app) for app in document.get("apps", [])])

    def tenant(self, tenant_id: str) -> TenantAccess | None:
        return next((t for t in self.tenants if t.tenant_id == tenant_id), None)
