"""Ingest and the accept worker in one process: the real use cases over in-memory ports."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.chaos.simulated_vendor import Answer, Post, SimulatedVendor
from tests.deliveries import VENDORS
from tests.fakes import (
    InMemoryAcceptQueue,
    InMemoryEventStore,
    InMemoryHandshakes,
    InMemoryQuarantine,
    InMemoryRegistry,
    InMemoryTokenStandings,
    PlainSecretBox,
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
BEGIN = datetime(2026, 11, 23, 10, tzinfo=UTC)
_MESSAGE = re.compile(r"\bm-(\d+)")
# Within every deadline. One answer in fifty comes after all of them: it is lost to the vendor.
QUICK_SECONDS, SLOW_SECONDS = 1.5, 60.0


def is_slow(post: Post) -> bool:
    return post.number == 1 and post.message % 50 == 7


class InProcess:
    """One vendor's source, and a sandbox that knows it; simulated time begins at BEGIN."""

    def __init__(self, vendor: str) -> None:
        self.provider = vendor
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
        secret = VENDORS[self.provider].secret
        sealed = self._box.seal(secret.encode(), context=context)
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
        body, headers = VENDORS[self.provider].delivery(
            f"m-{post.message}", url=URL, sent_at=received_at, n=post.number
        )
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
        # Where a vendor gives no id, the event's key is a digest, and the object has the name.
        found = (
            _MESSAGE.search(f"{event.key} {event.entity_id}")
            for event, _ in self.events.events.values()
        )
        return {int(match[1]) for match in found if match}


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

    sender = SimulatedVendor(PROVIDERS[vendor].retries, deliver)
    sender.run(first_sends)
    tillgate.set_up(database=True, queue=True)
    tillgate.drain()
    return Played(tillgate, sender)
