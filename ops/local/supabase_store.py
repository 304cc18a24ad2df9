"""What the stand-in for Supabase keeps: rows by project, and every request that was made."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.cli.exact_json import JsonValue, parse, record_in, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Row = dict[str, JsonValue]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS row (
    project TEXT NOT NULL, event_id TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (project, event_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS request (
    request_id INTEGER PRIMARY KEY, project TEXT NOT NULL, at REAL NOT NULL, answer TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS asked (
    request_id INTEGER NOT NULL, event_id TEXT NOT NULL,
    PRIMARY KEY (request_id, event_id)
) WITHOUT ROWID;
"""


class DuplicateRowError(ValueError):
    """A row with this primary key is there already, and the request would not have it ignored."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a project saw of one event: requests that carried it, and rows that there are."""

    requests: int
    rows: int


class SupabaseStore:
    """One SQLite file, shared by the server's threads. What is written outlives a kill -9."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def take(
        self, project: str, rows: Sequence[Row], *, answer: str, stores: bool, ignores: bool
    ) -> None:
        """Note a request for these rows, and store them where it ``stores``: all or none.

        Raises DuplicateRowError, with nothing stored and the request noted, for a row that is
        there already, unless the request ``ignores`` such.
        """
        ids = [str(row["event_id"]) for row in rows]
        texts = [(project, event_id, render(row)) for event_id, row in zip(ids, rows, strict=True)]
        verb = "INSERT OR IGNORE" if ignores else "INSERT"
        try:
            with self._lock, self._database:
                self._note(project, ids, answer)
                if stores:
                    self._database.executemany(f"{verb} INTO row VALUES (?, ?, ?)", texts)
        except sqlite3.IntegrityError as error:
            with self._lock, self._database:
                self._note(project, ids, "409")
            raise DuplicateRowError from error

    def _note(self, project: str, event_ids: Sequence[str], answer: str) -> None:
        request_id = self._database.execute(
            "INSERT INTO request (project, at, answer) VALUES (?, ?, ?)",
            (project, time.time(), answer),
        ).lastrowid
        self._database.executemany(
            "INSERT OR IGNORE INTO asked VALUES (?, ?)",
            [(request_id, event_id) for event_id in event_ids],
        )

    def remove(self, project: str, event_ids: Sequence[str], *, answer: str) -> None:
        """Note a request that removes these rows, and remove them."""
        gone = [(project, event_id) for event_id in event_ids]
        with self._lock, self._database:
            self._note(project, [], answer)
            self._database.executemany("DELETE FROM row WHERE project = ? AND event_id = ?", gone)

    def rows(self, project: str) -> list[Row]:
        """Give a project's rows by event id, their numbers as they were sent."""
        with self._lock:
            found = self._database.execute(
                "SELECT text FROM row WHERE project = ? ORDER BY event_id", (project,)
            ).fetchall()
        return [record_in(parse(text)) for (text,) in found]

    def answers(self, project: str) -> dict[str, int]:
        """Count a project's requests by what they were answered: a status, or a fault's kind."""
        with self._lock:
            return dict(
                self._database.execute(
                    "SELECT answer, count(*) FROM request WHERE project = ? GROUP BY answer",
                    (project,),
                ).fetchall()
            )

    def seen(self, project: str) -> dict[str, Seen]:
        """Tell, by event id, what a project saw of each event."""
        with self._lock:
            asked = self._database.execute(
                "SELECT a.event_id, count(*) FROM asked AS a JOIN request AS r USING (request_id)"
                " WHERE r.project = ? GROUP BY a.event_id",
                (project,),
            ).fetchall()
            stored = self._database.execute(
                "SELECT event_id FROM row WHERE project = ?", (project,)
            ).fetchall()
        rows = defaultdict(int, {event_id: 1 for (event_id,) in stored})
        return {event_id: Seen(count, rows[event_id]) for event_id, count in asked}
