"""What the database needs done regularly, through the functions of the sweep role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from tillgate.adapters.postgres.connection import Database

_WITHIN_SECONDS = 10.0
# Young increments are few, and whoever reads adds them up.
_FOLDED_AFTER_SECONDS = 60.0


class PostgresUpkeep:
    """Implements Upkeep."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make_partitions(self, day: date) -> bool:
        [(made, _)] = self._database.rows(
            "SELECT tillgate.make_partitions(%s), tillgate.make_audit_partition(%s)",
            (day, day),
            within_seconds=_WITHIN_SECONDS,
        )
        return bool(made)

    def discard_expired_quarantine(self, *, at_most: int) -> int:
        [(discarded,)] = self._database.rows(
            "SELECT tillgate.quarantine_discard_expired(%s)",
            (at_most,),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(discarded)

    def fold_metrics(self, *, at_most: int) -> tuple[int, int]:
        [(folded,)] = self._database.rows(
            "SELECT tillgate.metrics_fold_whole(make_interval(secs => %s), %s)",
            (_FOLDED_AFTER_SECONDS, at_most),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(folded["folded"]), int(folded["dropped"])

    def retire_previous_secrets(self, *, at_most: int) -> int:
        [(retired,)] = self._database.rows(
            "SELECT tillgate.retire_previous_secrets(%s)",
            (at_most,),
            within_seconds=_WITHIN_SECONDS,
        )
        return int(retired)

    def discard_old_activity(self, *, at_most: int) -> int:
        [(discarded,)] = self._database.rows(
            "SELECT tillgate.activity_discard_old(%s)", (at_most,), within_seconds=_WITHIN_SECONDS
        )
        return int(discarded)
