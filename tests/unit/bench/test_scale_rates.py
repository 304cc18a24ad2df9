"""One tenant's flood through many sandboxes: how much the limiter lets through, simulated."""

from __future__ import annotations

import pytest

from bench.scale.fairness import Drain, Scene, drain, play, rows
from bench.scale.rates import SANDBOXES, Flood, Routing, run
from tillgate.domain.tenant import RateLimit

LIMIT = RateLimit(20, 100)
SECONDS = 60
# Times the rate, over twenty seconds: sandboxes that are half a minute old at the most take a
# little more, each before it was first told of the others.
MORE = {Routing.EVEN: 1.05, Routing.SKEWED: 1.05, Routing.COME_AND_GO: 1.25}


def flood(
    sandboxes: int, routing: Routing = Routing.EVEN, *, per_second: float = 300, events: int = 1
) -> Flood:
    return Flood(
        limit=LIMIT,
        sandboxes=sandboxes,
        per_second=per_second,
        events=events,
        seconds=SECONDS,
        routing=routing,
    )


@pytest.mark.parametrize("routing", Routing)
@pytest.mark.parametrize("sandboxes", SANDBOXES)
def test_a_flood_is_let_through_at_the_rate_of_one_bucket(sandboxes: int, routing: Routing) -> None:
    scene = flood(sandboxes, routing)

    done = run(scene)

    assert done.overshoot <= scene.bound
    # What was too much at first is paid back; from then on it is the rate.
    assert done.rate(40, 60) <= LIMIT.events_per_second * MORE[routing]


@pytest.mark.parametrize("routing", Routing)
def test_a_flood_gets_no_less_than_the_rate_either(routing: Routing) -> None:
    done = run(flood(4, routing))

    assert sum(done.by_second) >= 0.95 * (LIMIT.burst + LIMIT.events_per_second * SECONDS)


@pytest.mark.parametrize("sandboxes", [1, 4, 16])
def test_who_keeps_to_the_rate_is_refused_nothing(sandboxes: int) -> None:
    scene = flood(sandboxes, per_second=0.8 * LIMIT.events_per_second)

    done = run(scene)

    assert sum(done.by_second) == done.asked


@pytest.mark.parametrize("sandboxes", [1, 16])
def test_batches_are_let_through_at_the_rate_of_their_events(sandboxes: int) -> None:
    scene = flood(sandboxes, events=50, per_second=100)

    done = run(scene)

    assert done.overshoot <= scene.bound
    assert done.rate(30, 60) <= LIMIT.events_per_second * 1.25


def test_while_the_database_is_down_each_sandbox_goes_by_itself() -> None:
    scene = Flood(
        limit=LIMIT,
        sandboxes=4,
        per_second=400,
        seconds=SECONDS,
        is_up=lambda second: not 20 <= second < 40,
    )

    done = run(scene)

    # Some seconds after it went down the shares are no longer believed in.
    assert done.rate(32, 40) == pytest.approx(4 * LIMIT.events_per_second, rel=0.1)
    # And what was too much is paid back once it is told of.
    assert done.rate(44, 54) <= LIMIT.events_per_second


def test_a_flush_that_fails_now_and_then_changes_little() -> None:
    failing = Flood(
        limit=LIMIT,
        sandboxes=16,
        per_second=300,
        seconds=SECONDS,
        is_up=lambda second: int(second) % 3 != 0,
    )

    done = run(failing)

    assert done.overshoot <= 2 * failing.bound
    assert done.rate(40, 60) <= LIMIT.events_per_second * 1.2


def test_the_others_wait_no_longer_beside_a_flood() -> None:
    scene = Scene(limit=LIMIT, seconds=40, sandboxes=16)

    alone = play(Scene(limit=LIMIT, seconds=40, is_flooded=False))

    assert play(scene).p95_seconds <= 1.2 * alone.p95_seconds


def test_on_the_queue_the_others_go_before_the_flood() -> None:
    fair, left = drain(Drain(flood_per_second=1_000, flood_seconds=10, seconds=30))
    oldest_first, _ = drain(
        Drain(flood_per_second=1_000, flood_seconds=10, seconds=30, is_fair=False)
    )

    assert fair < 0.2
    assert oldest_first > 2
    assert left == 0


@pytest.mark.proof
def test_the_verdicts_hold_at_full_length() -> None:
    for sandboxes in (16, 32, 64):
        verdicts = rows(Scene(sandboxes=sandboxes))

        assert all(row.holds for row in verdicts), verdicts
