"""Where a call's time goes, by function."""

from __future__ import annotations

from bench.flames import shares

CALL = "main (loop.py:1);HandlerSubject.call (bench/subjects/handler.py:46)"
STACKS = [
    f"{CALL};serve (a.py:1);parse (b.py:2) 30",
    f"{CALL};serve (a.py:9);store (c.py:3);poll (libc.so.6) 60",
    f"{CALL};serve (a.py:9);serve (a.py:1) 10",
    "main (loop.py:1);prepare (bench/workload.py:3) 500",
]


def test_shares_are_of_the_call_and_by_function_not_by_line() -> None:
    assert shares(STACKS) == [("serve (a.py)", 1.0), ("store (c.py)", 0.6), ("parse (b.py)", 0.3)]


def test_nothing_seen_gives_nothing() -> None:
    assert shares(["main (loop.py:1) 5"]) == []
