"""The load: senders in threads, each with a sandbox of its own, which it replaces when it dies."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from tests.chaos.calls import Mix, nth_call, told_by
from tests.chaos.ledger import Entry, Told
from tests.integration.polling import pause, until
from tests.integration.sandbox import SandboxEndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.calls import Call
    from tests.integration.sandbox import Sandbox

_REPEAT_SECONDS = 0.2


@dataclass(slots=True)
class Sender:
    """One sender. ``repeats``: it calls again with the same key until it is acknowledged."""

    name: str
    mix: Mix
    start_sandbox: Callable[[], Sandbox]
    pause_seconds: float
    repeats: bool
    entries: list[Entry] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cold_seconds: list[float] = field(default_factory=list)
    clock_step: float = 0.0
    strikes: int = 0
    sandbox: Sandbox | None = None
    _stepped: float = 0.0
    _strikes_met: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _is_calling: bool = False
    _is_cold: bool = False

    def strike(self) -> bool:
        """Kill its sandbox with SIGKILL while it answers; False when it has nothing to do."""
        sandbox = self.sandbox
        if sandbox is None or not self._is_calling:
            return False
        self.strikes += 1
        sandbox.strike()
        return True

    def run(self) -> None:
        """Send until told to stop; a call under way is seen through."""
        n = 0
        while not self._stopping.is_set():
            while not self._settle(nth_call(self.mix, self.name, n)):
                if not self.repeats or self._stopping.is_set():
                    break
                pause(_REPEAT_SECONDS)
            n += 1
            pause(self.pause_seconds)

    def stop(self) -> None:
        self._stopping.set()

    def _settle(self, call: Call) -> bool:
        """Call once, write down what was told; tell whether it leaves nothing open."""
        told = self.call(call)
        return not any(t in {Told.REFUSED, Told.NOTHING} for t in told)

    def call(self, call: Call) -> list[Told]:
        try:
            sandbox = self._ready()
            self._is_calling = True
            answer = sandbox.call(call.event)
        except SandboxEndedError as error:
            self._replace(error)
            told = [(Told.NOTHING, "")] * len(call.items)
            detail = ""
        else:
            self.seconds.append(answer.seconds)
            if self._is_cold:
                self.cold_seconds.append(answer.cold_seconds)
            self._is_cold = False
            told = told_by(call, answer)
            detail = f"{answer.status} {answer.body}"[:300]
        finally:
            self._is_calling = False
        now = time.monotonic()
        self.entries += [
            Entry(item, call.rid, t, now, event_id, detail if t is Told.ODD else "")
            for item, (t, event_id) in zip(call.items, told, strict=True)
        ]
        return [t for t, _ in told]

    def _ready(self) -> Sandbox:
        if self.sandbox is None:
            self.sandbox = self.start_sandbox()
            self._is_cold = True
            self._stepped = 0.0
        if self._stepped != self.clock_step:
            self.sandbox.step_clock(self.clock_step)
            self._stepped = self.clock_step
        return self.sandbox

    def _replace(self, error: SandboxEndedError) -> None:
        if self._strikes_met < self.strikes:
            self._strikes_met = self.strikes
        else:
            self.faults.append(f"a sandbox ended by itself: {error}")
        if self.sandbox is not None:
            self.sandbox.kill()
        self.sandbox = None

    def first_new_after(self, instant: float) -> float | None:
        """Give when something was first stored for it at once after ``instant``."""
        return next((e.at for e in self.entries if e.at > instant and e.told is Told.NEW), None)


class Load:
    """So many senders, from ``with`` to ``stop``."""

    def __init__(self, senders: list[Sender]) -> None:
        self.senders = senders
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(s,)) for s in senders]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _run(self, sender: Sender) -> None:
        try:
            sender.run()
        except Exception as error:  # noqa: BLE001  Raised in the runner's own thread, below.
            self._failures.append(error)

    def all_served(self) -> None:
        """Return when each sender was answered."""
        until(
            lambda: self.has_failed or all(s.entries for s in self.senders),
            what="every sandbox has served",
            within_seconds=60,
        )
        self.raise_failures()

    def stop(self) -> None:
        """Let every sender see its call through."""
        for sender in self.senders:
            sender.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(60)

    @property
    def has_failed(self) -> bool:
        return bool(self._failures)

    def raise_failures(self) -> None:
        if self._failures:
            raise self._failures[0]

    @property
    def entries(self) -> list[Entry]:
        return [entry for sender in self.senders for entry in list(sender.entries)]
