"""What could not be accepted as it stood, kept until a person has looked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.tenant import TenantId


class Reason(StrEnum):
    """Why. The first two were refused with 401 and are kept within a quota; the rest, always."""

    SIGNATURE_REFUSED = "signature-refused"
    UNKNOWN_ENDPOINT = "unknown-endpoint"
    MERCHANT_UNKNOWN = "merchant-unknown"
    MERCHANT_MISMATCH = "merchant-mismatch"
    UNREADABLE = "unreadable"
    KEY_CONFLICT = "key-conflict"
    TENANT_SUSPENDED = "tenant-suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyQuota:
    """How many deliveries, and how many bytes of them as sealed, are kept on a UTC day."""

    deliveries: int
    sealed_bytes: int


_MEBIBYTE = 1024 * 1024

# HTTP contract: a known endpoint's refused deliveries are kept whole, so many a day; of those
# to endpoints that do not exist, a sample, each cut short. Why bytes too: decision 7.
KEPT_PER_ENDPOINT_A_DAY = DailyQuota(deliveries=10_000, sealed_bytes=1024 * _MEBIBYTE)
KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY = DailyQuota(deliveries=1_000, sealed_bytes=16 * _MEBIBYTE)
UNKNOWN_ENDPOINT_SAMPLE_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A delivery, or one item of it, set aside.

    ``content`` is the body's bytes and ``headers`` the delivery's, so that the same path
    can be tried again. ``endpoint_id`` is None for an endpoint that does not exist;
    ``quota`` None keeps it whatever else was kept that day.
    """

    reason: Reason
    provider: str
    endpoint_id: str | None
    tenant_id: TenantId | None
    received_at: datetime
    rid: str
    content: bytes
    headers: dict[str, str]
    quota: DailyQuota | None = None
