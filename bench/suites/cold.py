"""Cold start: from a fresh interpreter to its first 201, from the built layers."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.rounds import Spread, rounded
from bench.subjects.floor import ONE
from bench.workload import Load, api_events, data, new_key
from bench.world import PYTHON, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.stage import Stage
    from bench.world import Name, World
    from ops.evidence import Row

FIRST = ROOT / "bench/subjects/first.py"
_SHOWN_PACKAGES = 12


class ColdStartError(RuntimeError):
    """A fresh process did not store its first event."""


@dataclass(frozen=True, slots=True)
class Start:
    """``seconds`` to the answer, by the wall; ``cpu_seconds`` of the whole process."""

    seconds: float
    cpu_seconds: float
    stderr: str


def run(stage: Stage) -> Iterator[Row]:
    names: list[Name] = ["ours", "floor"] if stage.is_quick else ["ours", "floor", "peer"]
    for name in names:
        start(stage.world, name)
    starts: dict[Name, list[Start]] = {name: [] for name in names}
    for _ in range(stage.rounds or (5 if stage.is_quick else 9)):
        for name in stage.chance.sample(names, len(names)):
            starts[name].append(start(stage.world, name))
    seconds = {name: [one.seconds for one in some] for name, some in starts.items()}
    raw: dict[str, object] = {name: _raw(some) for name, some in starts.items()}
    yield stage.goal("cold_ratio", Spread.ratio(seconds["ours"], seconds["floor"]), raw)
    if "peer" in seconds:
        peer = Spread.ratio(seconds["ours"], seconds["peer"])
        yield stage.goal("cold_peer_ratio", peer, raw)
    for name in names:
        milliseconds = Spread.of([one * 1000 for one in seconds[name]])
        told = {} if stage.is_quick else {"import_ms_by_package": import_ms(stage.world, name)}
        yield stage.context(f"cold.{name}_ms", milliseconds, told, unit="ms")


def start(
    world: World, name: Name, *options: str, event: Mapping[str, object] | None = None
) -> Start:
    """Start one fresh process, wait for its first event to be stored, and for its end.

    ``event`` is what Lambda hands over; one small event of our own API unless it is said.
    """
    command = [PYTHON, "-s", *options, str(FIRST), name]
    first = event or (_floor_event() if name == "floor" else _api_event())
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=world.environment(name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdin, process.stdout, process.stderr:
        process.stdin.write(json.dumps(first) + "\n")
        process.stdin.flush()
        answered = None
        for line in process.stdout:
            if line == "done\n":
                answered = time.perf_counter()
        stderr = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if answered is None:
        raise ColdStartError(stderr[-2000:])
    return Start(answered - began, usage.ru_utime + usage.ru_stime, stderr)


def import_ms(world: World, name: Name) -> dict[str, float]:
    """Sum up ``-X importtime`` by package, the slowest first; the medians of three starts."""
    found = [by_package(start(world, name, "-X", "importtime").stderr) for _ in range(3)]
    spent = {package: sorted(one[package] for one in found)[1] for package in found[0]}
    slowest = Counter(spent).most_common(_SHOWN_PACKAGES)
    return {"total": rounded(sum(spent.values())), **{k: rounded(v) for k, v in slowest}}


def by_package(importtime: str) -> Counter[str]:
    """Read what ``-X importtime`` wrote: each module's own milliseconds, by top-level package.

    https://docs.python.org/3/using/cmdline.html#cmdoption-X
    """
    spent: Counter[str] = Counter()
    for line in importtime.splitlines():
        head, _, rest = line.partition("import time:")
        own, _, named = rest.partition("|")
        if head or not own.strip().isdigit():
            continue
        module = named.rpartition("|")[2].strip()
        spent[module.partition(".")[0]] += int(own) / 1000  # type: ignore[assignment]  # A Counter of milliseconds.
    return spent


def _api_event() -> dict[str, object]:
    [event] = api_events(Load(), [[new_key()]])
    return event


def _floor_event() -> tuple[str, Sequence[object]]:
    key = new_key()
    row = (
        str(uuid.uuid4()), f"api:{key}", "\\x00", str(uuid.uuid4()), "order.created",
        "2026-11-23T10:00:00Z", key, 1, data(0.5), datetime.now(UTC).isoformat(),
    )  # fmt: skip
    return ONE, row


def _raw(starts: Sequence[Start]) -> dict[str, object]:
    seconds = sorted(one.seconds for one in starts)
    return {
        "n": len(starts),
        "p50": rounded(Spread.of(seconds).value),
        "p95": rounded(seconds[-1 - len(seconds) // 20]),
        "cpu": rounded(Spread.of([one.cpu_seconds for one in starts]).value),
        "seconds": [rounded(one.seconds) for one in starts],
    }
