"""Events as the store takes them."""

from __future__ import annotations

from datetime import UTC, datetime

from tillgate.domain.event import NewEvent
from tillgate.domain.idempotency import fingerprint

NOW = datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC)


def event(
    key: str,
    data: str = '{"total":12.10}',
    *,
    type: str = "order.created",  # noqa: A002  The field's name.
    occurred_at: str | None = None,
    entity_id: str | None = None,
    entity_version: str | None = None,
) -> NewEvent:
    """Make one; its fingerprint covers ``data`` alone."""
    return NewEvent(
        key=f"api:{key}",
        fingerprint=fingerprint(data),
        source_id=None,
        type=type,
        data=data,
        occurred_at=occurred_at,
        entity_id=entity_id,
        entity_version=entity_version,
    )
