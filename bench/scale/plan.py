"""What a stage is set to, and what it can then bear: each limit, and the rate it bites at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.scale.path import Path

if TYPE_CHECKING:
    from bench.scale.inputs import Inputs

# Of a database's CPU, what it may use before lines form.
MOST_BUSY = 0.8
_MB_OF_PROD = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The switches that matter to scale; the defaults are prod's (``stacks/stages.py``).

    The account's quotas are AWS' defaults. ``deployments`` share the load evenly, each with
    all of this: what is not built is the sharing.
    """

    memory_mb: int = _MB_OF_PROD
    throttle_rate: int = 2_000
    throttle_burst: int = 4_000
    account_rate: int = 10_000
    concurrency: int = 1_000
    min_acu: float = 0.5
    max_acu: float = 16
    is_proxied: bool = False
    accept_concurrency: int = 5
    deliver_concurrency: int = 20
    sweeps: int = 1
    deployments: int = 1
    is_io_optimized: bool = False
    traced_share: float = 0.05

    @property
    def vcpus(self) -> float:
        """Give the most that the writer computes with."""
        return self.max_acu / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """``events_per_second`` is where it bites; ``does`` says what then happens."""

    name: str
    events_per_second: float
    does: str
    is_senders: bool = True


def aws_path(inputs: Inputs, plan: Plan, *, events: int, acu: float | None = None) -> Path:
    """Make the model of one accept on AWS, from what this machine showed."""
    slower = inputs.core_ratio.value
    vcpu = min(plan.memory_mb / inputs.vcpu_mb.value, 1.0)
    proxy = inputs.proxy_ms.value if plan.is_proxied else 0.0
    return Path(
        front_seconds=inputs.gateway_ms.value / 1000,
        handler_seconds=inputs.handler_seconds(events) * slower / vcpu,
        handler_cores=None,
        hop_seconds=(inputs.hop_ms.value + proxy) / 1000,
        database_seconds=inputs.database_seconds(events) * slower,
        database_cores=max(round((acu or plan.max_acu) / inputs.acu_per_vcpu.value), 1),
        connections=pool(inputs, plan) if plan.is_proxied else None,
        commit_seconds=inputs.commit_ms.value / 1000,
        is_log_shared=False,
        spread=inputs.spread.value,
    )


def busy_seconds(path: Path) -> float:
    """Give how long a call keeps its sandbox, where it waits for nobody: what Lambda bills."""
    return path.handler_seconds + path.hop_seconds + path.database_seconds + path.commit_seconds


def max_connections(inputs: Inputs, plan: Plan) -> int:
    """Give what Aurora allows for a range of capacity; other ranges are not in the document."""
    is_large = plan.min_acu >= 1 and plan.max_acu >= 32
    return int((inputs.most_connections if is_large else inputs.least_connections).value)


def pool(inputs: Inputs, plan: Plan) -> int:
    """Give the connections that ingest's sandboxes can have, or the proxy for them."""
    return max_connections(inputs, plan) - int(inputs.spare_connections.value)


def sandboxes(inputs: Inputs, path: Path, calls_per_second: float) -> float:
    """Give how many it takes: as many as are busy, and one for each ten calls a second."""
    return max(
        calls_per_second * busy_seconds(path), calls_per_second / inputs.requests_per_sandbox.value
    )


def database_event_seconds(inputs: Inputs, events: int) -> float:
    """Give what an event takes of the database's CPU on AWS, its delivery with it."""
    accepted = inputs.database_seconds(events) / events
    return (accepted + inputs.delivery_ms.value / 1000) * inputs.core_ratio.value


def storage_events_per_second(inputs: Inputs) -> float:
    """Give the mean rate whose events fill the largest cluster just when the oldest go."""
    seconds = inputs.event_days.value * 24 * 3600
    return inputs.most_storage_tib.value * 2**40 / inputs.stored_bytes.value / seconds


def limits(inputs: Inputs, plan: Plan, *, events: int) -> list[Limit]:
    """Give each limit of one deployment, for calls of so many events, the nearest first."""
    found = [
        *_calls(inputs, plan, events=events),
        Limit(
            name="database CPU",
            events_per_second=plan.vcpus * MOST_BUSY / database_event_seconds(inputs, events),
            does="slow, then the accept queue takes it",
        ),
        Limit(
            name="log, commits of one writer",
            events_per_second=inputs.commits_per_second.value * events,
            does="slow, then the accept queue takes it",
        ),
        Limit(
            name=f"storage, once {inputs.event_days.value:g} days are kept",
            events_per_second=storage_events_per_second(inputs),
            does="nothing more is stored",
        ),
        *_delivery(inputs, plan),
    ]
    return sorted(found, key=lambda limit: limit.events_per_second)


def _calls(inputs: Inputs, plan: Plan, *, events: int) -> list[Limit]:
    """Give what counts calls, however many events they hold."""
    path = aws_path(inputs, plan, events=events)
    per_sandbox = min(1 / busy_seconds(path), inputs.requests_per_sandbox.value)
    connections = float("inf") if plan.is_proxied else pool(inputs, plan)
    return [
        Limit(
            name="gateway, the stage's throttle",
            events_per_second=plan.throttle_rate * events,
            does="429; senders repeat",
        ),
        Limit(
            name="gateway, the account's quota",
            events_per_second=plan.account_rate * events,
            does="429; senders repeat",
        ),
        Limit(
            name="Lambda, the account's concurrency",
            events_per_second=plan.concurrency * per_sandbox * events,
            does="503 from the gateway; senders repeat",
        ),
        Limit(
            name="connections",
            events_per_second=connections * per_sandbox * events,
            does="refused; the accept queue takes it",
        ),
    ]


def _delivery(inputs: Inputs, plan: Plan) -> list[Limit]:
    """Give what delivery keeps up with; beyond it events wait, and nobody is refused."""
    messages = plan.deliver_concurrency / (inputs.destination_ms.value / 1000)
    return [
        Limit(
            name="deliver's workers, full messages",
            events_per_second=messages * inputs.ids_in_message.value,
            does="deliveries wait",
            is_senders=False,
        ),
        Limit(
            name="sweep",
            events_per_second=plan.sweeps
            * inputs.claimed_at_once.value
            / inputs.claim_seconds.value,
            does="deliveries wait",
            is_senders=False,
        ),
    ]


def first(found: list[Limit], *, is_senders: bool) -> Limit:
    """Give the nearest of those that senders notice, or of those that they do not."""
    return next(limit for limit in found if limit.is_senders is is_senders)
