"""What Tillgate must know of a POS vendor. Each module in ``providers`` declares one.

One shape serves them all: a vendor that signs the body, one that signs the registered
URL with it, one that signs fields inside it, and one that puts many merchants' events
into one request.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.json_value import JsonValue
    from tillgate.domain.vendor_rules import RetryRules

_SECRET_BYTES = 32


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A vendor's unsigned set-up request; anyone can send one.

    ``code`` is what the operator is to type in at the vendor: 1 to 64 letters, digits and
    hyphens. None where the vendor only wants to be answered.
    """

    code: str | None = None


class Provider(Protocol):
    """A POS vendor. Every method answers for any bytes and headers whatever."""

    @property
    def name(self) -> str:
        """The word in the URL, the namespace of its idempotency keys, and its module's name."""
        ...

    @property
    def signs_merchant(self) -> bool:
        """Whether the signature covers the merchant's name, so that it may choose a tenant."""
        ...

    @property
    def has_handshake(self) -> bool:
        """Whether the vendor issues its secret only once its handshake was answered."""
        ...

    @property
    def acknowledgement(self) -> str | None:
        """The text that the vendor wants for an answer; None where it reads the status only."""
        ...

    @property
    def secret_pattern(self) -> str | None:
        """What the vendor's secrets look like (a regular expression); None for any text."""
        ...

    @property
    def secret_form(self) -> str:
        """What that says, for a person who gave another: "must be ..."."""
        ...

    @property
    def retries(self) -> RetryRules:
        """How the vendor delivers: its deadline, and what it sends again."""
        ...

    def new_secret(self) -> str:
        """Make a signing secret in the form in which the vendor's own look."""
        ...

    def handshake(self, hook: Hook) -> Handshake | None:
        """Read an unsigned set-up request; None when it is no such request."""
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


class Vendor:
    """What most vendors are: the secret is any text, known before anything is delivered."""

    has_handshake = False
    acknowledgement: str | None = None
    secret_pattern: str | None = None
    secret_form = ""

    def handshake(self, hook: Hook) -> Handshake | None:  # noqa: ARG002  Whatever it is.
        return None

    def new_secret(self) -> str:
        return base64.urlsafe_b64encode(os.urandom(_SECRET_BYTES)).rstrip(b"=").decode()


def secret_flaw(provider: Provider, secret: str) -> str | None:
    """Say why this provider's secret cannot be that, None when it can."""
    pattern = provider.secret_pattern
    if pattern is not None and not re.fullmatch(pattern, secret):
        return provider.secret_form
    return None
