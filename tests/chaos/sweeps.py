"""functions/sweep, run again and again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from tests.integration.sandbox import SandboxEndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.sandbox import Sandbox


class SweepLoop:
    """One sandbox of sweep at a time, called anew as soon as it is done, until the end."""

    def __init__(self, start_sandbox: Callable[[], Sandbox]) -> None:
        self._start_sandbox = start_sandbox
        self._sandbox: Sandbox | None = None
        self._is_called = False
        self._strikes_met = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.strikes = 0
        self.runs = 0
        self.queued = 0
        self.redriven = 0
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        self._thread.join(60)

    def strike(self) -> bool:
        """Kill the sandbox with SIGKILL in the middle of a run; False when it has none."""
        sandbox = self._sandbox
        if sandbox is None or not self._is_called:
            return False
        self.strikes += 1
        sandbox.strike()
        return True

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                self._once()
        except Exception as error:  # noqa: BLE001  A thread's end is nobody's to see.
            self.faults.append(f"sweep gave up: {error!r}")

    def _once(self) -> None:
        try:
            if self._sandbox is None:
                self._sandbox = self._start_sandbox()
            self._is_called = True
            report = self._sandbox.invoke({}).response
        except SandboxEndedError as error:
            if self._strikes_met < self.strikes:
                self._strikes_met = self.strikes
            else:
                self.faults.append(f"sweep ended by itself: {error}")
            if self._sandbox is not None:
                self._sandbox.kill()
            self._sandbox = None
        else:
            self.runs += 1
            self.queued += report["queued"]
            self.redriven += report["redriven"]
        finally:
            self._is_called = False
