"""What a vendor has to tell, message by message: genuine traffic, and what goes wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from ops.simulators.promises import Expected
from ops.simulators.simulator import AMOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from random import Random

    from ops.simulators.rules import RetryRules
    from ops.simulators.simulator import Delivery, SentEvent, Simulator

# Toast's largest are of about this size.
LARGE_BYTES = 600_000
# So many merchants' items stand in one request at most.
MOST_ITEMS = 5
# Of a merchant that nobody is.
STRANGER = 909


class Kind(StrEnum):
    GENUINE = "genuine"
    DUPLICATE = "duplicate"
    LATE_RESEND = "late-resend"
    CONFLICT = "conflict"
    FORGED = "forged"
    UNSIGNED = "unsigned"
    WRONG_MERCHANT = "wrong-merchant"
    BROKEN_BODY = "broken-body"
    LARGE = "large"
    SLOW = "slow"


PROMISES: Mapping[Kind, str] = {
    Kind.GENUINE: "200 accepted",
    Kind.DUPLICATE: "200 accepted, then duplicates",
    Kind.LATE_RESEND: "200 accepted, then duplicates",
    Kind.CONFLICT: "200 accepted, then quarantined",
    Kind.FORGED: "401",
    Kind.UNSIGNED: "401",
    Kind.WRONG_MERCHANT: "200 quarantined",
    Kind.BROKEN_BODY: "200 quarantined",
    Kind.LARGE: "200 accepted",
    Kind.SLOW: "200 accepted and duplicates",
}


class When(StrEnum):
    """When a step is sent: with the one before, once that was taken, or at the run's end."""

    AT_ONCE = "at once"
    AFTERWARDS = "afterwards"
    AT_THE_END = "at the end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One delivery of a message; ``attempt`` is the first that is made of it."""

    delivery: Delivery
    expected: Expected
    when: When = When.AT_ONCE
    attempt: int = 1
    items: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent because of one thing that happened.

    ``events`` are to be stored, each once; ``never`` are keys that must not be. What is
    ``impostor`` was not sent by the vendor, who therefore does not send it again.
    """

    kind: Kind
    steps: tuple[Step, ...]
    events: tuple[SentEvent, ...] = ()
    never: tuple[SentEvent, ...] = ()
    impostor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A source or an app, as its vendor knows it. ``merchants`` are those behind it."""

    simulator: Simulator
    rules: RetryRules
    secret: str
    notification_url: str
    merchants: Sequence[str]


