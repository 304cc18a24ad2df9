"""A function's life in its sandbox: made at first use, stopped without cutting an answer.

Lambda sends SIGTERM only where an extension is registered, and SIGKILL 500 ms later; it
may also send nothing. So a stop may tidy up, but nothing may rely on it.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Generic, NoReturn, Protocol, TypeVar

from tillgate.entrypoints.lifecycle_extension import ask_for_sigterm
from tillgate.entrypoints.lifecycle_log import flush_output, log_step
from tillgate.entrypoints.lifecycle_snapshot import register_hooks

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

EventT = TypeVar("EventT")
AnswerT = TypeVar("AnswerT")
Event_contra = TypeVar("Event_contra", contravariant=True)
Answer_co = TypeVar("Answer_co", covariant=True)

# Half of what Lambda leaves between SIGTERM and SIGKILL.
CLOSE_SECONDS = 0.25

# After so long an answer has left, however the runtime may be made.
ANSWER_SECONDS = 1.0

# How often it is looked whether the last answer has left.
_LOOK_SECONDS = 0.01

# So long after a request it is looked whether there is a pause, for what is done in one.
IDLE_SECONDS = 2.0

# A look that comes later than this comes out of a freeze, with the next request behind it.
_LATE_SECONDS = 1.0


class Wired(Protocol[Event_contra, Answer_co]):
    """What a bootstrap module makes: one function, wired."""

    def __call__(self, event: Event_contra, /) -> Answer_co: ...

    def preload(self) -> None:
        """Import what is otherwise imported by the first request that needs it."""

    def connect(self) -> None:
        """Make the connections ahead of the first request; never raises for what is down."""

    def stop(self) -> None:
        """Begin nothing more that can wait, now and later; idempotent, and never raises.

        A signal's handler calls it, in the thread that serves the request in hand.
        """

    def close(self) -> None:
        """Let go of the connections; idempotent, and the next use makes others."""

    @property
    def idle(self) -> Callable[[], float | None] | None:
        """What to call in a pause between requests, where anything is done then.

        It gives in how many seconds to call it again; None when nothing is left to do.
        """


class Lifecycle(Generic[EventT, AnswerT]):
    """What Lambda calls: ``handler = Lifecycle(make)``, and then ``handler(event, context)``.

    Outside Lambda it only makes the function at its first use. In a sandbox it does so at once,
    and raises what that raises; it asks for SIGTERM, ends the process at SIGTERM and SIGINT,
    and takes part in snapshots.
    """

    def __init__(self, make: Callable[[], Wired[EventT, AnswerT]]) -> None:
        self._make = make
        self._wired: Wired[EventT, AnswerT] | None = None
        self._in_hand = False
        self._caller: _Caller | None = None
        # The signal's name, and whether a request was in hand when it came.
        self._stop: tuple[str, bool] | None = None
        self._is_ending = False
        self._may_look = False
        # By the monotonic clock; None while nobody looks.
        self._looks_at: float | None = None
        if api := os.environ.get("AWS_LAMBDA_RUNTIME_API"):
            ask_for_sigterm(api)
        if (
            "AWS_LAMBDA_FUNCTION_NAME" in os.environ
            and threading.current_thread() is threading.main_thread()
        ):
            signal.signal(signal.SIGTERM, self._on_stop)
            signal.signal(signal.SIGINT, self._on_stop)
            signal.signal(signal.SIGALRM, self._on_look)
            self._may_look = True
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            # A setting that makes no sense fails the start, in its own words.
            self._ready()
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            register_hooks(before_snapshot=self.before_snapshot, after_restore=self.after_restore)

    def __call__(self, event: EventT, _context: object) -> AnswerT:
        """Serve one request. What the function raises is raised."""
        self._in_hand = True
        self._caller = _Caller(sys._getframe(1))  # noqa: SLF001  CPython's, as Lambda's Python is; inspect takes 10 ms to import.
        try:
            # Made already, as a rule: looked at here, one call is saved.
            return (self._wired or self._ready())(event)
        finally:
            self._caller.returned_at = time.monotonic()
            self._in_hand = False
            if self._stop is not None:
                self._end_once_answered()
            elif self._looks_at is None and self._may_look and self._ready().idle is not None:
                self._look_in(IDLE_SECONDS)

    def before_snapshot(self) -> None:
        """Have everything made that a request needs, and nothing open. Raises what making does."""
        wired = self._ready()
        # A cold start does not wait for what few requests need; no snapshot's start has to either.
        wired.preload()
        wired.close()

    def after_restore(self) -> None:
        """Start anew: many sandboxes come out of one snapshot, hours or days later.

        What was remembered, and the sandbox's id, go with the function that held them.
        """
        self._wired = None
        self._ready().connect()

    def _ready(self) -> Wired[EventT, AnswerT]:
        if self._wired is None:
            self._wired = self._make()
        return self._wired

    def _look_in(self, seconds: float) -> None:
        self._looks_at = time.monotonic() + seconds
        # Again and again: Python hears of a signal only between two of its own steps, so one
        # that comes just before the runtime waits for its next event would be heard after it.
        signal.setitimer(signal.ITIMER_REAL, seconds, IDLE_SECONDS)

    def _on_look(self, _number: int, frame: FrameType | None) -> None:
        """Do what is done in a pause, if this is one.

        Lambda freezes a sandbox before it comes to that: there a stop or the next request
        does it. An emulator lets it run, and may never ask it again.
        """
        idle = None if self._wired is None else self._wired.idle
        if self._stop is not None or idle is None:
            return
        is_late = time.monotonic() - (self._looks_at or 0.0) > _LATE_SECONDS
        has_answered = self._caller is None or self._caller.has_answered(frame)
        if self._in_hand or is_late or not has_answered:
            self._look_in(IDLE_SECONDS)
        else:
            self._pause(idle)

    def _pause(self, idle: Callable[[], float | None]) -> None:
        # A stop that comes meanwhile waits for it, as for a request.
        self._in_hand = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        again: float | None = None
        try:
            again = idle()
        except Exception as error:  # noqa: BLE001  The runtime around us is not to end with it.
            log_step("idle", error=type(error).__name__)
        finally:
            self._in_hand = False
        self._looks_at = None
        if self._stop is not None:
            self._end_once_answered()
        elif again is not None:
            self._look_in(again)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop is None:
            self._stop = signal.Signals(number).name, self._in_hand
        if self._wired is not None:
            self._wired.stop()
        self._end_if_answered(number, frame)
        if not self._in_hand and not self._is_ending:
            self._end_once_answered()

    def _end_once_answered(self) -> None:
        """Look every few milliseconds whether the runtime has passed the answer on."""
        signal.signal(signal.SIGALRM, self._end_if_answered)
        signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)

    def _end_if_answered(self, _number: int, frame: FrameType | None) -> None:
        # While we look, another request may come: an emulator does not know that we stop.
        if self._in_hand or self._is_ending:
            return
        if self._caller is None or self._caller.has_answered(frame):
            self._end()

    def _end(self) -> None:
        """Close, log and end the process here: the runtime would wait for its next event."""
        self._is_ending = True
        signal_name, in_hand = self._stop or ("", False)
        try:
            error = self._close()
            log_step(
                "stop",
                signal=signal_name,
                in_hand=in_hand,
                **({"error": error} if error else {}),
            )
            flush_output()
        finally:
            os._exit(0)

    def _close(self) -> str | None:
        """Close within CLOSE_SECONDS; name the type of what went wrong, if anything did."""
        if self._wired is None:
            return None
        signal.signal(signal.SIGALRM, _raise_out_of_time)
        signal.setitimer(signal.ITIMER_REAL, CLOSE_SECONDS)
        try:
            self._wired.close()
        except Exception as error:  # noqa: BLE001  Whatever it was, the process ends now.
            return type(error).__name__
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None


class CloseOutOfTimeError(Exception):
    """Closing took longer than CLOSE_SECONDS."""


def _raise_out_of_time(_number: int, _frame: FrameType | None) -> NoReturn:
    raise CloseOutOfTimeError


class _Caller:
    """The place in the runtime that called us, and that passes the answer on.

    awslambdaric does so in the function that calls the handler, an emulator in its loop
    around both. So the answer has left when that function is no longer running, or when
    it stands before the call again.
    """

    def __init__(self, frame: FrameType) -> None:
        # Not the frame itself: it would keep the whole event in memory.
        self._code: CodeType = frame.f_code
        self._offset = frame.f_lasti
        self.returned_at = float("inf")

    def has_answered(self, frame: FrameType | None) -> bool:
        """Tell by ``frame``, where the main thread was interrupted."""
        if time.monotonic() - self.returned_at > ANSWER_SECONDS:
            return True
        while frame is not None:
            if frame.f_code is self._code:
                return frame.f_lasti < self._offset
            frame = frame.f_back
        return True
