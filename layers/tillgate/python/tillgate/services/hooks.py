"""Provider deliveries in: verify, split, find each item's tenant, store; or set aside."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    IdempotencyKeyInvalidError,
    SignatureRefusedError,
    UnreadableDeliveryError,
)
from tillgate.domain.event import MAX_ENTITY_ID_LENGTH, MAX_TYPE_LENGTH, NewEvent, Outcome
from tillgate.domain.idempotency import fingerprint, stored_key, usable_key
from tillgate.domain.json_value import LoneSurrogateError, dump
from tillgate.domain.provider import HookItem, HookRequest
from tillgate.domain.quarantine import (
    KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY,
    KEPT_PER_ENDPOINT_A_DAY,
    UNKNOWN_ENDPOINT_SAMPLE_BYTES,
    DailyQuota,
    Quarantined,
    Reason,
)
from tillgate.domain.tenant import AppId, Endpoint, Source, TenantId, TenantState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.ports import EventStore, Quarantine, Registry, SecretBox
    from tillgate.domain.provider import Provider

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_MAX_MERCHANT_ID_LENGTH = 255
# Before a signature is refused its endpoint is looked up anew, unless it is as young as this:
# its secret may just have been replaced, and forgeries must stay cheap.
_CERTAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A request to ``/v1/hooks/{provider}/{endpoint_id}``; header names in lower case."""

    provider: str
    endpoint_id: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    rid: str


