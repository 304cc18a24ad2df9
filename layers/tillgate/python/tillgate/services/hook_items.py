"""What a provider took out of a delivery, as events: each item by itself, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    IdempotencyKeyInvalidError,
    OverRateError,
    UnreadableDeliveryError,
)
from tillgate.domain.event import MAX_ENTITY_ID_LENGTH, MAX_TYPE_LENGTH, NewEvent
from tillgate.domain.idempotency import fingerprint, stored_key, usable_key
from tillgate.domain.json_value import LoneSurrogateError, dump
from tillgate.domain.provider import HookRequest
from tillgate.domain.quarantine import WHOLE, Part, only

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.errors import StoreUnavailableError
    from tillgate.domain.provider import Hook, HookItem, Provider
    from tillgate.domain.tenant import Endpoint, SourceId, TenantId

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(slots=True)
class Tally:
    """What became of a hook's items; ``tenant_ids`` are those it turned out to be for.

    ``cause`` is why some could not be stored now, where some could not; ``limited`` are the keys
    of those whose tenant is over its rate. A handshake has no items. ``conflicts`` are those of
    the quarantined whose key is another event's. ``shares`` has each tenant's items by what
    became of them, in the metrics' words, as far as it is known whose they are; ``heard`` says
    when each source's came.
    ``acknowledgement`` is what the vendor wants to read, whatever became of them.
    """

    accepted: int = 0
    duplicates: int = 0
    queued: int = 0
    quarantined: int = 0
    conflicts: int = 0
    tenant_ids: set[TenantId] = field(default_factory=set)
    cause: StoreUnavailableError | None = None
    is_handshake: bool = False
    shares: dict[TenantId, dict[str, int]] = field(default_factory=dict)
    heard: dict[SourceId, datetime] = field(default_factory=dict)
    acknowledgement: str | None = None
    limited: dict[TenantId, tuple[str, ...]] = field(default_factory=dict)

    def wait(self, number: int, cause: StoreUnavailableError) -> None:
        """Say that so many items have to be stored later, and why."""
        self.queued += number
        if isinstance(cause, OverRateError):
            self.limited[cause.tenant_id] = cause.keys
            # What the database gave no answer for is the graver one.
            self.cause = self.cause or cause
        else:
            self.cause = cause

    @property
    def waiting(self) -> tuple[Part, TenantId | None]:
        """What has to be stored later, and whose it is, where it is one tenant's.

        It is all of it, unless it waits for nothing but tenants' rates.
        """
        if sum(map(len, self.limited.values())) < self.queued:
            return WHOLE, None
        part = only(key for keys in self.limited.values() for key in keys)
        return part, next(iter(self.limited)) if len(self.limited) == 1 else None

    def share(self, tenant_id: TenantId, outcome: str = "stored", number: int = 0) -> None:
        """Say whose so many items are, or that whatever comes of it is also this tenant's."""
        share = self.shares.setdefault(tenant_id, {})
        share[outcome] = share.get(outcome, 0) + number


def endpoint_id_of(hook: Hook) -> str | None:
    """Give the id in the URL, None when it can be nobody's."""
    endpoint_id = hook.endpoint_id.lower()
    return endpoint_id if _UUID.match(endpoint_id) else None


def request_of(hook: Hook, endpoint: Endpoint) -> HookRequest:
    """Give what the provider verifies and splits."""
    return HookRequest(
        body=hook.body,
        headers=hook.headers,
        notification_url=endpoint.notification_url,
        received_at=hook.received_at,
    )


def readable_items(
    provider: Provider, request: HookRequest, part: Part = WHOLE
) -> tuple[list[tuple[HookItem, NewEvent]], int, Part]:
    """Give the part's items that are events, not yet any source's; how many are none, and where.

    One that cannot be read harms no neighbour, which may be another merchant's. A delivery
    that holds no items at all counts as one. Where it no longer has an item that the part
    names, since this version of the provider's module names items otherwise, all are given:
    better a duplicate than a loss.
    """
    try:
        items = provider.split(request)
    except UnreadableDeliveryError:
        return [], 1, WHOLE
    readable = []
    for item in items:
        try:
            readable.append((item, _event(provider.name, item)))
        except UnreadableDeliveryError:
            continue
    unreadable = len(items) - len(readable)
    keys = frozenset(event.key for _, event in readable)
    rest = Part(keys)
    if not part.is_all_but:
        if not part.keys <= keys:
            return readable, unreadable, rest
        unreadable = 0
    return [item for item in readable if part.has(item[1].key)], unreadable, rest


def is_plain(text: str, max_length: int) -> bool:
    """Tell whether it is a usable name: not empty, not too long, no control or stray characters."""
    return 1 <= len(text) <= max_length and text.isprintable()


def _event(namespace: str, item: HookItem) -> NewEvent:
    """Make an event of an item. Raises UnreadableDeliveryError."""
    try:
        key = stored_key(namespace, usable_key(item.key))
        data = dump(item.data)
        # Most vendors' are the same, and writing 4 MiB of numbers takes seconds.
        identity = data if item.identity is item.data else dump(item.identity)
    except (IdempotencyKeyInvalidError, LoneSurrogateError) as error:
        raise UnreadableDeliveryError(str(error)) from error
    if not is_plain(item.type, MAX_TYPE_LENGTH):
        raise UnreadableDeliveryError("the event's type is not a plain name")
    entity_id = item.entity_id
    return NewEvent(
        key=key,
        fingerprint=fingerprint(identity),
        source_id=None,
        type=item.type,
        data=data,
        occurred_at=item.occurred_at,
        # Only a convenience for readers, and in the data anyway: one that does not fit is left out.
        entity_id=entity_id if entity_id and is_plain(entity_id, MAX_ENTITY_ID_LENGTH) else None,
        entity_version=item.entity_version,
    )
