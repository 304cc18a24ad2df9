"""The quarantine, sealed before it reaches the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.adapters.quarantine_form import encode

if TYPE_CHECKING:
    from tillgate.adapters.postgres.connection import Database
    from tillgate.domain.ports import SecretBox
    from tillgate.domain.quarantine import Quarantined

KEPT_DAYS = 30


def quarantine_seal_context(quarantine_id: str) -> str:
    """Name the row a sealed delivery belongs to."""
    return f"quarantine:{quarantine_id}"


class PostgresQuarantine:
    """Implements Quarantine. ``within_seconds`` is the deadline of one call."""

    def __init__(self, database: Database, secret_box: SecretBox, *, within_seconds: float) -> None:
        self._database = database
        self._secret_box = secret_box
        self._within_seconds = within_seconds

    def put(self, item: Quarantined) -> bool:
        quarantine_id = item.quarantine_id
        sealed = self._secret_box.seal(encode(item), context=quarantine_seal_context(quarantine_id))
        # From now on, not from its receipt: what comes late has to be looked at, too.
        expires_at = datetime.now(UTC) + timedelta(days=KEPT_DAYS)
        with refusals_as_unavailable:
            [(kept,)] = self._database.rows(
                "SELECT tillgate.quarantine_put(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    quarantine_id,
                    item.tenant_id,
                    item.endpoint_id,
                    item.provider,
                    item.reason.value,
                    item.rid,
                    item.received_at,
                    expires_at,
                    sealed,
                    item.quota.deliveries if item.quota else None,
                    item.quota.sealed_bytes if item.quota else None,
                    item.events,
                ),
                within_seconds=self._within_seconds,
            )
        return bool(kept)
