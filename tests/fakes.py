"""In-memory stand-ins for the ports, real enough to run the use cases on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tillgate.domain.errors import (
    ObjectsUnavailableError,
    QueueUnavailableError,
    SealBrokenError,
    SecretUnavailableError,
    StoreUnavailableError,
)
from tillgate.domain.event import Accepted, NewEvent, Outcome
from tillgate.domain.metrics import Sums
from tillgate.domain.tenant import EventId, TokenStanding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tillgate.domain.activity import ActivityIncrement
    from tillgate.domain.metrics import Increment
    from tillgate.domain.quarantine import Quarantined
    from tillgate.domain.queued import QueuedMessage
    from tillgate.domain.tenant import (
        AppId,
        Endpoint,
        Source,
        Tenant,
        TenantId,
    )


class InMemoryEventStore:
    """Implements EventStore; ``is_down`` makes it fail as an unreachable database does."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, str], tuple[NewEvent, Accepted]] = {}
        self.is_down = False

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        if self.is_down:
            raise StoreUnavailableError("down")
        return [self._accept(tenant_id, event, received_at) for event in events]

    def _accept(self, tenant_id: TenantId, event: NewEvent, received_at: datetime) -> Accepted:
        key = (tenant_id, event.key)
        if key not in self.events:
            event_id = EventId(f"00000000-0000-7000-8000-{len(self.events):012x}")
            accepted = Accepted(Outcome.NEW, event_id, received_at)
            self.events[key] = (event, accepted)
            return accepted
        first, accepted = self.events[key]
        same = first.fingerprint == event.fingerprint
        return Accepted(
            Outcome.DUPLICATE if same else Outcome.CONFLICT,
            accepted.event_id,
            accepted.received_at,
        )


class InMemoryRegistry:
    """Implements Registry over dictionaries; counts its look-ups. ``ends`` has tokens' ends."""

    def __init__(self) -> None:
        self.tokens: dict[bytes, Tenant] = {}
        self.ends: dict[bytes, datetime] = {}
        self.endpoints: dict[tuple[str, str], Endpoint] = {}
        self.bound_sources: dict[tuple[str, str], Source] = {}
        self.look_ups = 0
        self.is_down = False

    def find_token(self, digest: bytes) -> TokenStanding | None:
        self._look_up()
        tenant = self.tokens.get(digest)
        return None if tenant is None else TokenStanding(tenant, self.ends.get(digest))

    def find_endpoint(
        self,
        provider: str,
        endpoint_id: str,
        *,
        at_most_seconds_old: float | None = None,  # noqa: ARG002  Nothing is remembered here.
    ) -> Endpoint | None:
        self._look_up()
        return self.endpoints.get((provider, endpoint_id))

    def find_bound_source(self, app_id: AppId, merchant_id: str) -> Source | None:
        self._look_up()
        return self.bound_sources.get((app_id, merchant_id))

    def _look_up(self) -> None:
        self.look_ups += 1
        if self.is_down:
            raise StoreUnavailableError("down")


class InMemoryHandshakes:
    """Implements Handshakes; ``awaiting`` are the endpoints whose secret is still to come.

    ``noted`` are those of them that were called; ``codes`` has what came with it.
    """

    def __init__(self) -> None:
        self.awaiting: set[tuple[str, str]] = set()
        self.noted: set[tuple[str, str]] = set()
        self.codes: dict[tuple[str, str], str] = {}
        self.asked = 0
        self.is_down = False

    def put_handshake(self, provider: str, endpoint_id: str, *, code: str | None) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")
        self.asked += 1
        if (provider, endpoint_id) in self.awaiting:
            self.noted.add((provider, endpoint_id))
            if code is not None:
                self.codes[provider, endpoint_id] = code


