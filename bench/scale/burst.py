"""Ten times the load for a minute: a fluid model, in steps of a tenth of a second.

Calls flow from the senders through the gateway's bucket and Lambda's sandboxes to the
database; what the gateway or Lambda refuses comes again, what the database cannot take in
time goes to the accept queue, whose few workers drain it while the database has room.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.scale.plan import (
    MOST_BUSY,
    aws_path,
    busy_seconds,
    database_event_seconds,
    pool,
    sandboxes,
)

if TYPE_CHECKING:
    from bench.scale.inputs import Inputs
    from bench.scale.path import Path
    from bench.scale.plan import Plan

TIMES = 10
SECONDS = 60.0
STEP = 0.1
# What is not drained by then grows, or might as well.
_GIVES_UP_SECONDS = 2 * 3600.0
_NOTHING = 0.5
# Lambda's allowance of new sandboxes holds that of so many seconds.
_RAMP_SECONDS = 10
# CONNECTION_TIMEOUT_MS: whoever would stand in the database's line for longer is queued.
_PATIENCE_SECONDS = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstOutcome:
    """In calls and seconds; ``drained_seconds`` is after the burst, None for never.

    ``refused_share`` is of the calls of the burst, at their first try.
    """

    sandboxes: float
    acu: float
    refused_share: float
    refused_backlog: float
    queued_backlog: float
    drained_seconds: float | None


@dataclass(slots=True)
class _Flow:
    """One deployment; all rates in calls a second."""

    inputs: Inputs
    plan: Plan
    events: int
    steady: float
    tokens: float = field(init=False)
    warm: float = field(init=False)
    warming: deque[float] = field(init=False)
    starts: float = field(init=False)
    acu: float = field(init=False)
    line: float = 0.0
    refused: float = 0.0
    queued: float = 0.0
    most: dict[str, float] = field(default_factory=lambda: {"refused": 0.0, "queued": 0.0})
    refused_first: float = 0.0
    _path: Path = field(init=False)
    _call: float = field(init=False)
    _per_sandbox: float = field(init=False)

    def __post_init__(self) -> None:
        inputs, plan = self.inputs, self.plan
        self._path = aws_path(inputs, plan, events=self.events)
        self._call = database_event_seconds(inputs, self.events) * self.events
        self._per_sandbox = min(1 / busy_seconds(self._path), inputs.requests_per_sandbox.value)
        self.tokens = min(plan.throttle_burst, inputs.gateway_burst.value)
        self.warm = max(math.ceil(sandboxes(inputs, self._path, self.steady)), 1)
        self.warming = deque([0.0] * round(inputs.cold_seconds.value / STEP))
        self.starts = inputs.ramp_per_second.value * _RAMP_SECONDS
        self.acu = self._wanted_acu(self.steady)

    def _wanted_acu(self, calls: float) -> float:
        wanted = calls * self._call * self.inputs.acu_per_vcpu.value / MOST_BUSY
        return min(max(wanted, self.plan.min_acu), self.plan.max_acu)

    def step(self, offered: float) -> None:
        """Let a tenth of a second pass, in which so many new calls a second come."""
        again = self.refused / self.inputs.retry_seconds.value
        came = (offered + again) * STEP
        entered = self._through_gateway(came)
        served = self._through_lambda(entered)
        turned_away = came - served
        self.refused += turned_away - again * STEP
        if came:
            self.refused_first += turned_away * offered / (offered + again)
        self._store(served)
        for name in self.most:
            self.most[name] = max(self.most[name], getattr(self, name))

    def _through_gateway(self, came: float) -> float:
        rate = min(self.plan.throttle_rate, self.plan.account_rate)
        burst = min(self.plan.throttle_burst, self.inputs.gateway_burst.value)
        self.tokens = min(self.tokens + rate * STEP, max(burst, rate * STEP))
        entered = min(came, self.tokens)
        self.tokens -= entered
        return entered

    def _through_lambda(self, entered: float) -> float:
        """Serve by what is warm; each call above that starts a sandbox, and waits for it."""
        inputs = self.inputs
        most = inputs.ramp_per_second.value * _RAMP_SECONDS
        self.starts = min(self.starts + inputs.ramp_per_second.value * STEP, most)
        self.warm += self.warming.popleft()
        by_warm = min(entered, self.warm * self._per_sandbox * STEP)
        room = max(self.plan.concurrency - self.sandboxes, 0.0)
        started = min(entered - by_warm, self.starts, room)
        self.starts -= started
        self.warming.append(started)
        return by_warm + started

    @property
    def sandboxes(self) -> float:
        return self.warm + sum(self.warming)

    def _store(self, served: float) -> None:
        connected = 1.0
        if not self.plan.is_proxied:
            connected = min(pool(self.inputs, self.plan) / max(self.sandboxes, 1.0), 1.0)
        asked = served * connected
        wanted = self._wanted_acu(asked / STEP + self._drain_rate())
        grown = self.acu * 2 ** (STEP / self.inputs.acu_doubles_seconds.value)
        self.acu = min(wanted, grown) if wanted > self.acu else wanted
        vcpus = self.acu / self.inputs.acu_per_vcpu.value
        room = min(vcpus / self._call, self.inputs.commits_per_second.value) * STEP
        waited = self.line + asked
        stored = min(waited, room)
        self.line = min(waited - stored, room / STEP * _PATIENCE_SECONDS)
        self.queued += served - asked + waited - stored - self.line
        self.queued -= min(self.queued, self._drain_rate() * STEP, room - stored)

    def _drain_rate(self) -> float:
        """Give what the accept queue's workers do, one call after another, while there is any."""
        if self.queued <= 0:
            return 0.0
        return self.plan.accept_concurrency / busy_seconds(self._path)


def burst(inputs: Inputs, plan: Plan, *, events: int, calls_per_second: float) -> BurstOutcome:
    """Let ten times ``calls_per_second`` come for a minute, over all deployments."""
    steady = calls_per_second / plan.deployments
    flow = _Flow(inputs, plan, events, steady)
    steps = round(SECONDS / STEP)
    most_sandboxes = most_acu = 0.0
    for _ in range(steps):
        flow.step(steady * TIMES)
        most_sandboxes, most_acu = max(most_sandboxes, flow.sandboxes), max(most_acu, flow.acu)
    came = steady * TIMES * SECONDS
    share = flow.refused_first / came
    after = 0
    while flow.refused + flow.queued > _NOTHING and after * STEP < _GIVES_UP_SECONDS:
        flow.step(steady)
        after += 1
    return BurstOutcome(
        sandboxes=most_sandboxes * plan.deployments,
        acu=most_acu,
        refused_share=share,
        refused_backlog=flow.most["refused"] * plan.deployments,
        queued_backlog=flow.most["queued"] * plan.deployments,
        drained_seconds=after * STEP if after * STEP < _GIVES_UP_SECONDS else None,
    )
