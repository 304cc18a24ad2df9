"""Every figure that the model starts from, once, each with where it is from.

Measured here, unless ``from_evidence`` finds newer figures of the benches'; AWS' documents;
or assumed, and then to be measured in an account before anything is built on it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ops.evidence import EVIDENCE

if TYPE_CHECKING:
    from pathlib import Path

LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg"
QUOTAS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"
CONNECTIONS = "https://repost.aws/articles/ARm5e6RHE3R4mnHS2S-UZUwA"
_LARGE_BATCH = 100


class Origin(StrEnum):
    """``measured`` is here: 2026-11-23, two quiet 2.8 GHz Xeon threads. ``ours`` is in our code."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Figure:
    """One input: what it is worth, in what, and who says so."""

    value: float
    unit: str
    origin: Origin
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Times of this machine are computing times of one of its cores."""

    handler_ms: Figure = Figure(0.69, "ms", Origin.MEASURED, "ingest's CPU, one event")
    handler_batch_ms: Figure = Figure(9.2, "ms", Origin.MEASURED, "the same, a batch of 100")
    database_ms: Figure = Figure(0.50, "ms", Origin.MEASURED, "Postgres' CPU, one event")
    database_batch_ms: Figure = Figure(5.2, "ms", Origin.MEASURED, "the same, a batch of 100")
    log_bytes: Figure = Figure(
        1250, "B", Origin.MEASURED, "write-ahead log of an event, no full pages"
    )
    stored_bytes: Figure = Figure(
        1020, "B", Origin.MEASURED, "an event on disk, keys and indexes with it"
    )

    core_ratio: Figure = Figure(
        1.5,
        "",
        Origin.ASSUMED,
        "a vCPU of Lambda's or Aurora's Graviton takes so many times as long",
    )
    vcpu_mb: Figure = Figure(
        1769, "MB", Origin.DOCUMENTED, f"{LAMBDA}/resource-model.html: one vCPU"
    )
    acu_per_vcpu: Figure = Figure(
        4, "", Origin.DOCUMENTED, "AWS' agent toolkit, Aurora serverless: 1 vCPU is about 4 ACU"
    )
    gateway_ms: Figure = Figure(
        8, "ms", Origin.ASSUMED, "API Gateway, and the way to Lambda and back"
    )
    hop_ms: Figure = Figure(
        1, "ms", Origin.ASSUMED, "sandbox to database and back, mostly to another zone"
    )
    proxy_ms: Figure = Figure(1, "ms", Origin.ASSUMED, "RDS Proxy, where it is on")
    commit_ms: Figure = Figure(
        4, "ms", Origin.ASSUMED, "Aurora's commit: four of six copies; never below 1 ms"
    )
    spread: Figure = Figure(0.5, "", Origin.ASSUMED, "coefficient of variation of each of these")
    cold_seconds: Figure = Figure(
        1,
        "s",
        Origin.ASSUMED,
        "a sandbox from its snapshot to its first answer, new connection with it",
    )
    sandbox_minutes: Figure = Figure(15, "min", Origin.ASSUMED, "for which a sandbox lives")
    commits_per_second: Figure = Figure(
        20_000, "1/s", Origin.ASSUMED, "commits that one writer takes"
    )
    acu_doubles_seconds: Figure = Figure(
        15, "s", Origin.ASSUMED, "in which Serverless v2 doubles under load"
    )
    delivery_ms: Figure = Figure(
        0.3, "ms", Origin.ASSUMED, "Postgres' CPU of an event's delivery, in batches"
    )
    delivery_io: Figure = Figure(
        0.5, "", Origin.ASSUMED, "writes of storage of an event's delivery"
    )
    destination_ms: Figure = Figure(
        150, "ms", Origin.ASSUMED, "a destination's answer to one message's events"
    )
    claim_seconds: Figure = Figure(0.1, "s", Origin.ASSUMED, "sweep's claim of 500 events, queued")
    retry_seconds: Figure = Figure(
        30, "s", Origin.ASSUMED, "after which a refused sender tries again"
    )

    gateway_rate: Figure = Figure(10_000, "1/s", Origin.DOCUMENTED, QUOTAS)
    gateway_burst: Figure = Figure(5_000, "", Origin.DOCUMENTED, QUOTAS)
    concurrency: Figure = Figure(1_000, "", Origin.DOCUMENTED, f"{LAMBDA}/lambda-concurrency.html")
    ramp_per_second: Figure = Figure(
        100,
        "1/s",
        Origin.DOCUMENTED,
        f"{LAMBDA}/scaling-behavior.html: 1,000 each 10 s, for each function",
    )
    requests_per_sandbox: Figure = Figure(
        10, "1/s", Origin.DOCUMENTED, f"{LAMBDA}/lambda-concurrency.html: ten times the concurrency"
    )
    least_connections: Figure = Figure(
        2_000, "", Origin.DOCUMENTED, f"{CONNECTIONS}: 0.5 ACU at least, 16 at most"
    )
    most_connections: Figure = Figure(
        5_000, "", Origin.DOCUMENTED, f"{CONNECTIONS}: 1 ACU at least, 32 at most"
    )
    most_acu: Figure = Figure(256, "ACU", Origin.DOCUMENTED, "the largest that Serverless v2 takes")
    most_storage_tib: Figure = Figure(
        128, "TiB", Origin.DOCUMENTED, "Aurora's storage grows to so much"
    )
    event_days: Figure = Figure(90, "", Origin.ASSUMED, "how long events are kept")
    spare_connections: Figure = Figure(
        100, "", Origin.OURS, "for all functions but ingest: accept 5, deliver 22, api, health"
    )
    claimed_at_once: Figure = Figure(500, "", Origin.OURS, "services/queue_due.py")
    ids_in_message: Figure = Figure(100, "", Origin.OURS, "adapters/delivery_queue.py")

    def table(self) -> list[tuple[str, Figure]]:
        """Give all of them, by name."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    def handler_seconds(self, events: int) -> float:
        """Give what a call with so many events computes in the sandbox, on this machine."""
        return _between(self.handler_ms.value, self.handler_batch_ms.value, events) / 1000

    def database_seconds(self, events: int) -> float:
        """Give the same for the database."""
        return _between(self.database_ms.value, self.database_batch_ms.value, events) / 1000


