"""A delivery as a provider module sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tillgate.domain.provider import HookRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)
URL = "https://api.example.com/v1/hooks/x/7c1ad1d8-3f05-4c0b-9d8e-0f6f6ae1a111"


def hook_request(
    body: bytes, headers: Mapping[str, str], *, url: str = URL, at: datetime = NOW
) -> HookRequest:
    return HookRequest(body=body, headers=headers, notification_url=url, received_at=at)
