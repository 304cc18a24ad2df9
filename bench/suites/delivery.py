"""From pending to a local upstream with one worker, beside what that upstream takes at most.

The upstreams: one that only answers, the same 20 ms later, and the local stack's stand-in for
Supabase, which stores what it is sent. The ceiling is bench/subjects/deliver.py's poster.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench.goals import Goal
from bench.rounds import Spread, interleave
from bench.subjects.process import SubjectProcess
from bench.suites.judged import judged
from bench.workload import Load
from bench.world import PYTHON, ROOT
from ops.local.supabase_process import SupabaseProcess
from tests.integration.wiring import RING
from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.delivery import destination_seal_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.rounds import Series
    from bench.stage import Stage
    from bench.world import World
    from ops.evidence import Row
    from tillgate.domain.tenant import TenantId

# What only answers asks nobody who they are.
ANY = "any"
# A full message, of which one request is made, is what is judged.
JUDGED = 100
# How many single events an invocation weighs, about. 500 are five messages of 100.
HEAVIER = {1: 3, 10: 4, JUDGED: 10, 500: 25}
# One worker is to bring in a thousand events a second, 86 million a day; to spend no more on
# its own work, two commits among it, than one and a half of a storing upstream's requests; and
# to be through a backlog, which comes in full messages, eight times as fast as through singles.
GOALS = {
    "delivery_events_per_second": Goal(1_000, quick=250, unit="1/s", at_least=True),
    "delivery_share_of_ceiling": Goal(0.4, quick=0.2, at_least=True),
    "delivery_batching_gain": Goal(8, quick=4, at_least=True),
}


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where one tenant's events go, and who sends them: ours, or the poster."""

    tenant_id: TenantId
    ours: SubjectProcess
    poster: SubjectProcess

    def measure(self, stage: Stage, items: int) -> dict[str, Series]:
        """Measure both in turns, and make sure that everything was delivered."""
        load = Load(items=items)
        runs = {"ours": partial(self.ours.run, load), "poster": partial(self.poster.run, load)}
        series = interleave(
            runs,
            stage.plan(heavier=HEAVIER[items]),
            chance=stage.chance,
            settle=stage.world.settle,
        )
        _assert_delivered(stage.world, self.tenant_id)
        return series


def run(stage: Stage) -> Iterator[Row]:
    with ExitStack() as stack:
        bare_url = stack.enter_context(_bare_upstream())
        bare = stack.enter_context(_upstream(stage.world, "bare", url=bare_url, secret=ANY))
        yield from _batching(stage, bare)
        url, secret = stack.enter_context(_supabase(stage.world))
        supabase = stack.enter_context(_upstream(stage.world, "supabase", url=url, secret=secret))
        yield from _against_a_store(stage, supabase)
        if not stage.is_quick:
            later = f"{bare_url}/after-20"
            slow = stack.enter_context(_upstream(stage.world, "20ms", url=later, secret=ANY))
            yield from _told(stage, f"delivery.20ms.{JUDGED}", slow.measure(stage, JUDGED), JUDGED)


def _batching(stage: Stage, bare: Upstream) -> Iterator[Row]:
    """Where the upstream costs nothing, all that there is to gain is ours."""
    sizes = (1, JUDGED) if stage.is_quick else tuple(HEAVIER)
    found = {items: bare.measure(stage, items) for items in sizes}
    for items, series in found.items():
        yield from _told(stage, f"delivery.bare.{items}", series, items)
    single, full = found[1]["ours"], found[JUDGED]["ours"]
    gain = Spread.ratio([us * JUDGED for us in single.wall_us()], full.wall_us())
    raw = {"1": single.raw(), str(JUDGED): full.raw()}
    yield _goal(stage, "delivery_batching_gain", gain, raw)


def _against_a_store(stage: Stage, supabase: Upstream) -> Iterator[Row]:
    """Only of an upstream that works for its answer is a share worth knowing."""
    series = supabase.measure(stage, JUDGED)
    yield from _told(stage, f"delivery.supabase.{JUDGED}", series, JUDGED)
    ours, poster = series["ours"], series["poster"]
    raw = {name: one.raw() for name, one in series.items()}
    yield _goal(stage, "delivery_events_per_second", _per_second(ours, JUDGED), raw)
    share = Spread.ratio(poster.wall_us(), ours.wall_us())
    yield _goal(stage, "delivery_share_of_ceiling", share, raw)


def _goal(stage: Stage, name: str, spread: Spread, raw: Mapping[str, object]) -> Row:
    return judged(name, spread, raw, goal=GOALS[name], is_quick=stage.is_quick)


def _told(stage: Stage, title: str, series: Mapping[str, Series], items: int) -> Iterator[Row]:
    ours, poster = series["ours"], series["poster"]
    rate = _per_second(ours, items)
    yield stage.context(f"{title}.per_s", rate, {"ours": ours.raw()}, unit="1/s")
    yield stage.context(f"{title}.ceiling_per_s", _per_second(poster, items), unit="1/s")
    yield stage.context(f"{title}.share", Spread.ratio(poster.wall_us(), ours.wall_us()))
    cpu_us = Spread.of([us / items for us in ours.cpu_us()])
    yield stage.context(f"{title}.cpu_us", cpu_us, unit="us")


def _per_second(series: Series, items: int) -> Spread:
    return Spread.of([items * 1e6 / us for us in series.wall_us()])


@contextmanager
def _upstream(world: World, name: str, *, url: str, secret: str) -> Iterator[Upstream]:
    tenant_id = world.database.add_tenant(f"delivery-{name}")
    sealed = KeyRingSecretBox(lambda: RING).seal(
        secret.encode(), context=destination_seal_context(tenant_id)
    )
    with world.database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)"
            " VALUES (%s, 'supabase', %s, %s)",
            (tenant_id, url, sealed),
        )
    environment = {
        **world.environment("ours"),
        "AWS_LAMBDA_FUNCTION_NAME": "deliver",
        "DATABASE_SECRET_ARN": "deliver",
        "ALLOW_PRIVATE_DESTINATIONS": "1",
        "BENCH_TENANT_ID": tenant_id,
        "BENCH_INGEST_URL": world.database.url("ingest"),
        "BENCH_UPSTREAM_URL": url,
        "BENCH_UPSTREAM_SECRET": secret,
    }
    command = [PYTHON, "-s", "-m", "bench.subjects.deliver"]
    log = world.folder / f"deliver-{name}.log"
    with (
        SubjectProcess(command, environment, log=log) as ours,
        SubjectProcess([*command, "poster"], environment, log=log) as poster,
    ):
        yield Upstream(tenant_id, ours, poster)


@contextmanager
def _bare_upstream() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.subjects.upstream"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        # It ends when nobody is there any more to tell it anything.
        process.stdin.close()


@contextmanager
def _supabase(world: World) -> Iterator[tuple[str, str]]:
    process = SupabaseProcess(world.folder / "supabase", log=world.folder / "supabase.log")
    process.start()
    try:
        project = process.project("bench")
        yield project.url, project.secret
    finally:
        process.stop()


def _assert_delivered(world: World, tenant_id: TenantId) -> None:
    with world.database.superuser() as superuser:
        states = superuser.execute(
            "SELECT DISTINCT state FROM tillgate.delivery WHERE tenant_id = %s", (tenant_id,)
        ).fetchall()
    assert states == [("delivered",)], states
