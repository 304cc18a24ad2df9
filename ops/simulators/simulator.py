"""What every simulated vendor can do: write a delivery, sign it, send it again, shake hands.

Each vendor is a module of this package and a line in ``ops.simulators``. Written apart from
the platform's own verifiers, on purpose: a mistake made in both would have to be made twice.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

JSON_TYPE = {"Content-Type": "application/json"}
# What a flat white and a croissant cost, in cents.
AMOUNT = 1250


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """What the platform is to store of a delivery; ``key`` is without its namespace."""

    key: str
    type: str
    merchant_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A delivery before it is signed."""

    body: bytes
    headers: Mapping[str, str]
    events: tuple[SentEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a signature is made with besides the request; ``at`` is the time of sending."""

    secret: str = field(repr=False)
    notification_url: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request of a vendor: exactly the bytes that were signed, and what they announce.

    ``headers`` are all that are sent, the content type among them. ``secret`` is what it was
    signed with: some vendors sign anew what they send again.
    """

    provider: str
    body: bytes
    # Clover's has the secret in it.
    headers: Mapping[str, str] = field(repr=False)
    events: tuple[SentEvent, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """An unsigned request of the set-up; ``code`` is what the operator has to read out of it."""

    body: bytes
    headers: Mapping[str, str]
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What happened at a till; ``amount`` is in cents, ``marker`` has to stand in the event."""

    key: str
    merchant_id: str | None
    at: datetime
    amount: int = AMOUNT
    marker: str = ""
    padding: str = ""

    @property
    def note(self) -> str:
        """Give what a cashier may have typed."""
        return self.marker + self.padding


class Simulator(ABC):
    """A vendor. ``holds_many``: one delivery may hold several events, of several merchants.

    ``signs_merchant``: its signature covers the merchant's name, so that an app's URL serves
    many. ``tells_amount``: its events say what was paid; where they do not, no two events of
    one key differ. ``wants_text``: what it is to be answered, where that is no JSON.
    """

    name: ClassVar[str]
    signature_header: ClassVar[str]
    holds_many: ClassVar[bool] = False
    signs_merchant: ClassVar[bool] = True
    tells_amount: ClassVar[bool] = True
    wants_text: ClassVar[str | None] = None

    @abstractmethod
    def new_secret(self) -> str:
        """Make a secret that looks as the vendor's own."""

    @abstractmethod
    def merchant_id(self, number: int) -> str | None:
        """Give the made-up merchant of this number, None where the vendor names no merchant."""

    @abstractmethod
    def write(self, sales: Sequence[Sale]) -> Unsigned:
        """Write the request that announces these; it is one unless the vendor holds many."""

    @abstractmethod
    def signature(self, request: Unsigned, sending: Sending) -> dict[str, str]:
        """Give the headers that sign a request."""

    @property
    def merchant_example(self) -> str | None:
        return self.merchant_id(1)

    def delivery(
        self,
        *,
        secret: str,
        notification_url: str,
        merchants: Sequence[str],
        key: str,
        at: datetime,
        items: int = 1,
        padding_bytes: int = 0,
        marker: str | None = None,
        amount: int = AMOUNT,
        sent_at: datetime | None = None,
    ) -> Delivery:
        """Announce so many sales, spread over the merchants in turn, that happened ``at``.

        It is sent then, too, unless ``sent_at`` is later.

        ``marker`` stands in what is stored, and in the key. The same key with another
        ``amount`` is a conflict. Raises ValueError for more items, or fewer merchants, than
        the vendor puts into one delivery.
        """
        if items < 1 or (items > 1 and not self.holds_many):
            raise ValueError(f"a delivery of {self.name} does not hold {items} events")
        if not merchants and self.merchant_example is not None:
            raise ValueError(f"{self.name} names a merchant")
        whole = key if marker is None else f"{key}-{marker}"
        sales = [
            Sale(
                key=whole if number == 0 else f"{whole}-{number + 1}",
                merchant_id=merchants[number % len(merchants)] if merchants else None,
                at=at.astimezone(UTC),
                amount=amount,
                marker=marker or "",
                padding="x" * (padding_bytes // items),
            )
            for number in range(items)
        ]
        sending = Sending(secret=secret, notification_url=notification_url, at=sent_at or at)
        return self.signed(self.write(sales), sending)

    def broken(
        self,
        *,
        secret: str,
        notification_url: str,
        merchants: Sequence[str],
        key: str,
        at: datetime,
    ) -> Delivery:
        """Give a delivery of good signature that holds nothing to be stored."""
        merchant_id = merchants[0] if merchants else None
        sale = Sale(key=key, merchant_id=merchant_id, at=at.astimezone(UTC))
        request = replace(self.spoil(self.write([sale])), events=())
        sending = Sending(secret=secret, notification_url=notification_url, at=at)
        return self.signed(request, sending)

    def unsigned(self, delivery: Delivery) -> Delivery:
        """Give the same without its signature."""
        headers = {n: v for n, v in delivery.headers.items() if n != self.signature_header}
        return replace(delivery, headers=headers)

    def resend(self, delivery: Delivery, *, attempt: int, at: datetime) -> Delivery:  # noqa: ARG002  Most vendors change nothing.
        """Give what is sent as this attempt, from 2 on; the time is that of sending."""
        return delivery

    def handshake(self) -> Handshake | None:
        """Give a set-up request, None where the vendor has none."""
        return None

    def spoil(self, request: Unsigned) -> Unsigned:
        """Make a request unreadable that can still be signed."""
        return replace(request, body=request.body[: len(request.body) // 2])

    def signed(self, request: Unsigned, sending: Sending) -> Delivery:
        """Make a delivery of a request."""
        return Delivery(
            provider=self.name,
            body=request.body,
            headers={**request.headers, **self.signature(request, sending)},
            events=request.events,
            secret=sending.secret,
        )


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Write a document as most vendors do: UTF-8, no spaces."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def milliseconds(at: datetime) -> int:
    """Give a time in milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def rfc3339(at: datetime) -> str:
    """Write a time in UTC to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
