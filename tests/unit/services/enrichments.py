"""What a vendor's API answers in a world of deliveries, and what was sent and what waits then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.delivery import RetryLater
from tillgate.domain.enrichment import Enrichment, EnrichmentState, Fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.services.deliveries import World
    from tillgate.services.enrich import FetchResult

SERVER_ERROR = RetryLater("http-500", 500)


def failing(*objects: str, answer: FetchResult = SERVER_ERROR) -> Callable[[str], FetchResult]:
    """Answer so for these, and give any other object."""
    return lambda one: answer if one in objects else Fetched(f'{{"id":"{one}"}}')


def fetched(text: str) -> Enrichment:
    return Enrichment(state=EnrichmentState.FETCHED, object=text)


def gave_up(reason: str) -> Enrichment:
    return Enrichment(state=EnrichmentState.GAVE_UP, reason=reason)


def sent(world: World) -> dict[int, Enrichment]:
    """Give what was sent with each event, by its number."""
    return {int(one.event_id[-12:], 16): one.enrichment for one in world.upstream.sent}


def waiting(world: World) -> dict[int, tuple[str | None, int | None]]:
    """Give reason and status of the attempts at events that are put off."""
    return {
        int(one.event_id[-12:], 16): (one.reason, one.status)
        for one in world.store.attempts
        if one.event_id in world.store.put_off
    }
