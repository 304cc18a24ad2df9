"""Ingest and the accept worker in one process: the real use cases over in-memory ports."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ops.simulators.vendor_rules import VENDOR_RULES
from tests.chaos.simulated_vendor import Answer, Post, SimulatedVendor
from tests.fakes import (
    InMemoryAcceptQueue,
    InMemoryEventStore,
    InMemoryHandshakes,
    InMemoryQuarantine,
    InMemoryRegistry,
    InMemoryTokenStandings,
    PlainSecretBox,
)
from tests.vendors import (
    CLOVER_CODE,
    SHOPIFY_SECRET,
    SQUARE_KEY,
    STANDARD_SECRET,
    TOAST_SECRET,
    clover_body,
    clover_headers,
    clover_update,
    shopify_body,
    shopify_headers,
    square_body,
    square_headers,
    standard_body,
    standard_headers,
    toast_body,
    toast_headers,
)
from tillgate.domain.errors import TillgateError
from tillgate.domain.provider import Hook
from tillgate.domain.quarantine import Reason
from tillgate.domain.tenant import (
    Endpoint,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    endpoint_seal_context,
)
from tillgate.entrypoints.problems import problem
from tillgate.providers import PROVIDERS
from tillgate.services.accept import AcceptQueued
from tillgate.services.cached_registry import CachedRegistry
from tillgate.services.hooks import AcceptHook, HookStore
from tillgate.services.queued_hooks import AcceptQueuedHook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TENANT = Tenant(TenantId("11111111-1111-4111-8111-11111111aaaa"), "one", TenantState.ACTIVE)
ENDPOINT_ID = "aaaaaaaa-0000-4000-8000-000000000001"
URL = f"https://api.example.com/v1/hooks/x/{ENDPOINT_ID}"
SECRETS = {
    "square": SQUARE_KEY,
    "shopify": SHOPIFY_SECRET,
    "toast": TOAST_SECRET,
    "clover": CLOVER_CODE,
    "standard": STANDARD_SECRET,
}
BEGIN = datetime(2026, 11, 23, 10, tzinfo=UTC)
# Within every deadline. One answer in fifty comes after all of them: it is lost to the vendor.
QUICK_SECONDS, SLOW_SECONDS = 1.5, 60.0


def is_slow(post: Post) -> bool:
    return post.number == 1 and post.message % 50 == 7


class InProcess:
    """One vendor's source, and a sandbox that knows it; simulated time begins at BEGIN.

    A vendor whose wire format is not built yet sends its messages as Standard Webhooks do.
    """

    def __init__(self, vendor: str) -> None:
        self.provider = vendor if vendor in PROVIDERS else "standard"
        self.events = InMemoryEventStore()
        self.quarantine = InMemoryQuarantine()
        self.queue = InMemoryAcceptQueue()
        self._registry = InMemoryRegistry()
        self._box = PlainSecretBox()
        self._at = 0.0
        self._add_endpoint()
        cached = CachedRegistry(self._registry, clock=lambda: self._at)
        self._accept_hook = AcceptHook(
            self._store(cached, Reason.KEY_CONFLICT), self.queue, handshakes=InMemoryHandshakes()
        )
        self._accept_queued = AcceptQueued(
            tokens=InMemoryTokenStandings(),
            events=self.events,
            quarantine=self.quarantine,
            hooks=AcceptQueuedHook(self._store(self._registry, Reason.CONFLICT_AFTER_QUEUED)),
        )

    def _add_endpoint(self) -> None:
        context = endpoint_seal_context(ENDPOINT_ID, tenant_id=TENANT.tenant_id)
        sealed = self._box.seal(SECRETS[self.provider].encode(), context=context)
        source = Source(SourceId(ENDPOINT_ID), TENANT, None)
        self._registry.endpoints[self.provider, ENDPOINT_ID] = Endpoint(
            ENDPOINT_ID, self.provider, URL, (sealed,), source
        )

    def _store(self, registry: InMemoryRegistry | CachedRegistry, conflict: Reason) -> HookStore:
        return HookStore(
            providers=PROVIDERS,
            registry=registry,
            events=self.events,
            quarantine=self.quarantine,
            secret_box=self._box,
            conflict=conflict,
        )

    def set_up(self, *, database: bool, queue: bool) -> None:
        """Say which of the stores are up."""
        self.events.is_down = self._registry.is_down = self.quarantine.is_down = not database
        self.queue.is_down = not queue

    def take(self, post: Post) -> Answer:
        """Let the vendor's attempt in, signed at its time; answer as over HTTP."""
        self._at = post.at
        received_at = BEGIN + timedelta(seconds=post.at)
        body, headers = signed(self.provider, f"m-{post.message}", sent_at=received_at)
        hook = Hook(
            hook_id=str(uuid.uuid4()),
            provider=self.provider,
            endpoint_id=ENDPOINT_ID,
            headers=headers,
            body=body,
            received_at=received_at,
            rid="rid-1",
        )
        after_seconds = SLOW_SECONDS if is_slow(post) else QUICK_SECONDS
        try:
            self._accept_hook.accept(hook)
        except TillgateError as error:
            return Answer(problem(error)["status"], after_seconds)
        return Answer(200, after_seconds)

    def drain(self) -> None:
        """Let the worker take what is queued, each message twice, as a queue may give it."""
        for message in self.queue.messages * 2:
            self._accept_queued.accept(message)

    def stored(self) -> set[int]:
        """Give the messages that are stored."""
        keys = (key.rpartition("m-")[2] for _, key in self.events.events)
        return {int(key.partition(":")[0]) for key in keys}


def signed(provider: str, key: str, *, sent_at: datetime) -> tuple[bytes, dict[str, str]]:
    """Give a delivery as the vendor signs it."""
    match provider:
        case "square":
            body = square_body(key)
            return body, square_headers(body, url=URL)
        case "shopify":
            body = shopify_body(note=key)
            return body, shopify_headers(body, webhook_id=key)
        case "toast":
            body = toast_body(key)
            return body, toast_headers(body)
        case "clover":
            return clover_body(M1=[clover_update(f"O:{key}")]), clover_headers()
        case _:
            body = standard_body()
            return body, standard_headers(body, sent_at=sent_at, message_id=key)


@dataclass(frozen=True, slots=True)
class Played:
    """What became of it: at Tillgate, the queue drained, and at the vendor."""

    tillgate: InProcess
    sender: SimulatedVendor


def play(
    vendor: str,
    first_sends: Sequence[float],
    *,
    is_out: Callable[[float], bool],
    queue_is_up: bool,
) -> Played:
    """Let a vendor send by its rules; the database, and the queue if so said, are out at times."""
    tillgate = InProcess(vendor)

    def deliver(post: Post) -> Answer:
        is_up = not is_out(post.at)
        tillgate.set_up(database=is_up, queue=is_up or queue_is_up)
        return tillgate.take(post)

    sender = SimulatedVendor(VENDOR_RULES[vendor], deliver)
    sender.run(first_sends)
    tillgate.set_up(database=True, queue=True)
    tillgate.drain()
    return Played(tillgate, sender)
