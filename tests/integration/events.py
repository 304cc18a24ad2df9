"""Events as the store takes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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


def stored_at(event_id: str) -> datetime:
    """Read the microsecond in which it was stored, which a UUIDv7 of ours begins with."""
    digits = event_id.replace("-", "")
    milliseconds, part = int(digits[:12], 16), int(digits[13:16], 16)
    # Of 4096 parts of a millisecond, the one that the microsecond begins in, or a little after.
    microseconds = milliseconds * 1000 + -(-part * 1000 // 4096)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
