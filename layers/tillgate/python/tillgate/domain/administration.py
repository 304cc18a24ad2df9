"""What the operator keeps: tenants, their tokens and sources, and the apps at vendors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.endpoint_rotation import PreviousSecretRecord, SecretWarning
    from tillgate.domain.enrichment import CredentialRecord
    from tillgate.domain.tenant import AppId, SourceId, TenantId, TenantState, TokenId


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord:
    """How much a tenant may send; ``is_default`` where that is the stage's."""

    events_per_second: int
    burst: int
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """A tenant as the operator sees it.

    A store gives no ``limit`` but the tenant's own. ``limited_at`` is when it was last found to
    be over it, by what its sandboxes told; None where it never was.
    """

    tenant_id: TenantId
    slug: str
    name: str
    state: TenantState
    created_at: datetime
    limit: LimitRecord | None = None
    limited_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """An API token; ``hint`` is its first characters, the rest is known to its holder only.

    ``revoked_at`` may lie ahead, from a rotation on; ``replaced_by`` is its successor.
    ``last_used_at`` is when it was last let in, some minutes late; None when it never was.
    """

    token_id: TokenId
    tenant_id: TenantId
    name: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None
    age_days: int = 0
    last_used_at: datetime | None = None
    replaced_by: TokenId | None = None
    warnings: tuple[SecretWarning, ...] = ()


class EndpointState(StrEnum):
    """Whether the vendor's secret is known yet: some issue it only after a handshake."""

    PENDING = "pending"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppRecord:
    """The operator's registration at a vendor.

    ``verification_code`` is what the vendor sent while the app is pending, None until then.
    ``handshake_at`` is when a set-up request last came while it was, with a code or without,
    and stays; anyone can send one. ``secret_set_at`` and the age are None while it is pending;
    ``previous_secret`` is None but during a rotation.
    """

    app_id: AppId
    provider: str
    name: str
    notification_url: str
    state: EndpointState
    verification_code: str | None
    handshake_at: datetime | None
    created_at: datetime
    secret_set_at: datetime | None = None
    secret_age_days: int | None = None
    previous_secret: PreviousSecretRecord | None = None
    warnings: tuple[SecretWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A tenant's connection to a POS.

    When it is bound to an app, URL, state, handshake and secrets are the app's; ``credential``,
    for the vendor's API, is its own. So is ``quiet_after_minutes``: 0 for never, None for its
    tenant's.
    """

    source_id: SourceId
    tenant_id: TenantId
    provider: str
    name: str
    merchant_id: str | None
    app_id: AppId | None
    notification_url: str
    state: EndpointState
    verification_code: str | None
    handshake_at: datetime | None
    created_at: datetime
    credential: CredentialRecord | None = None
    quiet_after_minutes: int | None = None
    secret_set_at: datetime | None = None
    secret_age_days: int | None = None
    previous_secret: PreviousSecretRecord | None = None
    warnings: tuple[SecretWarning, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """An app to be kept; its id is made before, since the secret is sealed with it.

    ``awaits_secret`` tells that what is sealed is nobody's: the vendor's comes later.
    """

    app_id: AppId
    provider: str
    name: str
    notification_url: str
    sealed_secret: bytes
    awaits_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source to be kept: with ``app_id`` and a merchant, or with a URL and a sealed secret.

    ``awaits_secret`` is as in ``NewApp``.
    """

    source_id: SourceId
    tenant_id: TenantId
    provider: str
    name: str
    merchant_id: str | None
    app_id: AppId | None
    notification_url: str | None
    sealed_secret: bytes | None
    awaits_secret: bool = False


# Of dead letters, for the status: beyond that nobody asks how many, and each is read.
MAX_COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """What the operator's database role can tell of the store.

    ``migration`` is the number of the last one applied; ``days_ahead`` counts the UTC days
    after today, without a gap, that have partitions (-1 when today itself has none).
    ``dead_letters`` are counted to MAX_COUNTED; ``open_breakers`` are the destinations that are
    spared now. Either is None where the schema is too old to have them. So are these, counted to
    MAX_COUNTED: ``old_secrets`` and tokens past 90 days, and ``previous_in_use``, which are signed
    with beyond the overlap that was asked for.
    """

    migration: int
    days_ahead: int
    tenants: int
    dead_letters: int | None
    open_breakers: int | None
    old_secrets: int | None = None
    previous_in_use: int | None = None
