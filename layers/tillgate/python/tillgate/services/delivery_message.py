"""What becomes of one message of the delivery queue, noted as it goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tillgate.domain.delivery import AttemptOutcome, Delivered, RetryLater
from tillgate.domain.delivery_rules import delivery_lag_seconds
from tillgate.domain.enrichment import EnrichmentState
from tillgate.domain.queued import retry_seconds
from tillgate.services.enrich import EnrichmentMemory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tillgate.domain.delivery import OutgoingEvent, SendResult, Settled
    from tillgate.domain.enrichment import Enriched
    from tillgate.domain.tenant import EventId, TenantId

# From so many receives on, some five minutes, a batch that is answered by an error of the
# destination's own is halved as one that is refused: one event may be what it fails at, and the
# others must not expire with that. Then a batch is also tried once only.
_LATE_RECEIVES = 7


@dataclass(slots=True, kw_only=True)
class DeliveryReport:
    """What became of a message. ``later_seconds``: when it should come again; None: never.

    ``attempts`` counts requests; ``reasons`` are what they failed with, each once. ``enriched``
    and ``unenriched`` count those of the delivered that went with the object they name, and
    without it. ``target`` is the kind of destination that was asked, ``status`` what it answered
    last, ``retries`` the requests that have to be made again; ``lags_ms`` are how long those
    that were delivered had to wait for it.
    """

    delivered: int = 0
    gave_up: int = 0
    attempts: int = 0
    enriched: int = 0
    unenriched: int = 0
    later_seconds: int | None = None
    target: str | None = None
    status: int | None = None
    retries: int = 0
    lags_ms: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMessage:
    """One receive of a message: whose it is, since when it is worked on, and what is known."""

    tenant_id: TenantId
    receive_count: int
    started: float
    report: DeliveryReport = field(default_factory=DeliveryReport)
    memory: EnrichmentMemory = field(default_factory=EnrichmentMemory)

    @property
    def is_late(self) -> bool:
        return self.receive_count >= _LATE_RECEIVES

    def batches_of(self, event_ids: Sequence[EventId]) -> list[tuple[EventId, ...]]:
        """Give what to try in one request each: smaller with every late receive.

        A destination that never answers in time for so many may do so for fewer.
        """
        late = max(0, self.receive_count - _LATE_RECEIVES + 1)
        size = max(1, len(event_ids) >> late)
        return [tuple(event_ids[n : n + size]) for n in range(0, len(event_ids), size)]

    def later(self, seconds: float = 0.0) -> None:
        """Let it come again, after so long at least."""
        wait = max(retry_seconds(self.receive_count), math.ceil(seconds))
        self.report.later_seconds = max(self.report.later_seconds or 0, wait)

    def wait_for(self, enriched: Enriched) -> None:
        """Let it come again for those that wait for their objects."""
        if enriched.put_off:
            self.later(enriched.after_seconds)
        for one in enriched.put_off:
            self.note(one.reason)

    def count_request(
        self,
        result: SendResult,
        settled: Sequence[Settled],
        sent: Sequence[OutgoingEvent],
        *,
        target: str,
        now: datetime,
    ) -> None:
        self.report.attempts += 1
        self.report.target, self.report.status = target, result.status
        self.report.retries += isinstance(result, RetryLater)
        self.count(settled)
        if isinstance(result, Delivered):
            self.report.lags_ms += [
                round(delivery_lag_seconds(event, now=now) * 1000, 3) for event in sent
            ]
            states = [event.enrichment.state for event in sent]
            fetched = states.count(EnrichmentState.FETCHED)
            self.report.enriched += fetched
            self.report.unenriched += len(states) - fetched - states.count(EnrichmentState.NONE)
        else:
            self.note(result.reason)

    def count(self, settled: Sequence[Settled]) -> None:
        outcomes = [delivery.outcome for delivery in settled]
        self.report.delivered += outcomes.count(AttemptOutcome.DELIVERED)
        self.report.gave_up += outcomes.count(AttemptOutcome.GAVE_UP)

    def note(self, reason: str) -> None:
        if reason not in self.report.reasons:
            self.report.reasons.append(reason)
