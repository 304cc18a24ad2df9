"""Rows that are judged by a goal of the suite's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.goals import context_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.goals import Goal
    from bench.rounds import Spread
    from ops.evidence import Row


def judged(
    name: str, spread: Spread, raw: Mapping[str, object], *, goal: Goal | None, is_quick: bool
) -> Row:
    """Judge a measure by the median of its rounds; without a goal it is told for context."""
    row = context_row(name, spread, raw, unit=goal.unit if goal is not None else "")
    if goal is None:
        return row
    return replace(
        row,
        target=goal.quick if is_quick else goal.limit,
        holds=goal.holds(spread.value, is_quick=is_quick),
        raw={"goal": goal.words(is_quick=is_quick), **row.raw},
    )
