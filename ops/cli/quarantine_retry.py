"""A retry from the outside: step by step to the end, no faster than was asked for."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from ops.cli.errors import CliError
from ops.cli.exact_json import records_in
from ops.cli.findings import counted
from ops.cli.output import shown
from ops.cli.quarantine_plan import mend, number
from ops.cli.redrives import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.cli.client import Answer
    from ops.cli.session import Session

# The most that the server takes in one call.
MAX_STEP = 100
PER_SECOND = 50
_UNTRIED = "untried"
# What a person should know of what was not stored.
_OUTCOMES = {
    "cut": "not kept whole, so that no signature can be checked",
    "unopenable": "does not open: damaged, or its key has left the key ring",
    "failed": "refused by the database; the log says why",
    "busy": "tried by somebody else just now",
    "expired": "expired",
    "gone": "not there any more",
    _UNTRIED: "not tried: the server's time was used up, or it gave no answer",
}


@dataclass(slots=True)
class _Totals:
    """What all steps together came to; ``remaining`` are events by reason."""

    stored: int = 0
    duplicates: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    remaining: Counter[str] = field(default_factory=Counter)

    @property
    def tried(self) -> int:
        return self.outcomes.total() - self.outcomes[_UNTRIED]

    def add(self, answer: Answer) -> int:
        """Take a step in; give how many deliveries it tried."""
        before = self.tried
        self.stored += number(answer.document.get("stored"))
        self.duplicates += number(answer.document.get("duplicates"))
        for delivery in answer.records("deliveries"):
            self.outcomes[shown(delivery.get("outcome"))] += 1
            for remainder in records_in(delivery.get("remaining")):
                self.remaining[shown(remainder.get("reason"))] += number(remainder.get("events"))
        return self.tried - before


def retry_ids(session: Session, ids: Sequence[str], *, per_second: int) -> None:
    """Try these, each once; what a call had no time for is asked for again."""
    totals = _Totals()
    waiting = list(dict.fromkeys(ids))
    step = min(per_second, MAX_STEP)
    try:
        while waiting:
            answer = session.client.post("/quarantine/retry", {"ids": waiting[:step]})
            tried = totals.add(answer)
            if not tried:
                break
            untried = totals.outcomes.pop(_UNTRIED, 0)
            waiting = waiting[min(step, len(waiting)) - untried :]
            _wait(session, totals, tried / per_second, more=bool(waiting))
    except (CliError, KeyboardInterrupt) as error:
        _broke_off(session, totals, error, "Begin again: what is stored is not stored twice.")
        raise
    _show(session, totals)


def retry_matching(session: Session, body: dict[str, object], *, per_second: int) -> None:
    """Go from step to step to the end; say where to go on if it ends before."""
    totals = _Totals()
    body = {**body, "limit": min(per_second, MAX_STEP)}
    try:
        while True:
            answer = session.client.post("/quarantine/retry", body)
            tried = totals.add(answer)
            following = answer.document.get("next_cursor")
            if not following or following == body.get("cursor"):
                break
            body["cursor"] = following
            _wait(session, totals, tried / per_second, more=True)
    except (CliError, KeyboardInterrupt) as error:
        where = f"--cursor {body['cursor']}" if "cursor" in body else "or begin again"
        _broke_off(session, totals, error, f"Go on with the same filters, {where}.")
        raise
    _show(session, totals)


def _wait(session: Session, totals: _Totals, seconds: float, *, more: bool) -> None:
    session.output.progress(f"{totals.tried} tried, {totals.stored} stored")
    if more and seconds:
        session.surroundings.pause(seconds)


def _broke_off(
    session: Session, totals: _Totals, error: CliError | KeyboardInterrupt, how_to_go_on: str
) -> None:
    """Say how far it came. Raises Exit for a person who broke it off."""
    session.output.note(
        f"{counted(totals.tried, 'delivery', 'deliveries')} tried, and"
        f" {counted(totals.stored, 'event')} stored, until it broke off. {how_to_go_on}"
    )
    if isinstance(error, KeyboardInterrupt):
        raise typer.Exit(INTERRUPTED) from None


def _show(session: Session, totals: _Totals) -> None:
    counts = {
        "tried": totals.tried,
        "stored": totals.stored,
        "duplicates": totals.duplicates,
        "still_refused": totals.outcomes["still-refused"],
    }
    if session.output.is_json:
        report = {**counts, "outcomes": totals.outcomes, "remaining": totals.remaining}
        session.output.show_text(json.dumps(report))
        return
    session.output.show_values(counts)
    for reason, events in sorted(totals.remaining.items()):
        session.output.note(f"Still {reason}, {counted(events, 'event')}: {mend(reason)}.")
    for outcome, words in _OUTCOMES.items():
        if totals.outcomes[outcome]:
            session.output.note(f"{totals.outcomes[outcome]} {words}.")
