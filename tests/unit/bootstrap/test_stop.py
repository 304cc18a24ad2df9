from __future__ import annotations

import threading
import time

from tillgate.bootstrap.stop import Stop


def paused(stop: Stop, seconds: float) -> float:
    """Give how long a pause took."""
    began = time.monotonic()
    stop.pause(seconds)
    return time.monotonic() - began


def test_a_pause_that_nobody_ends_lets_its_time_pass() -> None:
    stop = Stop()

    assert paused(stop, 0.05) >= 0.05
    assert not stop.is_asked()


def test_no_time_is_no_pause() -> None:
    assert paused(Stop(), 0.0) < 5


def test_a_pause_ends_when_a_stop_is_asked_for() -> None:
    stop = Stop()
    asking = threading.Timer(0.05, stop.ask)
    asking.start()

    assert paused(stop, 60) < 5
    assert stop.is_asked()
    asking.join()


def test_after_a_stop_was_asked_for_no_pause_lasts() -> None:
    stop = Stop()
    stop.ask()
    stop.ask()

    assert all(paused(stop, 60) < 5 for _ in range(3))
    assert stop.is_asked()
