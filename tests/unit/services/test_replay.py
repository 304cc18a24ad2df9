from __future__ import annotations

import pytest

from tests.admin_fakes import InMemoryEventReader, stored_event
from tests.delivery_fakes import InMemoryDestinations
from tillgate.domain.delivery import DestinationKind
from tillgate.domain.errors import NoDestinationError
from tillgate.domain.stored_event import DeliveryState, EventQuery, event_before
from tillgate.domain.tenant import TenantId
from tillgate.services.read import ReadEvents
from tillgate.services.replay import ReplayEvents

TENANT = TenantId("11111111-1111-4111-8111-11111111abcd")


@pytest.fixture
def destinations() -> InMemoryDestinations:
    store = InMemoryDestinations([TENANT])
    store.set_destination(
        TENANT, kind=DestinationKind.SUPABASE, url="https://a.example", sealed_secret=b""
    )
    return store


@pytest.fixture
def replay(destinations: InMemoryDestinations) -> ReplayEvents:
    reader = InMemoryEventReader()
    states = [DeliveryState.DELIVERED, DeliveryState.PENDING, DeliveryState.GAVE_UP] * 3
    reader.stored = {
        TENANT: [stored_event(n, delivery_state=state) for n, state in enumerate(states)]
    }
    return ReplayEvents(ReadEvents(reader), destinations=destinations, replays=destinations)


def steps(replay: ReplayEvents, *, dry_run: bool) -> list[int]:
    """Drive it to the end, four events a step, as the CLI does."""
    counts, before = [], None
    while True:
        step = replay.step(TENANT, EventQuery(limit=4, before=before), dry_run=dry_run)
        counts.append(step.count)
        if step.next_cursor is None:
            return counts
        before = event_before(step.next_cursor)


def test_steps_meet_every_event_once_and_leave_those_that_wait(
    replay: ReplayEvents, destinations: InMemoryDestinations
) -> None:
    assert steps(replay, dry_run=False) == [3, 2, 1]
    assert len(destinations.pending) == 6


def test_repeating_the_steps_changes_nothing(
    replay: ReplayEvents, destinations: InMemoryDestinations
) -> None:
    steps(replay, dry_run=False)

    assert steps(replay, dry_run=False) == [0, 0, 0]
    assert len(destinations.pending) == 6


def test_dry_run_counts_and_does_nothing(
    replay: ReplayEvents, destinations: InMemoryDestinations
) -> None:
    assert steps(replay, dry_run=True) == [3, 2, 1]
    assert destinations.pending == set()


@pytest.mark.parametrize("dry_run", [True, False])
def test_without_a_destination_nothing_is_replayed(
    replay: ReplayEvents, destinations: InMemoryDestinations, *, dry_run: bool
) -> None:
    destinations.remove_destination(TENANT)

    with pytest.raises(NoDestinationError):
        replay.step(TENANT, EventQuery(limit=4), dry_run=dry_run)
