"""Ratios are taken within a round, and their median is the verdict."""

from __future__ import annotations

import random

import pytest

from bench.rounds import Block, Plan, Series, Spread, interleave, rounded


def block(*wall_us: float, cpu_us: float = 0) -> Block:
    return Block([int(us * 1000) for us in wall_us], int(cpu_us * 1000))


def test_a_round_s_wall_time_is_the_median_over_all_its_blocks() -> None:
    series = Series([[block(1, 2), block(9)], [block(4)]])

    assert series.wall_us() == [2, 4]


def test_a_round_s_cpu_time_is_shared_by_its_calls() -> None:
    series = Series([[block(1, 1, cpu_us=6), block(1, cpu_us=3)]])

    assert series.cpu_us() == [3]


def test_raw_figures_are_over_all_rounds_in_microseconds() -> None:
    series = Series([[block(*range(1, 101), cpu_us=500)], [block(50, cpu_us=7)]])

    raw = series.raw()

    assert (raw["n"], raw["p50"], raw["p95"], raw["cpu"]) == (101, 50, 95, 6)
    assert raw["p50_by_round"] == [50.5, 50]
    assert raw["cpu_by_round"] == [5, 7]


def test_a_ratio_is_taken_round_by_round() -> None:
    # A machine that was ten times slower in the second round changes nothing.
    assert Spread.ratio([3, 20, 4], [1, 10, 1]) == Spread(3, 2, 4)


def test_a_ratio_of_unequal_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Spread.ratio([1, 2], [1])


def test_one_slow_round_does_not_move_the_verdict() -> None:
    assert Spread.of([1.0, 1.1, 1.2, 1.1, 50]).value == 1.1


def test_every_subject_has_its_turn_in_every_block_after_the_warm_up() -> None:
    turns: list[tuple[str, int]] = []

    def run(name: str, calls: int) -> Block:
        turns.append((name, calls))
        return block(1)

    plan = Plan(rounds=3, blocks=2, calls=5, warm_up=8)
    series = interleave(
        {"a": lambda calls: run("a", calls), "b": lambda calls: run("b", calls)},
        plan,
        chance=random.Random(0),  # noqa: S311  No secret: the order of turns.
        settle=lambda: turns.append(("settled", 0)),
    )

    warm, measured = turns[:5], turns[5:]
    assert warm == [("a", 4), ("b", 4), ("settled", 0), ("a", 4), ("b", 4)]
    assert len(measured) == 3 * 2 * 2
    pairs = [{measured[n], measured[n + 1]} for n in range(0, len(measured), 2)]
    assert pairs == [{("a", 5), ("b", 5)}] * 6
    assert [len(one.rounds) for one in series.values()] == [3, 3]


def test_the_order_of_turns_is_drawn_anew() -> None:
    first: list[str] = []
    plan = Plan(rounds=1, blocks=40, calls=1, warm_up=0)

    def run(name: str) -> Block:
        first.append(name)
        return block(1)

    chance = random.Random(1)  # noqa: S311  As above.
    interleave({"a": lambda _: run("a"), "b": lambda _: run("b")}, plan, chance=chance)

    assert {first[n] for n in range(4, len(first), 2)} == {"a", "b"}


@pytest.mark.parametrize(("value", "shown"), [(1234.567, 1235), (0.123456, 0.1235), (0, 0)])
def test_four_digits_are_kept(value: float, shown: float) -> None:
    assert rounded(value) == shown
