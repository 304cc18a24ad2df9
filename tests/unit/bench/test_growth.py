from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.suites.growth import Caller

if TYPE_CHECKING:
    from bench.growing import Calls


def answered(seen: list[str], number: int) -> int:
    seen.append(f"call {number}")
    return number


def numbered(seen: list[str]) -> Calls:
    for number in range(100):
        seen.append(f"prepare {number}")
        answer = yield partial(answered, seen, number)
        assert answer == number


def test_calls_are_made_one_by_one_and_answered_with_what_they_gave() -> None:
    seen: list[str] = []
    block = Caller(numbered(seen))(2)
    assert len(block.wall_ns) == 2
    assert seen == ["prepare 0", "call 0", "prepare 1", "call 1", "prepare 2"]
