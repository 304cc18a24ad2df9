"""The model's small end against this machine: what it predicts, and what then happens.

Each round measures one sandbox, from which the model predicts two, four and eight, and two
at a small rate of random calls; and measures those, in turns.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

from bench.scale.machine import Machine
from bench.scale.path import Path, closed, offered
from ops.evidence import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.scale.machine import Measured
    from bench.scale.path import Outcome
    from bench.stage import Stage

TARGET = 0.35
SANDBOXES = (2, 4, 8)
ROUNDS = 5
_CALLS = 700
# Of what one sandbox did in the same round: a rate at which there is hardly a line.
_SMALL_SHARE = 0.25
_MODEL_CALLS = 3000
# A machine of which no more than this share is idle is full of others' work.
_FULL_SHARE = 0.15
# How much of what a cold call costs more, one of a crowd does: fitted here, once, on eight.
_STRANGE = 0.5
_COMPUTED = ("caller_seconds", "handler_seconds", "database_seconds")
_LEAST_SHARE = 0.02
# Waits for one's turn on a machine with other work are mostly short, and some very long.
_WAIT_SPREAD = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One prediction and what was measured; times are medians, in seconds."""

    name: str
    predicted_per_second: float
    measured_per_second: float
    predicted_p50: float
    measured_p50: float

    @property
    def rate_ratio(self) -> float:
        return self.predicted_per_second / self.measured_per_second

    @property
    def p50_ratio(self) -> float:
        return self.predicted_p50 / self.measured_p50


@dataclass(frozen=True, slots=True)
class Calibration:
    """What one sandbox shows: called again at once, and called now and then.

    The second finds nothing of its own in the processors' caches any more.
    """

    busy: Sequence[Measured]
    paced: Measured

    def path(self, *, sandboxes: int) -> Path:
        """Make the model of this machine for so many sandboxes, each called again at once.

        Of more sandboxes than processors, most find what another has left in the caches, and
        compute for longer, as one does that is called now and then. What a call took that no
        part of it accounts for is a wait: wake-ups and pipes. But where other programs left
        hardly anything of the machine, it was their turn: so many of them share it.
        """
        cores = os.cpu_count() or 1
        strange = max(1 - cores / sandboxes, 0.0) * _STRANGE
        caller, handler, database = (
            (1 - strange) * self._mean(part) + strange * getattr(self.paced, part)
            for part in ("caller_seconds", "handler_seconds", "database_seconds")
        )
        computed = sum(self._mean(part) for part in _COMPUTED)
        flush, others = self._mean("flush_seconds"), self._mean("others_cores")
        waited = max(self._mean("mean_seconds") - computed - flush, 0.0)
        is_full = cores - others - computed * self._mean("per_second") < _FULL_SHARE * cores
        if is_full:
            others = cores * (computed + waited) / computed - 1
        return Path(
            caller_seconds=caller,
            handler_seconds=handler,
            handler_cores=cores,
            hop_seconds=0.0 if is_full else waited,
            hop_spread=_WAIT_SPREAD,
            database_seconds=database,
            database_cores=cores,
            commit_seconds=flush,
            others=_shares(others),
        )

    def paced_path(self) -> Path:
        """Make the model of this machine for calls that come now and then."""
        paced = self.paced
        computed = sum(getattr(paced, part) for part in _COMPUTED)
        # The median: one long wait in a few hundred says nothing about the others.
        waited = max(paced.p50_seconds - computed - paced.flush_seconds, 0.0)
        return Path(
            caller_seconds=paced.caller_seconds,
            handler_seconds=paced.handler_seconds,
            handler_cores=os.cpu_count() or 1,
            hop_seconds=waited,
            database_seconds=paced.database_seconds,
            database_cores=os.cpu_count() or 1,
            commit_seconds=paced.flush_seconds,
        )

    def _mean(self, part: str) -> float:
        return float(mean(getattr(run, part) for run in self.busy))


def _shares(cores: float) -> tuple[float, ...]:
    """Give the programs that ask for so much: whole ones, and one for the rest."""
    whole, rest = divmod(cores, 1)
    return (1.0,) * int(whole) + ((rest,) if rest > _LEAST_SHARE else ())


def run_round(machine: Machine, *, calls: int = _CALLS) -> tuple[Calibration, list[Point]]:
    """Measure one sandbox and many in turns; then let the first predict the others."""
    busy, many = [], []
    for sandboxes in SANDBOXES:
        busy.append(machine.closed(sandboxes=1, calls=calls))
        many.append(machine.closed(sandboxes=sandboxes, calls=calls))
    rate = _SMALL_SHARE * mean(run.per_second for run in busy)
    paced = machine.offered(sandboxes=1, calls=calls // 2, per_second=rate / 2)
    few = machine.offered(sandboxes=2, calls=calls // 2, per_second=rate)
    calibration = Calibration(busy, paced)
    points = []
    for run in many:
        path = calibration.path(sandboxes=run.sandboxes)
        predicted = closed(path, sandboxes=run.sandboxes, calls=_MODEL_CALLS)
        points.append(_point(f"{run.sandboxes} sandboxes", predicted, run))
    predicted = offered(calibration.paced_path(), sandboxes=2, per_second=rate, calls=_MODEL_CALLS)
    points.append(_point("a small rate on 2 sandboxes", predicted, few))
    return calibration, points


def _point(name: str, predicted: Outcome, measured: Measured) -> Point:
    return Point(
        name=name,
        predicted_per_second=predicted.per_second,
        measured_per_second=measured.per_second,
        predicted_p50=predicted.p50_seconds,
        measured_p50=measured.p50_seconds,
    )


def error_row(calibrations: Sequence[Calibration], points: Sequence[Point]) -> Row:
    """Judge by the worst of the points, each by the median of its rounds' ratios."""
    by_name: dict[str, list[Point]] = {}
    for point in points:
        by_name.setdefault(point.name, []).append(point)
    errors = {
        name: {
            "rate": round(abs(median(point.rate_ratio for point in rounds) - 1), 3),
            "p50": round(abs(median(point.p50_ratio for point in rounds) - 1), 3),
        }
        for name, rounds in by_name.items()
    }
    worst = max(error for both in errors.values() for error in both.values())
    return Row(
        "scale_model_error",
        worst,
        "",
        TARGET,
        holds=worst <= TARGET,
        raw={
            "goal": f"<= {TARGET:g}",
            "errors": errors,
            "rounds": {name: [asdict(one) for one in rounds] for name, rounds in by_name.items()},
            "calibration": _calibration(calibrations),
        },
    )


def _calibration(calibrations: Sequence[Calibration]) -> dict[str, float]:
    """Give what one busy sandbox showed, as the median of its runs, in milliseconds."""
    runs = [run for calibration in calibrations for run in calibration.busy]
    told = {
        part.replace("_seconds", "_ms"): round(median(getattr(run, part) for run in runs) * 1000, 4)
        for part in (*_COMPUTED, "flush_seconds")
    }
    others = round(median(run.others_cores for run in runs), 2)
    return {**told, "others_cores": others, "n": len(runs)}


def check(*, rounds: int = ROUNDS) -> Row:
    """Run it on this machine; takes a minute when little else runs."""
    calibrations: list[Calibration] = []
    points: list[Point] = []
    with Machine() as machine:
        for _ in range(rounds):
            calibrated, predicted = run_round(machine)
            calibrations.append(calibrated)
            points += predicted
    return error_row(calibrations, points)


def run(stage: Stage) -> Iterator[Row]:
    """Be a suite of the benches."""
    yield check(rounds=2 if stage.is_quick else ROUNDS)