class Traffic:
    """Makes messages of the kinds in ``shares``, the rest genuine, under keys of this run."""

    def __init__(
        self, recipient: Recipient, *, shares: Mapping[Kind, float], run_id: str, dice: Random
    ) -> None:
        self._to = recipient
        self._shares = shares
        self._run_id = run_id
        self._dice = dice
        self._make = {
            Kind.GENUINE: self._genuine,
            Kind.DUPLICATE: self._duplicate,
            Kind.LATE_RESEND: self._late_resend,
            Kind.CONFLICT: self._conflict,
            Kind.FORGED: self._forged,
            Kind.UNSIGNED: self._unsigned,
            Kind.WRONG_MERCHANT: self._wrong_merchant,
            Kind.BROKEN_BODY: self._broken_body,
            Kind.LARGE: self._large,
            Kind.SLOW: self._slow,
        }

    @property
    def recipient(self) -> Recipient:
        return self._to

    def message(self, number: int, now: datetime) -> Message:
        """Make the message of this number, to be sent now."""
        return self._make[self._kind()](f"{self._run_id}-{number}", now)

    def _kind(self) -> Kind:
        left = self._dice.random()
        for kind, share in self._shares.items():
            left -= share
            if left < 0:
                return kind
        return Kind.GENUINE

    def _genuine(self, key: str, now: datetime) -> Message:
        return _told(Kind.GENUINE, self._delivery(key, now))

    def _large(self, key: str, now: datetime) -> Message:
        return _told(Kind.LARGE, self._delivery(key, now, padding_bytes=LARGE_BYTES))

    def _duplicate(self, key: str, now: datetime) -> Message:
        """Send what the vendor believes was not taken."""
        first = self._delivery(key, now)
        return _told(Kind.DUPLICATE, first, _again(first))

    def _late_resend(self, key: str, now: datetime) -> Message:
        """Send the vendor's last attempt of an event that is as old by then."""
        delays = self._to.rules.delays_seconds
        first = self._delivery(key, now - timedelta(seconds=sum(delays)), sent_at=now)
        again = _again(first, when=When.AT_THE_END, attempt=max(2, len(delays) + 1))
        return _told(Kind.LATE_RESEND, first, again)

    def _conflict(self, key: str, now: datetime) -> Message:
        """Send another amount under the same key."""
        merchants = self._some_merchants()
        first = self._delivery(key, now, merchants=merchants)
        other = self._delivery(key, now, merchants=merchants, amount=AMOUNT + 1)
        step = _step(other, Expected.SET_ASIDE, when=When.AFTERWARDS)
        return _told(Kind.CONFLICT, first, step)

    def _slow(self, key: str, now: datetime) -> Message:
        """Send it again while the first answer is still awaited."""
        first = self._delivery(key, now)
        steps = (_step(first, Expected.ONCE), _step(first, Expected.ONCE, attempt=2))
        return Message(kind=Kind.SLOW, steps=steps, events=first.events)

    def _forged(self, key: str, now: datetime) -> Message:
        """Sign with another secret."""
        forged = self._delivery(key, now, secret=self._to.simulator.new_secret())
        return _refused(Kind.FORGED, forged)

    def _unsigned(self, key: str, now: datetime) -> Message:
        return _refused(Kind.UNSIGNED, self._to.simulator.unsigned(self._delivery(key, now)))

    def _wrong_merchant(self, key: str, now: datetime) -> Message:
        stranger = self._to.simulator.merchant_id(STRANGER) or ""
        strange = self._delivery(key, now, merchants=[stranger])
        step = _step(strange, Expected.SET_ASIDE)
        return Message(kind=Kind.WRONG_MERCHANT, steps=(step,), never=strange.events)

    def _broken_body(self, key: str, now: datetime) -> Message:
        broken = self._to.simulator.broken(
            secret=self._to.secret,
            notification_url=self._to.notification_url,
            merchants=self._to.merchants[:1],
            key=key,
            at=now,
        )
        step = Step(delivery=broken, expected=Expected.SET_ASIDE)
        return Message(kind=Kind.BROKEN_BODY, steps=(step,))

    def _some_merchants(self) -> list[str]:
        """Choose whose items stand in one request."""
        known = self._to.merchants
        most = min(MOST_ITEMS if self._to.simulator.holds_many else 1, len(known))
        return self._dice.sample(known, self._dice.randint(1, most)) if most else []

    def _delivery(
        self,
        key: str,
        at: datetime,
        *,
        merchants: list[str] | None = None,
        secret: str | None = None,
        sent_at: datetime | None = None,
        padding_bytes: int = 0,
        amount: int = AMOUNT,
    ) -> Delivery:
        chosen = self._some_merchants() if merchants is None else merchants
        return self._to.simulator.delivery(
            secret=secret or self._to.secret,
            notification_url=self._to.notification_url,
            merchants=chosen,
            key=key,
            at=at,
            sent_at=sent_at,
            items=max(1, len(chosen)),
            padding_bytes=padding_bytes,
            amount=amount,
        )


def _step(
    delivery: Delivery, expected: Expected, *, when: When = When.AT_ONCE, attempt: int = 1
) -> Step:
    return Step(
        delivery=delivery,
        expected=expected,
        when=when,
        attempt=attempt,
        items=len(delivery.events),
    )


def _again(delivery: Delivery, *, when: When = When.AFTERWARDS, attempt: int = 2) -> Step:
    return _step(delivery, Expected.KNOWN, when=when, attempt=attempt)


def _told(kind: Kind, first: Delivery, *then: Step) -> Message:
    steps = (_step(first, Expected.STORED), *then)
    return Message(kind=kind, steps=steps, events=first.events)


def _refused(kind: Kind, delivery: Delivery) -> Message:
    steps = (_step(delivery, Expected.REFUSED),)
    return Message(kind=kind, steps=steps, never=delivery.events, impostor=True)