class InMemoryTokenStandings:
    """Implements TokenStandings."""

    def __init__(self) -> None:
        self.standings: dict[bytes, TokenStanding] = {}
        self.is_down = False

    def token_standing(self, digest: bytes) -> TokenStanding | None:
        if self.is_down:
            raise StoreUnavailableError("down")
        return self.standings.get(digest)


class InMemoryAcceptQueue:
    """Implements AcceptQueue and QueueProbe."""

    def __init__(self) -> None:
        self.messages: list[QueuedMessage] = []
        self.is_down = False

    def put(self, message: QueuedMessage) -> None:
        self.check()
        self.messages.append(message)

    def check(self) -> None:
        if self.is_down:
            raise QueueUnavailableError("down")


class InMemoryObjects:
    """Implements ObjectStore."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_down = False

    def put(self, key: str, content: bytes) -> None:
        self._check()
        self.objects[key] = content

    def get(self, key: str) -> bytes | None:
        self._check()
        return self.objects.get(key)

    def _check(self) -> None:
        if self.is_down:
            raise ObjectsUnavailableError("down")


class InMemoryQuarantine:
    """Implements Quarantine."""

    def __init__(self) -> None:
        self.items: list[Quarantined] = []
        self.is_down = False

    def put(self, item: Quarantined) -> bool:
        if self.is_down:
            raise StoreUnavailableError("down")
        if any(other.quarantine_id == item.quarantine_id for other in self.items):
            return True
        kept = [
            len(other.content)
            for other in self.items
            if other.endpoint_id == item.endpoint_id and other.quota is not None
        ]
        if item.quota is not None and (
            len(kept) >= item.quota.deliveries
            or sum(kept) + len(item.content) > item.quota.sealed_bytes
        ):
            return False
        self.items.append(item)
        return True


class InMemorySecretStore:
    """Implements SecretStore."""

    def __init__(self, secrets: dict[str, str] | None = None) -> None:
        self.secrets = dict(secrets or {})

    def read(self, secret_id: str) -> str:
        try:
            return self.secrets[secret_id]
        except KeyError:
            raise SecretUnavailableError("there is no such secret") from None

    def write(self, secret_id: str, value: str) -> None:
        self.read(secret_id)
        self.secrets[secret_id] = value


class PlainSecretBox:
    """Implements SecretBox without encrypting; still refuses another context."""

    def seal(self, plain: bytes, *, context: str) -> bytes:
        return context.encode() + b"\n" + plain

    def open(self, sealed: bytes, *, context: str) -> bytes:
        found, _, plain = sealed.partition(b"\n")
        if found != context.encode():
            raise SealBrokenError("sealed text does not open here")
        return plain


class InMemoryMetrics:
    """Implements MetricsStore. With ``loses_answers`` it stores, and says that it did not."""

    def __init__(self) -> None:
        self.flushes: dict[tuple[str, int], dict[str, int]] = {}
        # What tenants and sources did, of the flushes that carried any.
        self.activity: dict[tuple[str, int], ActivityIncrement] = {}
        self.connections: dict[str, int] = {}
        self.gauges: dict[str, float] = {}
        self.is_down = False
        self.loses_answers = False
        # What all sandboxes' tenants did, by tenant.
        self.answer: dict[str, tuple[float, float]] = {}

    def add(self, sandbox_id: str, increment: Increment) -> Mapping[str, tuple[float, float]]:
        if self.is_down:
            raise StoreUnavailableError("down")
        self.flushes.setdefault((sandbox_id, increment.seq), dict(increment.series))
        if increment.activity is not None:
            self.activity.setdefault((sandbox_id, increment.seq), increment.activity)
        if self.loses_answers:
            raise StoreUnavailableError("the answer was lost")
        return self.answer

    def read(self) -> Sums:
        if self.is_down:
            raise StoreUnavailableError("down")
        totals: Counter[str] = Counter()
        for series in self.flushes.values():
            totals.update(series)
        at = 1_800_000_000.0 if self.gauges else None
        return Sums(dict(totals), self.connections, self.gauges, at)
