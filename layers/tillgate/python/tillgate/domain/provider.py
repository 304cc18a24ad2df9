"""What Tillgate must know of a POS vendor. Each module in ``providers`` declares one.

One shape serves them all: a vendor that signs the body, one that signs the registered
URL with it, one that signs fields inside it, and one that puts many merchants' events
into one request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.json_value import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A request to ``/v1/hooks/{provider}/{endpoint_id}``, as it came; header names in lower case.

    ``hook_id`` is a UUID of ours, made on arrival: what is kept because of this request is
    kept under it once, however often it is tried.
    """

    hook_id: str
    provider: str
    endpoint_id: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    rid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRequest:
    """What a provider verifies and splits; ``notification_url`` is the URL as registered."""

    body: bytes
    headers: Mapping[str, str]
    notification_url: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HookItem:
    """One event inside a delivery.

    ``key`` is the vendor's own id of it, without namespace; ``data`` is what is stored;
    ``identity`` is that part of it which a vendor's resend leaves as it was. ``merchant_id``
    is None where the vendor names no merchant. ``occurred_at`` is RFC 3339.
    """

    key: str
    type: str
    data: dict[str, JsonValue]
    identity: JsonValue
    merchant_id: str | None = None
    occurred_at: str | None = None
    entity_id: str | None = None
    entity_version: str | None = None


class Provider(Protocol):
    """A POS vendor. Every method answers for any bytes and headers whatever."""

    @property
    def name(self) -> str:
        """The word in the URL, and the namespace of its idempotency keys."""
        ...

    @property
    def signs_merchant(self) -> bool:
        """Whether the signature covers the merchant's name, so that it may choose a tenant."""
        ...

    @property
    def has_handshake(self) -> bool:
        """Whether the vendor issues its secret only once its handshake was answered."""
        ...

    def handshake(self, hook: Hook) -> str | None:
        """Give the code in an unsigned set-up request, None when it is no such request.

        A code is 1 to 64 letters, digits and hyphens. Anyone can send one.
        """
        ...

    def verify(self, request: HookRequest, secret: str) -> bool:
        """Tell whether the delivery was signed with this secret; compares in constant time."""
        ...

    def split(self, request: HookRequest) -> Sequence[HookItem]:
        """Take the events out of a verified delivery, at least one.

        An event that cannot be read is an item without a key, so that it is set aside and
        its neighbours are not. Raises UnreadableDeliveryError when there are none to take.
        """
        ...


class NoHandshake:
    """What most vendors are: the operator knows the secret before anything is delivered."""

    has_handshake = False

    def handshake(self, hook: Hook) -> str | None:  # noqa: ARG002  Whatever it is.
        return None
