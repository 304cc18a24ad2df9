"""Whoever was told what, in whatever order: each key holds one event, and nothing is lost.

On the fakes, with many examples; tests/integration runs the same on Postgres.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes import InMemoryEventStore, InMemoryQuarantine, InMemoryTokenStandings
from tests.unit.services.interleavings import (
    STEPS,
    Database,
    Deliver,
    Interleaving,
    Send,
    Step,
    Weather,
)
from tillgate.domain.event import NewEvent, event_from_json
from tillgate.domain.json_value import parse
from tillgate.domain.tenant import Caller, Tenant, TenantId, TenantState, TokenStanding

ONE = Tenant(TenantId("11111111-1111-4111-8111-111111111111"), "one", TenantState.ACTIVE)
DIGEST = b"d" * 32


class InMemoryStores:
    """Implements Stores."""

    def __init__(self) -> None:
        self.caller = Caller(ONE, DIGEST)
        self.events = InMemoryEventStore()
        self.quarantine = InMemoryQuarantine()
        self.tokens = InMemoryTokenStandings()
        self.tokens.standings[DIGEST] = TokenStanding(ONE, None)

    def stored(self) -> dict[str, tuple[str, str]]:
        return {
            key: (accepted.event_id, event.data)
            for (_, key), (event, accepted) in self.events.events.items()
        }

    def set_aside(self) -> list[tuple[str, str, bytes]]:
        return [
            (item.quarantine_id, item.reason.value, item.content) for item in self.quarantine.items
        ]


def new_event(key: str, data: str) -> NewEvent:
    """Make the event as Ingest makes it."""
    return event_from_json(parse(f'{{"type":"t","data":{data}}}'.encode()), key=key)


def single(key: str, content: int) -> Send:
    return Send(((key, content),), is_batch=False)


LATE_THEN_ANOTHER: list[Step] = [
    Database(Weather.LATE), single("a", 0), Database(Weather.UP), single("a", 1), single("a", 0),
]  # fmt: skip
QUEUED_THEN_TAKEN: list[Step] = [
    Database(Weather.DOWN), single("a", 0), single("a", 1), Database(Weather.UP), single("a", 2),
    Deliver(1), Database(Weather.LATE), Deliver(0), Deliver(0),
]  # fmt: skip


ORDER = st.lists(st.integers(0, 20), max_size=20)


def play(steps: list[Step], order: list[int]) -> None:
    made = Interleaving(InMemoryStores(), new_event)
    made.run(steps)
    made.end(order)
    made.check()


@settings(max_examples=200)
@given(steps=STEPS, order=ORDER)
@example(steps=LATE_THEN_ANOTHER, order=[])
@example(steps=QUEUED_THEN_TAKEN, order=[1, 0, 0])
def test_each_key_holds_one_event_and_whoever_was_acknowledged_finds_it_or_its_conflict(
    steps: list[Step], order: list[int]
) -> None:
    play(steps, order)


@pytest.mark.proof
@settings(max_examples=5_000)
@given(steps=STEPS, order=ORDER)
def test_so_it_is_in_thousands_more_orders(steps: list[Step], order: list[int]) -> None:
    play(steps, order)


def test_the_steps_reach_every_answer() -> None:
    made = Interleaving(InMemoryStores(), new_event)
    made.run([*QUEUED_THEN_TAKEN, Database(Weather.UP), single("a", 2), single("a", 0)])
    made.run([Send((("a", 2), ("b", 0), ("b", 1)), is_batch=True)])
    made.end([])
    made.check()

    assert [told.status for told in made.told] == [202, 202, 201, 200, 422, 200, 201, 422]
    assert len(made.stores.set_aside()) == 2
