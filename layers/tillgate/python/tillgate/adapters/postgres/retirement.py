"""What goes by its age, and erasures under way, through the functions of the sweep role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors

from tillgate.domain.retention import Dropped

if TYPE_CHECKING:
    from datetime import date

    from tillgate.adapters.postgres.connection import Database

_WITHIN_SECONDS = 10.0
# A mebibyte, in which some 7,000 keys lie: whoever sends one of them again meanwhile waits for the
# end of the stretch.
_BLOCKS_AT_ONCE = 128
_REDRIVES_AT_ONCE = 1_000


class PostgresRetirement:
    """Implements Retirement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days_over(self, *, default_days: int) -> list[date]:
        rows = self._database.rows(
            "SELECT d FROM tillgate.days_over(%s) AS d ORDER BY d",
            (default_days,),
            within_seconds=_WITHIN_SECONDS,
        )
        return [day for (day,) in rows]

    def drop_partition(self, parent: str, day: date, *, default_days: int) -> Dropped:
        [(outcome,)] = self._database.rows(
            "SELECT tillgate.drop_partition(%s, %s, %s)",
            (parent, day, default_days),
            within_seconds=_WITHIN_SECONDS,
        )
        return Dropped(outcome)

    def retire_events(self, *, default_days: int, at_most: int) -> tuple[int, bool]:
        [(retired,)] = self._database.rows(
            "SELECT tillgate.retire_events(%s, %s)",
            (default_days, at_most),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(retired["events"]), bool(retired["is_done"])

    def retire_keys(self, *, default_days: int) -> tuple[int, bool]:
        [(retired,)] = self._database.rows(
            "SELECT tillgate.retire_keys(%s, %s)",
            (default_days, _BLOCKS_AT_ONCE),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(retired["keys"]), bool(retired["is_done"])

    def discard_old_redrives(self) -> int:
        [(discarded,)] = self._database.rows(
            "SELECT tillgate.redrives_discard_old(%s)",
            (_REDRIVES_AT_ONCE,),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(discarded)

    def drop_old_audit(self) -> int:
        try:
            [(dropped,)] = self._database.rows(
                "SELECT tillgate.drop_old_audit()", within_seconds=_WITHIN_SECONDS
            )
        except errors.LockNotAvailable:
            return 0
        return int(dropped)

    def erase(self, *, at_most: int) -> tuple[int, int, bool]:
        [(step,)] = self._database.rows(
            "SELECT tillgate.erase_step(%s)", (at_most,), within_seconds=_WITHIN_SECONDS
        )
        return int(step["events"]), int(step["quarantine"]), bool(step["is_done"])
