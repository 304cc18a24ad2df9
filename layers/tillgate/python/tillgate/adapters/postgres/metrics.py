"""What every sandbox counted: added by each, read by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.adapters.postgres.deadline_connection import Prepared
from tillgate.domain.errors import StoreRefusedError
from tillgate.domain.json_writer import json_writer
from tillgate.domain.metrics import GAUGES_FRESH_SECONDS, Sums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.metrics import Increment

_ADD = Prepared(b"metrics_add", b"SELECT tillgate.metrics_add($1, $2, $3, $4)")
_ADD_USED = Prepared(
    b"metrics_add_used", b"SELECT tillgate.metrics_add_used($1, $2, $3, $4, $5, $6)"
)
_READ = Prepared(b"metrics_read", b"SELECT tillgate.metrics_read()")
# Its argument is in seconds.
_READ_GAUGES = Prepared(
    b"gauges_read", b"SELECT tillgate.gauges_read(make_interval(secs => $1::double precision))"
)
_write = json_writer()


class PostgresMetrics:
    """Implements MetricsStore. ``within_seconds`` is the deadline of one call.

    ``bucket`` names which of its rates a tenant uses here.
    """

    def __init__(
        self, database: Database, *, within_seconds: float, bucket: str = "ingest"
    ) -> None:
        self._database = database
        self._within_seconds = within_seconds
        self._bucket = bucket.encode()

    def add(self, sandbox_id: str, increment: Increment) -> Mapping[str, tuple[float, float]]:
        activity = increment.activity
        statement = _ADD
        params = [
            sandbox_id.encode(),
            b"%d" % increment.seq,
            _write(increment.series).encode(),
            None if activity is None else _write(activity._asdict()).encode(),
        ]
        if increment.used is not None:
            statement = _ADD_USED
            params += [self._bucket, _write(increment.used).encode()]
        try:
            with refusals_as_unavailable:
                answer = self._database.value(
                    statement, params, within_seconds=self._within_seconds, opens_breaker=False
                )
        except psycopg.DataError as error:
            # Nobody sent it but ourselves: no request is to fail for it.
            raise StoreRefusedError("the database refuses what was counted") from error
        return {} if statement is _ADD else json.loads(answer or "{}")

    def read(self) -> Sums:
        with refusals_as_unavailable:
            text = self._database.value(_READ, [], within_seconds=self._within_seconds)
            measured = self._database.value(
                _READ_GAUGES, [b"%d" % GAUGES_FRESH_SECONDS], within_seconds=self._within_seconds
            )
        read, gauges = json.loads(text or "{}"), json.loads(measured or "{}")
        return Sums(read["series"], read["connections"], gauges["gauges"], gauges["at"])