def _between(one: float, large: float, events: int) -> float:
    """Draw a line through one event and a large batch."""
    each = (large - one) / (_LARGE_BATCH - 1)
    return one + each * (events - 1)


# Where the benches keep a figure: its row, the way to it, and what makes milliseconds of it.
_EVIDENCE = {
    "handler_ms": ("accept_cpu_ratio", ("ours", "cpu"), 0.001),
    "handler_batch_ms": ("batch.100.ratio", ("ours", "cpu"), 0.001),
    "database_ms": ("scale_model_error", ("calibration", "database_ms"), 1),
}


def from_evidence(inputs: Inputs, *, folder: Path = EVIDENCE, name: str = "bench") -> Inputs:
    """Take what ``<name>.json`` has measured; whatever it has not stays as it is."""
    path = folder / f"{name}.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    raw = {row["name"]: row["raw"] for row in rows}
    found: dict[str, Figure] = {}
    for field, (row, way, factor) in _EVIDENCE.items():
        value = _look_up(raw.get(row), way)
        if value is not None:
            found[field] = Figure(value * factor, "ms", Origin.MEASURED, f"{name}.json, {row}")
    return replace(inputs, **found)


def _look_up(raw: Any, way: tuple[str, ...]) -> float | None:  # noqa: ANN401  It is JSON, of any shape.
    for step in way:
        if not isinstance(raw, dict):
            return None
        raw = raw.get(step)
    return float(raw) if isinstance(raw, int | float) else None
