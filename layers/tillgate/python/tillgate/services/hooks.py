"""Provider hooks in: verify, split, find each item's tenant, store; or set aside, or queue."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from tillgate.domain.errors import SignatureRefusedError, StoreUnavailableError, UpstreamError
from tillgate.domain.event import Outcome
from tillgate.domain.quarantine import (
    KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY,
    KEPT_PER_ENDPOINT_A_DAY,
    UNKNOWN_ENDPOINT_SAMPLE_BYTES,
    WHOLE,
    DailyQuota,
    Part,
    Quarantined,
    Reason,
    only,
    quarantine_id,
)
from tillgate.domain.queued import QueuedHook
from tillgate.domain.tenant import AppId, Endpoint, Source, TenantId, TenantState
from tillgate.services.hook_items import (
    Tally,
    endpoint_id_of,
    is_plain,
    readable_items,
    request_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.event import NewEvent
    from tillgate.domain.ports import (
        AcceptQueue,
        EventStore,
        Handshakes,
        Quarantine,
        Registry,
        SecretBox,
    )
    from tillgate.domain.provider import Hook, HookItem, Provider
    from tillgate.domain.trace import Trace

    # The keys of what cannot be stored as it stands, by why and whose it is.
    _Aside = defaultdict[tuple[Reason, TenantId | None], list[str]]

_MAX_MERCHANT_ID_LENGTH = 255
# Of a provider's or endpoint's name in a URL, which may be anything: no id of ours is longer.
_MAX_NAME_KEPT = 64
# Before a signature is refused its endpoint is looked up anew, unless it is as young as this:
# its secret may just have been replaced, and forgeries must stay cheap.
_CERTAIN_SECONDS = 5.0
# The queue has no quota, and forgeries cost nothing: a sandbox queues so many a minute of what
# is refused, each of this size at most. What is more is answered 503, so that a vendor sends
# it again when it can be told for certain.
_MAX_REFUSED_BYTES = 64 * 1024
_MAX_REFUSED_A_MINUTE = 20


class HookStore:
    """What a verified hook goes through, whether it comes from a vendor or from the queue."""

    def __init__(
        self,
        *,
        providers: Mapping[str, Provider],
        registry: Registry,
        events: EventStore,
        quarantine: Quarantine,
        secret_box: SecretBox,
        conflict: Reason,
        tenant_id: TenantId | None = None,
        on_match: Callable[[Hook, int], None] = lambda _hook, _place: None,
    ) -> None:
        """``conflict`` is the reason for which an item is set aside whose key is another's.

        ``tenant_id`` is whose the items are, where that was found when they came: a merchant
        that was bound to another tenant since takes none of them along.

        ``on_match`` is told of each good signature: the hook, and the place of the secret among
        the endpoint's.
        """
        self._providers = providers
        self._registry = registry
        self._events = events
        self._quarantine = quarantine
        self._secret_box = secret_box
        self._conflict = conflict
        self._tenant_id = tenant_id
        self._on_match = on_match

    def provider_of(self, hook: Hook) -> Provider | None:
        return self._providers.get(hook.provider)

    def endpoint_of(self, provider: Provider, hook: Hook) -> Endpoint | None:
        """Look the endpoint up. Raises StoreUnavailableError when it cannot be told."""
        endpoint_id = endpoint_id_of(hook)
        return self._registry.find_endpoint(provider.name, endpoint_id) if endpoint_id else None

    def endpoint_anew(self, known: Endpoint) -> Endpoint:
        """Give the endpoint as it is now, where it may have changed."""
        found = self._registry.find_endpoint(
            known.provider, known.endpoint_id, at_most_seconds_old=_CERTAIN_SECONDS
        )
        return found or known

    def is_signed(self, provider: Provider, endpoint: Endpoint, hook: Hook) -> bool:
        """Tell whether one of the endpoint's secrets signed it that was good when it came.

        Raises SecretUnavailableError.
        """
        request = request_of(hook, endpoint)
        for place, sealed in enumerate(endpoint.sealed_secrets):
            if not endpoint.is_good(place, hook.received_at):
                continue
            secret = self._secret_box.open(sealed, context=endpoint.seal_context).decode()
            if provider.verify(request, secret):
                self._on_match(hook, place)
                return True
        return False

    def store(
        self,
        provider: Provider,
        endpoint: Endpoint,
        hook: Hook,
        tally: Tally,
        *,
        part: Part = WHOLE,
    ) -> None:
        """Store the items, each with its tenant, or set the hook aside for what is not storable.

        What was neither because the database is unreachable is counted as ``queued``: the
        caller sees to it. Repeating is safe, since everything here is idempotent.
        """
        if endpoint.source is not None:
            tally.share(endpoint.source.tenant.tenant_id)
        aside: _Aside = defaultdict(list)
        items, unreadable, rest = readable_items(provider, request_of(hook, endpoint), part)
        for tenant_id, events in self._by_tenant(tally, aside, endpoint, items, hook).items():
            self._accept(tally, aside, tenant_id, events, hook)
        # The whole hook is kept, once for each cause and part: tried again later by the same
        # path, what was stored meanwhile is a duplicate.
        for (reason, tenant), keys in sorted(aside.items(), key=str):
            self._set_aside(
                tally, len(keys), hook, endpoint, reason, tenant_id=tenant, part=only(keys)
            )
        if unreadable:
            self._set_aside(tally, unreadable, hook, endpoint, Reason.UNREADABLE, part=rest)

    def _by_tenant(
        self,
        tally: Tally,
        aside: _Aside,
        endpoint: Endpoint,
        items: Sequence[tuple[HookItem, NewEvent]],
        hook: Hook,
    ) -> dict[TenantId, list[NewEvent]]:
        by_tenant: dict[TenantId, list[NewEvent]] = {}
        for item, event in items:
            try:
                source, reason = self._source_of(endpoint, item)
            except StoreUnavailableError as error:
                tally.wait(1, error)
                continue
            if source is not None:
                tally.tenant_ids.add(source.tenant.tenant_id)
                tally.share(source.tenant.tenant_id)
                tally.heard[source.source_id] = hook.received_at
            if source is None or reason is not None:
                tenant_id = source.tenant.tenant_id if source else self._tenant_id
                aside[reason or Reason.MERCHANT_UNKNOWN, tenant_id].append(event.key)
            else:
                sent = replace(event, source_id=source.source_id)
                by_tenant.setdefault(source.tenant.tenant_id, []).append(sent)
        if tally.queued:
            # Whoever has the queue looks all of them up: kept now, they would be kept twice.
            tally.queued += sum(map(len, aside.values()))
            aside.clear()
        return by_tenant

    def _accept(
        self,
        tally: Tally,
        aside: _Aside,
        tenant_id: TenantId,
        events: Sequence[NewEvent],
        hook: Hook,
    ) -> None:
        try:
            answers = self._events.accept(tenant_id, events, received_at=hook.received_at)
        except StoreUnavailableError as error:
            tally.wait(len(events), error)
            tally.share(tenant_id, "queued", len(events))
            return
        for event, answer in zip(events, answers, strict=True):
            if answer.outcome is Outcome.NEW:
                tally.accepted += 1
                tally.share(tenant_id, "stored", 1)
            elif answer.outcome is Outcome.DUPLICATE:
                tally.duplicates += 1
                tally.share(tenant_id, "duplicate", 1)
            else:
                aside[self._conflict, tenant_id].append(event.key)

    def _source_of(self, endpoint: Endpoint, item: HookItem) -> tuple[Source | None, Reason | None]:
        """Give the source an item goes to, and the reason why it must not, if there is one."""
        source = endpoint.source
        if source is None:
            source = self._bound_source(endpoint, item.merchant_id)
            if source is None:
                return None, Reason.MERCHANT_UNKNOWN
            if self._tenant_id not in (None, source.tenant.tenant_id):
                return None, Reason.MERCHANT_MISMATCH
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
        if not merchant_id or not is_plain(merchant_id, _MAX_MERCHANT_ID_LENGTH):
            return None
        return self._registry.find_bound_source(AppId(endpoint.endpoint_id), merchant_id)

    def _set_aside(
        self,
        tally: Tally,
        count: int,
        hook: Hook,
        endpoint: Endpoint,
        reason: Reason,
        *,
        tenant_id: TenantId | None = None,
        part: Part,
    ) -> None:
        outcome = "quarantined"
        try:
            self.keep(hook, endpoint, reason, tenant_id=tenant_id, events=count, part=part)
        except StoreUnavailableError as error:
            outcome = "queued"
            tally.wait(count, error)
        else:
            tally.quarantined += count
            tally.conflicts += count if reason is self._conflict else 0
        if tenant_id is None and endpoint.source is not None:
            tenant_id = endpoint.source.tenant.tenant_id
        if tenant_id is not None:
            tally.share(tenant_id, outcome, count)

    def keep(
        self,
        hook: Hook,
        endpoint: Endpoint | None,
        reason: Reason,
        *,
        tenant_id: TenantId | None = None,
        quota: DailyQuota | None = None,
        events: int = 1,
        part: Part = WHOLE,
    ) -> None:
        """Put the whole hook in quarantine; of an endpoint that does not exist, only a sample.

        Raises StoreUnavailableError.
        """
        if tenant_id is None and endpoint is not None and endpoint.source is not None:
            tenant_id = endpoint.source.tenant.tenant_id
        most = None if endpoint is not None or quota is None else UNKNOWN_ENDPOINT_SAMPLE_BYTES
        content = hook.body[:most]
        self._quarantine.put(
            Quarantined(
                quarantine_id=quarantine_id(hook.hook_id, reason, tenant_id, part),
                reason=reason,
                provider=hook.provider if hook.provider in self._providers else "unknown",
                endpoint_id=endpoint.endpoint_id if endpoint else None,
                tenant_id=tenant_id,
                received_at=hook.received_at,
                rid=hook.rid,
                content=content,
                headers=dict(hook.headers),
                quota=quota,
                events=events,
                part=part,
                address=(hook.provider[:_MAX_NAME_KEPT], hook.endpoint_id[:_MAX_NAME_KEPT]),
                is_cut=len(content) < len(hook.body),
            )
        )


class AcceptHook:
    """Takes a vendor's hook; what it returns from is durable."""

    def __init__(
        self, store: HookStore, accept_queue: AcceptQueue, *, handshakes: Handshakes
    ) -> None:
        self._store = store
        self._accept_queue = accept_queue
        self._handshakes = handshakes
        # In which minute how many refused hooks were queued.
        self._refused: Counter[datetime] = Counter()

    def accept(
        self, hook: Hook, tally: Tally | None = None, *, trace: Trace | None = None
    ) -> Tally:
        """Store the hook's events, or set aside what cannot be stored as it stands.

        ``tally`` is filled and given back: of a hook that fails, it says what was known.

        What the database gives no answer for is kept on the accept queue, with the whole
        hook. Raises SignatureRefusedError, the same for every cause, when it is not signed
        as its endpoint asks; StoreUnavailableError when it cannot be told who is calling,
        or a handshake cannot be noted; and what the queue's ``put`` raises, or
        SecretUnavailableError, when it is not certain that everything is kept.
        """
        store, tally = self._store, tally or Tally()
        provider = store.provider_of(hook)
        if provider is not None:
            tally.acknowledgement = provider.acknowledgement
        if provider is not None and self._shakes_hands(provider, hook):
            tally.is_handshake = True
            return tally
        endpoint = store.endpoint_of(provider, hook) if provider is not None else None
        if provider is None or endpoint is None:
            raise SignatureRefusedError(self._keep_sample(hook))
        if not store.is_signed(provider, endpoint, hook):
            known, endpoint = endpoint, store.endpoint_anew(endpoint)
            if endpoint == known or not store.is_signed(provider, endpoint, hook):
                self._keep_refused(hook, endpoint, trace)
                raise SignatureRefusedError(Reason.SIGNATURE_REFUSED)
        store.store(provider, endpoint, hook, tally)
        if tally.queued:
            part, tenant_id = tally.waiting
            queued = QueuedHook(hook=hook, trace=trace, part=part, tenant_id=tenant_id)
            self._accept_queue.put(queued)
        return tally

    def _shakes_hands(self, provider: Provider, hook: Hook) -> bool:
        """Tell whether it is a set-up request; it is noted where one is awaited, with its code.

        Anyone can send one, so the answer is the same for every endpoint, and for none. A code
        that cannot be kept now is 503 and not queued: the operator stands by, and has the vendor
        send another. Without one nothing is lost but when it came.
        """
        handshake = provider.handshake(hook)
        if handshake is None:
            return False
        endpoint_id = endpoint_id_of(hook)
        if endpoint_id is not None:
            try:
                self._handshakes.put_handshake(provider.name, endpoint_id, code=handshake.code)
            except StoreUnavailableError:
                if handshake.code is not None:
                    raise
        return True

    def _keep_refused(self, hook: Hook, endpoint: Endpoint, trace: Trace | None) -> None:
        """Keep it in quarantine, or on the queue: its secret may be newer than what is known."""
        try:
            self._store.keep(
                hook, endpoint, Reason.SIGNATURE_REFUSED, quota=KEPT_PER_ENDPOINT_A_DAY
            )
        except StoreUnavailableError:
            minute = hook.received_at.replace(second=0, microsecond=0)
            if len(hook.body) > _MAX_REFUSED_BYTES or (
                self._refused[minute] >= _MAX_REFUSED_A_MINUTE
            ):
                raise
            self._accept_queue.put(QueuedHook(hook=hook, is_refused=True, trace=trace))
            self._refused = Counter({minute: self._refused[minute] + 1})

    def _keep_sample(self, hook: Hook) -> str:
        """Keep it where that is possible; give what the log should say."""
        reason = Reason.UNKNOWN_ENDPOINT
        try:
            self._store.keep(hook, None, reason, quota=KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY)
        except UpstreamError:
            # Nobody's event is in it, and the refusal is certain: it is not worth a 503.
            return f"{reason}, not kept"
        return reason
