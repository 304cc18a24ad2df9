"""A redrive from the outside: begun, watched, stopped. Tillgate works it off by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

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
LOOK_EVERY_SECONDS = 1.0
# What a shell gives for a command that ctrl-C ended.
INTERRUPTED = 130


def check_redrive_id(redrive_id: str) -> str:
    """Give the id as the API writes it. Raises UsageError."""
    return check_id(
        redrive_id, argument="REDRIVE_ID", next_step="tillgate deadletter plan (what is left)"
    )


def start(session: Session, body: Mapping[str, object]) -> None:
    """Begin one, and watch it to its end."""
    begun = session.client.post("/dead-letters/redrives", body)
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
        session.output.progress(f"{shown(moved)} moved, {shown(left)} left")
        session.surroundings.pause(LOOK_EVERY_SECONDS)
