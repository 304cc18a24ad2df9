"""What can go wrong, by whose fault. ``entrypoints.problems`` maps each to an HTTP status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.tenant import EventId, RateLimit, TenantId


class TillgateError(Exception):
    """The root of every error that Tillgate raises on purpose."""


class SenderError(TillgateError):
    """The caller sent something that it can mend."""


class UpstreamError(TillgateError):
    """Something Tillgate stands on did not do its part."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document: where (an RFC 6901 JSON pointer) and what."""

    pointer: str
    detail: str


class InvalidJsonError(SenderError):
    """The body is not one JSON value as RFC 8259 and this service's limits have it."""


class InvalidEventError(SenderError):
    """The body is JSON but not an event; ``faults`` names every fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("The body is JSON, but not an event.")
        self.faults = tuple(faults)


class InvalidQueryError(SenderError):
    """A query parameter does not fit."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.detail for fault in faults))
        self.faults = tuple(faults)


class InvalidRequestError(SenderError):
    """A document sent to the admin API does not fit; ``faults`` names every fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("The body is JSON, but not what this call takes.")
        self.faults = tuple(faults)


class IdempotencyKeyRequiredError(SenderError):
    """The Idempotency-Key header is absent."""


class IdempotencyKeyInvalidError(SenderError):
    """The Idempotency-Key header holds no usable key."""


class IdempotencyKeyReusedError(SenderError):
    """The key belongs to another event, whose id is ``event_id``."""

    def __init__(self, event_id: EventId) -> None:
        super().__init__("This key was used before, for an event with another content.")
        self.event_id = event_id


class UnauthenticatedError(SenderError):
    """No token, or one that is not valid."""


class TooManyAttemptsError(SenderError):
    """Too many wrong tokens came from there; ``wait_seconds`` is after how long to try again."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__("Too many wrong tokens came from your address. Wait, and try again.")
        self.wait_seconds = wait_seconds


class FormRefusedError(SenderError):
    """A form was not sent from a page of the session that it came with."""


class TenantMismatchError(SenderError):
    """X-Tenant-Id names another tenant than the token does."""


class TenantSuspendedError(SenderError):
    """The tenant was suspended by the operator."""


class RateLimitedError(SenderError):
    """The tenant has sent more than its ``limit``; after ``retry_seconds`` it may go on."""

    def __init__(self, limit: RateLimit, *, retry_seconds: int) -> None:
        super().__init__(
            f"This tenant may send {limit.events_per_second} events a second, and {limit.burst} at"
            f" once after a rest. Nothing was stored: repeat the call in {retry_seconds} s."
        )
        self.limit = limit
        self.retry_seconds = retry_seconds


class UnsupportedMediaTypeError(SenderError):
    """The content type is not application/json in UTF-8."""


class PayloadTooLargeError(SenderError):
    """The body is larger than the limit; ``max_body_bytes`` is the limit."""

    def __init__(self, max_body_bytes: int) -> None:
        super().__init__(f"The body is larger than {max_body_bytes} bytes.")
        self.max_body_bytes = max_body_bytes


class NotFoundError(SenderError):
    """There is no such thing, or it belongs to another tenant: the answer is the same."""


class MethodNotAllowedError(SenderError):
    """The path exists, the method does not; ``allowed`` lists those that do."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"Allowed here: {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


class SlugTakenError(SenderError):
    """Another tenant has this slug."""


class MerchantTakenError(SenderError):
    """This app has a source for this merchant already."""


class TenantNotSuspendedError(SenderError):
    """The tenant is active, and what was asked for is only done to a suspended one."""


class NoDestinationError(SenderError):
    """The tenant has no destination, so nothing can be delivered."""


class DeadLettersChangedError(SenderError):
    """There are not as many dead letters as the caller confirmed; nothing was discarded."""


class DeliveryUnderWayError(SenderError):
    """An attempt to deliver the event has begun and not ended; it was left as it is."""


class RotationConflictError(SenderError):
    """The secret, or the token, is not in a state in which this rotation can begin."""


class QuarantineChangedError(SenderError):
    """There are not as many deliveries in quarantine as were confirmed; none was discarded."""


class SignatureRefusedError(SenderError):
    """A provider's delivery is not signed as its endpoint asks, or the endpoint is unknown.

    ``cause`` says which, to the log only: whoever sent it must not learn what exists.
    """

    def __init__(self, cause: str) -> None:
        super().__init__("The delivery is not signed as this endpoint asks.")
        self.cause = cause


class UnreadableDeliveryError(SenderError):
    """A provider's delivery was signed well, but cannot be split into events."""


class StoreUnavailableError(UpstreamError):
    """The database gave no answer within its deadline, or none that can be used."""


class StoreRefusedError(StoreUnavailableError):
    """The database is there, and refuses what it should do: ours to mend, not the sender's."""


class OverRateError(StoreUnavailableError):
    """Events are not stored now, since their tenant is over its rate; ``keys`` are theirs."""

    def __init__(self, tenant_id: TenantId, keys: Sequence[str]) -> None:
        super().__init__("their tenant is over its rate")
        self.tenant_id = tenant_id
        self.keys = tuple(keys)


class QueueUnavailableError(UpstreamError):
    """The accept queue did not take a message, or it is not certain that it did."""


class ObjectsUnavailableError(UpstreamError):
    """The object store gave no answer that can be used."""


class SecretUnavailableError(UpstreamError):
    """A secret could not be read, or does not hold what it should."""


class SealBrokenError(SecretUnavailableError):
    """Sealed text does not open: it is damaged, of another place, or its key is gone."""


class KeyMissingError(SealBrokenError):
    """The key ring has no key of the name under which the text was sealed."""


class NotUnderstoodError(TillgateError):
    """A message is of a form, or under a key, that this version does not know, or not yet."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the message is not understood: {reason}")
        self.reason = reason


class BadMessageError(TillgateError):
    """A message on the accept queue can never be stored; ``reason`` is a word for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the message cannot be stored: {reason}")
        self.reason = reason
