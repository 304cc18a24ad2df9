"""Tenants, and how they are known: tokens, endpoints, and the sources bound to an app."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, NewType

if TYPE_CHECKING:
    from datetime import datetime

TenantId = NewType("TenantId", str)
SourceId = NewType("SourceId", str)
AppId = NewType("AppId", str)
EventId = NewType("EventId", str)
TokenId = NewType("TokenId", str)

TOKEN_PREFIX = "tg_live_"  # noqa: S105  The public prefix of a token, not a token.


# Enough to tell a tenant's few tokens apart, far too little to guess the rest.
HINT_LENGTH = len(TOKEN_PREFIX) + 4


class TenantState(StrEnum):
    """``erased`` is what the operator is told; to whoever takes events in, it is suspended."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERASED = "erased"


class RateLimit(NamedTuple):
    """How much a tenant may send: events a second, and so many at once after a rest."""

    events_per_second: int
    burst: int


class RateStanding(NamedTuple):
    """So many events of a tenant's burst were gone, ``seconds`` before it was looked up."""

    used: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Tenant:
    """A merchant. Ids are lower-case UUID text; without a ``limit`` it has the stage's.

    ``standing`` is what a sandbox begins with that never heard of the tenant before.
    """

    tenant_id: TenantId
    slug: str
    state: TenantState
    limit: RateLimit | None = None
    standing: RateStanding | None = field(default=None, compare=False)


# Never changed; not frozen only because its fields then take five times as long to set.
@dataclass(slots=True, unsafe_hash=True)
class Caller:
    """Who calls ``/v1/...``, and by which token (its SHA-256)."""

    tenant: Tenant
    token_digest: bytes


@dataclass(frozen=True, slots=True)
class TokenStanding:
    """A token's tenant as it is now.

    ``revoked_at`` is None for a token without an end; one that was rotated ends at a known time,
    which may lie ahead.
    """

    tenant: Tenant
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One tenant's connection to one POS, as far as ingest must know it."""

    source_id: SourceId
    tenant: Tenant
    merchant_id: str | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider delivers to: a source (``source`` is set) or an app (it is None).

    ``sealed_secrets`` holds the current secret and, during a rotation, the previous one, which is
    good until ``previous_until``.
    ``notification_url`` is the URL as registered at the vendor, which some vendors sign.
    ``settled_at`` is since when no secret but these has been good; None where that is not known.
    """

    endpoint_id: str
    provider: str
    notification_url: str
    sealed_secrets: tuple[bytes, ...]
    source: Source | None
    settled_at: datetime | None = None
    previous_until: datetime | None = None

    def is_good(self, place: int, at: datetime) -> bool:
        """Tell whether the secret at this place in ``sealed_secrets`` was good at that time."""
        return place == 0 or (self.previous_until is not None and at < self.previous_until)

    def follows(self, other: Endpoint) -> bool:
        """Tell whether a rotation made it of ``other``, so that it is the newer of the two."""
        return other.sealed_secrets[0] in self.sealed_secrets[1:]

    @property
    def seal_context(self) -> str:
        """What binds a sealed secret to its row: a ciphertext copied elsewhere will not open."""
        return endpoint_seal_context(
            self.endpoint_id, tenant_id=self.source.tenant.tenant_id if self.source else None
        )


def endpoint_seal_context(endpoint_id: str, *, tenant_id: str | None) -> str:
    """Name the row a sealed secret belongs to; an app has no tenant."""
    return f"endpoint:{tenant_id or '-'}:{endpoint_id}"


def token_hint(token: str) -> str:
    """Give the first characters of a token, by which a person tells it from a tenant's others.

    They are far too few to guess the rest.
    """
    return token[: len(TOKEN_PREFIX) + 4]


def token_digest(token: str) -> bytes:
    """Give the SHA-256 (32 bytes) under which a token is stored and looked up."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
