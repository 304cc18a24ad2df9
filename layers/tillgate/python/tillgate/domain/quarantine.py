"""What could not be accepted as it stood, kept until a person has looked."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tillgate.domain.tenant import TenantId


class Reason(StrEnum):
    """Why. What was refused with 401 is kept within a quota; the rest, always.

    The last two befall only what was acknowledged as queued while the database was down.
    """

    SIGNATURE_REFUSED = "signature-refused"
    UNKNOWN_ENDPOINT = "unknown-endpoint"
    MERCHANT_UNKNOWN = "merchant-unknown"
    MERCHANT_MISMATCH = "merchant-mismatch"
    UNREADABLE = "unreadable"
    KEY_CONFLICT = "key-conflict"
    TENANT_SUSPENDED = "tenant-suspended"
    CONFLICT_AFTER_QUEUED = "conflict-after-queued"
    TOKEN_REVOKED = "token-revoked"  # noqa: S105  A word for people, not a token.


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a delivery's items: those with these keys, or all but those.

    What cannot be read has no key, so it belongs to every "all but".
    """

    keys: frozenset[str] = frozenset()
    is_all_but: bool = True

    def has(self, key: str) -> bool:
        """Tell whether the item with this key belongs to it."""
        return (key in self.keys) != self.is_all_but


WHOLE = Part()


def only(keys: Iterable[str]) -> Part:
    return Part(frozenset(keys), is_all_but=False)


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
    can be tried again; of what came through ``/v1/events`` it is the events' JSON, and the
    provider is ``api``. ``endpoint_id`` is None for an endpoint that does not exist;
    ``quota`` None keeps it whatever else was kept that day. What has the ``quarantine_id``
    (UUID text) of another is the same one, and kept once. ``events`` is for how many of its
    events it is set aside, and ``part`` which: its neighbours were stored, or are set aside
    for a cause of their own. ``address`` is the provider and the endpoint's id as the URL had
    them, None of what came through ``/v1/events``. ``is_cut`` when ``content`` is not all of it.
    """

    quarantine_id: str
    reason: Reason
    provider: str
    endpoint_id: str | None
    tenant_id: TenantId | None
    received_at: datetime
    rid: str
    content: bytes
    headers: dict[str, str]
    quota: DailyQuota | None = None
    events: int = 1
    part: Part = WHOLE
    address: tuple[str, str] | None = None
    is_cut: bool = False


def quarantine_id(of: str, reason: Reason, tenant_id: TenantId | None, part: Part = WHOLE) -> str:
    """Name what is set aside of a request or a message, the same at every try.

    ``of`` is the id of the request or the message. A conflict is one conflict, whether it is
    found at once or only after queueing: which of the two may be uncertain when the database
    answers too late. Where a later try sets more items aside for the same cause, since the
    first could not tell of them, that is another one: what is kept stands for its own part.
    """
    if reason is Reason.CONFLICT_AFTER_QUEUED:
        reason = Reason.KEY_CONFLICT
    name = f"{reason}:{tenant_id or '-'}"
    if part != WHOLE:
        name += f":{part.is_all_but}:{' '.join(sorted(part.keys))}"
    return str(uuid.uuid5(uuid.UUID(of), name))
