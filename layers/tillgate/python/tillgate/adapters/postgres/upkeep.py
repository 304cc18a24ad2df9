"""What the database needs done regularly, through the functions of the sweep role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from tillgate.adapters.postgres.connection import Database

_WITHIN_SECONDS = 10.0


class PostgresUpkeep:
    """Implements Upkeep."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make_partitions(self, day: date) -> bool:
        [(made,)] = self._database.rows(
            "SELECT tillgate.make_partitions(%s)", (day,), within_seconds=_WITHIN_SECONDS
        )
        return bool(made)

    def discard_expired_quarantine(self, *, at_most: int) -> int:
        [(discarded,)] = self._database.rows(
            "SELECT tillgate.quarantine_discard_expired(%s)",
            (at_most,),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(discarded)