@dataclass(slots=True)
class Tally:
    """What became of a delivery's items; ``tenant_ids`` are those it turned out to be for."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    tenant_ids: set[TenantId] = field(default_factory=set)


class AcceptHook:
    """Takes a vendor's delivery; what it returns from is durable."""

    def __init__(
        self,
        *,
        providers: Mapping[str, Provider],
        registry: Registry,
        events: EventStore,
        quarantine: Quarantine,
        secret_box: SecretBox,
    ) -> None:
        self._providers = providers
        self._registry = registry
        self._events = events
        self._quarantine = quarantine
        self._secret_box = secret_box

    def accept(self, delivery: Delivery) -> Tally:
        """Store the delivery's events, or set aside what cannot be stored as it stands.

        Raises SignatureRefusedError, the same for every cause, when it is not signed as
        its endpoint asks; StoreUnavailableError or SecretUnavailableError when it is not
        certain that everything is kept.
        """
        provider = self._providers.get(delivery.provider)
        endpoint = self._endpoint(provider, delivery)
        if provider is None or endpoint is None:
            self._keep_sample(delivery)
            raise SignatureRefusedError(Reason.UNKNOWN_ENDPOINT)
        if not self._is_signed(provider, endpoint, delivery):
            known, endpoint = endpoint, self._endpoint_anew(endpoint)
            if endpoint == known or not self._is_signed(provider, endpoint, delivery):
                self._set_aside(
                    delivery, endpoint, Reason.SIGNATURE_REFUSED, quota=KEPT_PER_ENDPOINT_A_DAY
                )
                raise SignatureRefusedError(Reason.SIGNATURE_REFUSED)
        request = _request(delivery, endpoint)
        try:
            items = [(item, _event(provider.name, item)) for item in provider.split(request)]
        except UnreadableDeliveryError:
            self._set_aside(delivery, endpoint, Reason.UNREADABLE)
            return Tally(quarantined=1)
        return self._store(delivery, endpoint, items)

    def _endpoint(self, provider: Provider | None, delivery: Delivery) -> Endpoint | None:
        endpoint_id = delivery.endpoint_id.lower()
        if provider is None or not _UUID.match(endpoint_id):
            return None
        return self._registry.find_endpoint(provider.name, endpoint_id)

    def _endpoint_anew(self, known: Endpoint) -> Endpoint:
        found = self._registry.find_endpoint(
            known.provider, known.endpoint_id, at_most_seconds_old=_CERTAIN_SECONDS
        )
        return found or known

    def _is_signed(self, provider: Provider, endpoint: Endpoint, delivery: Delivery) -> bool:
        request = _request(delivery, endpoint)
        return any(
            provider.verify(
                request,
                self._secret_box.open(sealed, context=endpoint.seal_context).decode(),
            )
            for sealed in endpoint.sealed_secrets
        )

    def _store(
        self,
        delivery: Delivery,
        endpoint: Endpoint,
        items: Sequence[tuple[HookItem, NewEvent]],
    ) -> Tally:
        tally = Tally()
        aside: set[tuple[Reason, TenantId | None]] = set()
        by_tenant: dict[TenantId, list[NewEvent]] = {}
        for item, event in items:
            source, reason = self._source_of(endpoint, item)
            if source is not None:
                tally.tenant_ids.add(source.tenant.tenant_id)
            if source is None or reason is not None:
                tally.quarantined += 1
                tenant_id = source.tenant.tenant_id if source else None
                aside.add((reason or Reason.MERCHANT_UNKNOWN, tenant_id))
            else:
                by_tenant.setdefault(source.tenant.tenant_id, []).append(_of(source, event))
        for tenant_id, events in by_tenant.items():
            for answer in self._events.accept(tenant_id, events, received_at=delivery.received_at):
                if answer.outcome is Outcome.NEW:
                    tally.accepted += 1
                elif answer.outcome is Outcome.DUPLICATE:
                    tally.duplicates += 1
                else:
                    tally.quarantined += 1
                    aside.add((Reason.KEY_CONFLICT, tenant_id))
        # The whole delivery is kept, once for each cause: tried again later by the same
        # path, what was stored meanwhile is a duplicate.
        for reason, tenant_id in sorted(aside, key=str):
            self._set_aside(delivery, endpoint, reason, tenant_id=tenant_id)
        return tally

    def _source_of(self, endpoint: Endpoint, item: HookItem) -> tuple[Source | None, Reason | None]:
        """Give the source an item goes to, and the reason why it must not, if there is one."""
        source = endpoint.source
        if source is None:
            source = self._bound_source(endpoint, item.merchant_id)
            if source is None:
                return None, Reason.MERCHANT_UNKNOWN
        elif (
            source.merchant_id is not None
            and item.merchant_id is not None
            and source.merchant_id != item.merchant_id
        ):
            return source, Reason.MERCHANT_MISMATCH
        if source.tenant.state is TenantState.SUSPENDED:
            return source, Reason.TENANT_SUSPENDED
        return source, None

    def _bound_source(self, endpoint: Endpoint, merchant_id: str | None) -> Source | None:
        # A name that the signature does not cover may be anybody's: it chooses no tenant.
        if not self._providers[endpoint.provider].signs_merchant:
            return None
        if not merchant_id or not _is_plain(merchant_id, _MAX_MERCHANT_ID_LENGTH):
            return None
        return self._registry.find_bound_source(AppId(endpoint.endpoint_id), merchant_id)

    def _set_aside(
        self,
        delivery: Delivery,
        endpoint: Endpoint,
        reason: Reason,
        *,
        tenant_id: TenantId | None = None,
        quota: DailyQuota | None = None,
    ) -> None:
        if tenant_id is None and endpoint.source is not None:
            tenant_id = endpoint.source.tenant.tenant_id
        self._quarantine.put(
            Quarantined(
                reason=reason,
                provider=endpoint.provider,
                endpoint_id=endpoint.endpoint_id,
                tenant_id=tenant_id,
                received_at=delivery.received_at,
                rid=delivery.rid,
                content=delivery.body,
                headers=dict(delivery.headers),
                quota=quota,
            )
        )

    def _keep_sample(self, delivery: Delivery) -> None:
        self._quarantine.put(
            Quarantined(
                reason=Reason.UNKNOWN_ENDPOINT,
                provider=delivery.provider if delivery.provider in self._providers else "unknown",
                endpoint_id=None,
                tenant_id=None,
                received_at=delivery.received_at,
                rid=delivery.rid,
                content=delivery.body[:UNKNOWN_ENDPOINT_SAMPLE_BYTES],
                headers=dict(delivery.headers),
                quota=KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY,
            )
        )


def _request(delivery: Delivery, endpoint: Endpoint) -> HookRequest:
    return HookRequest(
        body=delivery.body,
        headers=delivery.headers,
        notification_url=endpoint.notification_url,
        received_at=delivery.received_at,
    )


def _is_plain(text: str, max_length: int) -> bool:
    """Tell whether it is a usable name: not empty, not too long, no control or stray characters."""
    return 1 <= len(text) <= max_length and text.isprintable()


def _event(namespace: str, item: HookItem) -> NewEvent:
    """Make an event of an item, not yet any source's. Raises UnreadableDeliveryError."""
    try:
        key = stored_key(namespace, usable_key(item.key))
        data, identity = dump(item.data), dump(item.identity)
    except (IdempotencyKeyInvalidError, LoneSurrogateError) as error:
        raise UnreadableDeliveryError(str(error)) from error
    if not _is_plain(item.type, MAX_TYPE_LENGTH):
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
        entity_id=entity_id if entity_id and _is_plain(entity_id, MAX_ENTITY_ID_LENGTH) else None,
        entity_version=item.entity_version,
    )


def _of(source: Source, event: NewEvent) -> NewEvent:
    return replace(event, source_id=source.source_id)
