"""Ten tenants through two sandboxes of the real ingest: nine send little, one may flood."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.events import http_event
from tests.integration.polling import pause
from tillgate.domain.tenant import RateLimit, token_digest

if TYPE_CHECKING:
    import random

    from tests.integration.sandbox import Sandbox
    from tests.integration.testdatabase import TestDatabase

LIMIT = RateLimit(20, 40)
QUIET = 9
FLOOD_TIMES = 20
QUIET_SHARE = 0.1
FLOOD = "tg_live_flood"
TOKENS = (FLOOD, *(f"tg_live_quiet-{n}" for n in range(QUIET)))


@dataclass(slots=True)
class Observed:
    """``waited`` are the quiet tenants' seconds, each from when it was due to its answer."""

    waited: list[float] = field(default_factory=list)
    flood: Counter[int] = field(default_factory=Counter)
    quiet: Counter[int] = field(default_factory=Counter)

    def add(self, other: Observed) -> None:
        self.waited += other.waited
        self.flood += other.flood
        self.quiet += other.quiet


def add_tenants(database: TestDatabase) -> None:
    with database.superuser() as superuser:
        for token in TOKENS:
            slug = token.removeprefix("tg_live_")
            superuser.execute(
                "INSERT INTO tillgate.api_token (tenant_id, name, digest, hint)"
                " VALUES (%s, 'till', %s, 'tg')",
                (database.add_tenant(slug), token_digest(token)),
            )


def send(
    sandboxes: list[Sandbox], *, seconds: float, is_flooded: bool, dice: random.Random
) -> Observed:
    """Send for so long through all sandboxes at once, each request to any of them."""
    observed = Observed()
    began = time.perf_counter() + 0.05
    with ThreadPoolExecutor(len(sandboxes)) as threads:
        plans = [
            _plan(seconds, len(sandboxes), is_flooded=is_flooded, dice=dice) for _ in sandboxes
        ]
        for done in threads.map(
            lambda one: _play(*one, began=began), zip(sandboxes, plans, strict=True)
        ):
            observed.add(done)
    return observed


def _plan(
    seconds: float, sandboxes: int, *, is_flooded: bool, dice: random.Random
) -> list[tuple[float, str]]:
    """Say when one sandbox is sent what: its share of everybody's events, Poisson."""
    rates = dict.fromkeys(TOKENS, LIMIT.events_per_second * QUIET_SHARE)
    rates[FLOOD] = LIMIT.events_per_second * FLOOD_TIMES if is_flooded else 0.0
    plan = []
    for token, rate in rates.items():
        at = 0.0
        while rate:
            at += dice.expovariate(rate / sandboxes)
            if at >= seconds:
                break
            plan.append((at, token))
    return sorted(plan)


def _play(sandbox: Sandbox, plan: list[tuple[float, str]], *, began: float) -> Observed:
    """Call when it is due; a call that is due while another is answered waits for that one.

    How long is reckoned from what the handler took, by which it is as if nobody else had
    used this machine's processors.
    """
    observed, free_at = Observed(), 0.0
    for due, token in plan:
        ahead = began + due - time.perf_counter()
        if ahead > 0:
            pause(ahead)
        answer = sandbox.call(_event(token, key=f"{began}-{due}"))
        free_at = max(free_at, due) + answer.seconds
        if token == FLOOD:
            observed.flood[answer.status] += 1
        else:
            observed.quiet[answer.status] += 1
            observed.waited.append(free_at - due)
    return observed


def _event(token: str, *, key: str) -> dict[str, Any]:
    return http_event(
        "POST",
        "/v1/events",
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        },
        body='{"type":"order.created","data":{"total":1}}',
    )
