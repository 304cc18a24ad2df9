"""What ``tillgate simulate`` says at the end: a line for each kind, and what was read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ops.cli.findings import counted
from ops.cli.output import Column
from ops.simulators.messages import PROMISES
from ops.simulators.tally import percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.cli.output import Output
    from ops.cli.simulated_read_back import ReadBack
    from ops.cli.simulated_recipient import Endpoint
    from ops.simulators.messages import Kind
    from ops.simulators.run import Pace, VendorRun
    from ops.simulators.tally import KindTally

COLUMNS = (
    Column("KIND", "kind"),
    Column("SENT", "messages"),
    Column("REQUESTS", "requests"),
    Column("RESENT", "resent"),
    Column("ANSWERED", "answered"),
    Column("PROMISED", "promised"),
    Column("NOT SO", "not_as_promised"),
    Column("P50 MS", "p50_ms"),
    Column("P95 MS", "p95_ms"),
)
# A request that was sent so much later than it should have been was not at the pace asked for.
BEHIND_SECONDS = 0.5


def show(
    output: Output,
    run: VendorRun,
    read_back: ReadBack | None,
    *,
    endpoint: Endpoint,
    pace: Pace,
) -> None:
    """Print the tally: a table and what was wrong, or all of it as one JSON object."""
    lines = [_line(kind, run.tally.kinds[kind]) for kind in sorted(run.tally.kinds, key=_order)]
    if output.is_json:
        output.show_text(json.dumps(_document(run, read_back, lines, endpoint, pace)))
        return
    columns = {column.key: _cells(column.key, lines) for column in COLUMNS}
    rows = [{key: cells[place] for key, cells in columns.items()} for place in range(len(lines))]
    output.show_table([dict(row) for row in rows], COLUMNS)
    p50, p95 = (_milliseconds(run.tally.seconds, percent) for percent in (50, 95))
    output.note(
        f"{counted(run.tally.requests, 'request')} in {run.seconds:.1f} s, answered within"
        f" {_shown(p50)} ms (p50), {_shown(p95)} ms (p95)."
    )
    for line in lines:
        for fault in line["faults"]:
            output.note(f"{line['kind']}: {fault['count']} x {fault['what']} ({fault['key']})")
    if late := sum(line["late"] for line in lines):
        output.note(f"{counted(late, 'request')} got no answer in the time that the vendor waits.")
    if run.tally.behind_seconds > BEHIND_SECONDS:
        output.note(
            f"The pace was not kept: up to {run.tally.behind_seconds:.1f} s behind. A higher"
            " --at-once, or a lower --rate."
        )
    _note_read_back(output, run, read_back)


def _note_read_back(output: Output, run: VendorRun, read_back: ReadBack | None) -> None:
    if run.was_interrupted:
        output.note("Interrupted; not read back.")
    elif read_back is None:
        output.note("Not read back: no token of the tenant is known here.")
    elif read_back.faults:
        for fault in read_back.faults:
            output.note(f"read back: {fault}")
    else:
        output.note(f"Read back: {counted(read_back.wanted, 'event')}, each there exactly once.")


def _line(kind: Kind, mine: KindTally) -> dict[str, Any]:
    return {
        "kind": str(kind),
        "messages": mine.messages,
        "requests": mine.requests,
        "resent": mine.resent,
        "late": mine.late,
        "answered": dict(sorted(mine.answered.items())),
        "promised": PROMISES[kind],
        "not_as_promised": sum(mine.faults.values()),
        "p50_ms": _milliseconds(mine.seconds, 50),
        "p95_ms": _milliseconds(mine.seconds, 95),
        "faults": [
            {"what": what, "count": count, "key": mine.examples[what]}
            for what, count in mine.faults.most_common()
        ],
    }


def _document(
    run: VendorRun,
    read_back: ReadBack | None,
    lines: list[dict[str, Any]],
    endpoint: Endpoint,
    pace: Pace,
) -> dict[str, Any]:
    found = read_back and {
        "wanted": read_back.wanted,
        "missing": list(read_back.missing),
        "repeated": list(read_back.repeated),
        "unwanted": list(read_back.unwanted),
        "failed": read_back.failed or None,
    }
    return {
        "endpoint": {endpoint.noun: endpoint.endpoint_id, "url": endpoint.notification_url},
        "messages": pace.messages,
        "per_second": pace.per_second,
        "speed_up": pace.speed_up,
        "seconds": round(run.seconds, 3),
        "requests": run.tally.requests,
        "behind_seconds": round(run.tally.behind_seconds, 3),
        "p50_ms": _milliseconds(run.tally.seconds, 50),
        "p95_ms": _milliseconds(run.tally.seconds, 95),
        "interrupted": run.was_interrupted,
        "kinds": lines,
        "read_back": found,
        "as_promised": run.tally.is_as_promised
        and not run.is_unanswered
        and not (read_back and read_back.faults),
    }


def _cells(key: str, lines: list[dict[str, Any]]) -> list[str]:
    values = [line[key] for line in lines]
    if key == "answered":
        return [" ".join(f"{status}x{n}" for status, n in value.items()) for value in values]
    return ["-" if value is None else str(value) for value in values]


def _milliseconds(seconds: Sequence[float], percent: int) -> int | None:
    value = percentile(seconds, percent)
    return None if value is None else round(value * 1000)


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)


def _order(kind: Kind) -> int:
    return list(PROMISES).index(kind)
