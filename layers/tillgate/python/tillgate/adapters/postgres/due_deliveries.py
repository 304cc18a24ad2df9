"""What sweep puts on the queues: deliveries that are due, and dead letters that are redriven."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.delivery import DueDelivery
from tillgate.domain.tenant import EventId, TenantId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tillgate.adapters.postgres.connection import Database

# What is queued and settled by nobody is due again after so long: the message was lost.
LEASE = timedelta(hours=6)
# For the claim, the queue and the commit; the server ends an idle transaction after ten.
WITHIN_SECONDS = 8.0
# A redriven event may not be read before that commit: until then it is given up, whoever reads
# it takes its message for done, and the next comes after the lease. Longer than the server lets
# a transaction idle, which it does from the claim on, when nothing is queued yet.
REDRIVE_DELAY_SECONDS = 15

_CLAIM: LiteralString = """
    SELECT tenant_id::text, event_id::text FROM tillgate.claim_deliveries(%s, %s)
"""
_STEP: LiteralString = """
    SELECT tenant_id::text, event_id::text FROM tillgate.redrive_step(%s, %s)
"""


class PostgresDueDeliveries:
    """Implements DueDeliveries. The claim is committed when the block ends well."""

    _claim: LiteralString = _CLAIM

    def __init__(self, database: Database, *, lease: timedelta = LEASE) -> None:
        self._database = database
        self._lease = lease

    @contextmanager
    def claim(self, *, at_most: int) -> Iterator[list[DueDelivery]]:
        with (
            refusals_as_unavailable,
            self._database.transaction(within_seconds=WITHIN_SECONDS) as cursor,
        ):
            rows = cursor.execute(self._claim, (at_most, self._lease)).fetchall()
            yield [DueDelivery(TenantId(tenant), EventId(event)) for tenant, event in rows]


class PostgresRedrives(PostgresDueDeliveries):
    """Implements DueDeliveries with a second's worth of the dead letters that are redriven.

    They are to be queued with REDRIVE_DELAY_SECONDS.
    """

    _claim: LiteralString = _STEP
