"""Tenants, and how they are known: tokens, endpoints, and the sources bound to an app."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from datetime import datetime

TenantId = NewType("TenantId", str)
SourceId = NewType("SourceId", str)
AppId = NewType("AppId", str)
EventId = NewType("EventId", str)
TokenId = NewType("TokenId", str)

TOKEN_PREFIX = "tg_live_"  # noqa: S105  The public prefix of a token, not a token.


class TenantState(StrEnum):
    """``erased`` is what the operator is told; to whoever takes events in, it is suspended."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A merchant. Ids are lower-case UUID text."""

    tenant_id: TenantId
    slug: str
    state: TenantState


# Never changed; not frozen only because its fields then take five times as long to set.
@dataclass(slots=True, unsafe_hash=True)
class Caller:
    """Who calls ``/v1/...``, and by which token (its SHA-256)."""

    tenant: Tenant
    token_digest: bytes


@dataclass(frozen=True, slots=True)
class TokenStanding:
    """A token's tenant as it is now; ``revoked_at`` is None for a token that is good."""

    tenant: Tenant
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """One tenant's connection to one POS, as far as ingest must know it."""

    source_id: SourceId
    tenant: Tenant
    merchant_id: str | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider delivers to: a source (``source`` is set) or an app (it is None).

    ``sealed_secrets`` holds the current secret and, during a rotation, the previous one.
    ``notification_url`` is the URL as registered at the vendor, which some vendors sign.
    ``secret_set_at`` is when the current secret was set; None where that is not known.
    """

    endpoint_id: str
    provider: str
    notification_url: str
    sealed_secrets: tuple[bytes, ...]
    source: Source | None
    secret_set_at: datetime | None = None

    @property
    def seal_context(self) -> str:
        """What binds a sealed secret to its row: a ciphertext copied elsewhere will not open."""
        return endpoint_seal_context(
            self.endpoint_id, tenant_id=self.source.tenant.tenant_id if self.source else None
        )


def endpoint_seal_context(endpoint_id: str, *, tenant_id: str | None) -> str:
    """Name the row a sealed secret belongs to; an app has no tenant."""
    return f"endpoint:{tenant_id or '-'}:{endpoint_id}"


def token_digest(token: str) -> bytes:
    """Give the SHA-256 (32 bytes) under which a token is stored and looked up."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
