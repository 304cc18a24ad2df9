"""A redrive from the outside: begun, watched, stopped. Tillgate works it off by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ops.cli.errors import CliError
from ops.cli.exact_json import NumberText
from ops.cli.output import Column, shown
from ops.cli.references import check_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.cli.client import Answer
    from ops.cli.session import Session

COLUMNS = (
    Column("REDRIVE ID", "redrive_id"),
    Column("STATE", "state"),
    Column("MOVED", "moved"),
    Column("LEFT", "left"),
    Column("PER SECOND", "per_second"),
    Column("STARTED", "started_at"),
    Column("ENDED", "ended_at"),
)
# What each has left is counted for one at a time.
LIST_COLUMNS = tuple(column for column in COLUMNS if column.key != "left")
NO_REDRIVE = "There is no such redrive."
# As far as the server counts what is left.
MAX_LEFT = 10_000
LOOK_EVERY_SECONDS = 1.0
# What a shell gives for a command that ctrl-C ended.
INTERRUPTED = 130


def check_redrive_id(redrive_id: str) -> str:
    """Give the id as the API writes it. Raises UsageError."""
    return check_id(redrive_id, argument="REDRIVE_ID", next_step="tillgate deadletter redrives")


def start(session: Session, body: Mapping[str, object]) -> None:
    """Begin one, and watch it to its end."""
    try:
        begun = session.client.post("/dead-letters/redrives", body)
    except CliError:
        session.output.note("Whether it runs all the same: tillgate deadletter redrives")
        raise
    redrive_id = shown(begun.document.get("redrive_id"))
    session.output.note(
        f"Redrive {redrive_id} runs."
        f" Stop it with: tillgate deadletter redrive --cancel {redrive_id}"
    )
    follow(session, redrive_id)


def follow(session: Session, redrive_id: str) -> None:
    """Watch one until it ends; ctrl-C ends the watching only."""
    try:
        answer = _wait(session, redrive_id)
    except KeyboardInterrupt:
        session.output.note(
            f"The redrive goes on. Watch it with: tillgate deadletter redrive --follow {redrive_id}"
            f" and stop it with: tillgate deadletter redrive --cancel {redrive_id}"
        )
        raise typer.Exit(INTERRUPTED) from None
    session.output.show_record(answer, COLUMNS)
    session.output.note(
        "What is given up again stays a dead letter: look with tillgate deadletter plan"
    )


def show_all(session: Session, *, state: str | None, limit: int | None) -> None:
    """List them, the last begun first."""
    asked = {"state": state, "limit": str(limit) if limit is not None else None}
    params = {name: value for name, value in asked.items() if value is not None}
    answer = session.client.get("/dead-letters/redrives", params)
    session.output.show_list(answer, "redrives", LIST_COLUMNS, when_empty=NO_REDRIVE)


def cancel(session: Session, redrive_id: str) -> None:
    """Stop one; what it has moved stays moved."""
    path = f"/dead-letters/redrives/{check_redrive_id(redrive_id)}/cancel"
    session.output.show_record(session.client.post(path), COLUMNS)


def _wait(session: Session, redrive_id: str) -> Answer:
    while True:
        answer = session.client.get(f"/dead-letters/redrives/{redrive_id}")
        if answer.document.get("state") != "running":
            return answer
        moved, left = answer.document.get("moved"), answer.document.get("left")
        is_more = isinstance(left, NumberText) and int(left) >= MAX_LEFT
        more = " or more" if is_more else ""
        session.output.progress(f"{shown(moved)} moved, {shown(left)}{more} left")
        session.surroundings.pause(LOOK_EVERY_SECONDS)
