"""Lambda's poller of an SQS queue: batches in, a function invoked, what is done deleted.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from ops.local.ministack import ACCOUNT, REGION
from tests.chaos.emulator import BATCH
from tests.integration.polling import pause
from tests.integration.sandbox import SandboxEndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.emulator import Message, Queue
    from tests.integration.sandbox import Sandbox

_IDLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Habits:
    """How messages are delivered: each so many times, shuffled; some deletions get lost."""

    deliveries: int = 1
    lost_deletes: float = 0.0


@dataclass(slots=True, eq=False)
class _Received:
    """A message on its way: how many deliveries are left, and whether one was done."""

    message: Message
    left: int
    is_done: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def delivered(self, *, is_done: bool) -> bool:
        """Count one; tell whether that was the last and it may be deleted."""
        with self.lock:
            self.left -= 1
            self.is_done |= is_done
            return self.left == 0 and self.is_done


class EventSource:
    """One poller and some workers, each with a sandbox of its own, from ``with`` to its end.

    ``function`` is whose sandboxes they are, for what is said of them.
    """

    def __init__(
        self,
        work_queue: Queue,
        start_sandbox: Callable[[], Sandbox],
        *,
        function: str = "accept",
        workers: int = 2,
        batch_size: int = BATCH,
    ) -> None:
        self._queue = work_queue
        self._batch_size = batch_size
        self.function = function
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{work_queue.url.rpartition('/')[2]}"
        self.habits = Habits()
        self.clock_step = 0.0
        self.faults: list[str] = []
        self.slowest_seconds = 0.0
        self._forgotten: set[str] = set()
        self._dice = random.Random(3)  # noqa: S311  Dice, not secrets.
        self._batches: queue.Queue[list[_Received]] = queue.Queue(maxsize=workers)
        self._polling = threading.Event()
        self._polling.set()
        self._ending = threading.Event()
        self.workers = [_Worker(self, start_sandbox) for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._poll),
            *(threading.Thread(target=w.run) for w in self.workers),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def has_ended(self) -> bool:
        return self._ending.is_set()

    def hold(self) -> None:
        """Take nothing from the queue until ``go_on``."""
        self._polling.clear()

    def go_on(self) -> None:
        self._polling.set()

    def _poll(self) -> None:
        while not self._ending.is_set():
            if not self._polling.is_set():
                pause(_IDLE_SECONDS)
                continue
            times = self.habits.deliveries
            received = [m for _ in range(times) for m in self._queue.receive()]
            if not received:
                pause(_IDLE_SECONDS)
            for batch in self._batches_of([_Received(m, times) for m in received], times):
                self._hand_over(batch)

    def _hand_over(self, batch: list[_Received]) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(queue.Full):
                self._batches.put(batch, timeout=0.2)
                return

    def _batches_of(self, received: list[_Received], times: int) -> list[list[_Received]]:
        batches: list[list[_Received]] = []
        for _ in range(times):
            if times > 1:
                self._dice.shuffle(received)
            size = self._batch_size
            batches += [received[i : i + size] for i in range(0, len(received), size)]
        if times > 1:
            self._dice.shuffle(batches)
        return batches

    def take(self) -> list[_Received] | None:
        """Give the next batch, or None when there is none for a moment."""
        with contextlib.suppress(queue.Empty):
            return self._batches.get(timeout=0.2)
        return None

    def settle(self, batch: list[_Received], failed: set[str]) -> None:
        """Delete what was done, as Lambda does, or lose the deletion."""
        done = [
            received
            for received in batch
            if received.delivered(is_done=received.message.message_id not in failed)
            and not self._is_deletion_lost(received.message.message_id)
        ]
        if done:
            self._queue.delete([received.message.receipt_handle for received in done])

    def _is_deletion_lost(self, message_id: str) -> bool:
        # Once each: it has to come to an end.
        if message_id in self._forgotten or self._dice.random() >= self.habits.lost_deletes:
            return False
        self._forgotten.add(message_id)
        return True


class _Worker:
    """One sandbox of the source's function at a time."""

    def __init__(self, source: EventSource, start_sandbox: Callable[[], Sandbox]) -> None:
        self._source = source
        self._start_sandbox = start_sandbox
        self._sandbox: Sandbox | None = None
        self._stepped = 0.0
        self._is_called = False
        self.strikes = 0
        self._strikes_met = 0

    @property
    def is_busy(self) -> bool:
        return self._is_called

    def strike(self) -> bool:
        """Kill the sandbox with SIGKILL in the middle of a batch; False when it has none."""
        sandbox = self._sandbox
        if sandbox is None or not self._is_called:
            return False
        self.strikes += 1
        sandbox.strike()
        return True

    def run(self) -> None:
        """Work until the source ends; what goes wrong here is a fault of the scenario."""
        try:
            while not self._source.has_ended:
                batch = self._source.take()
                if batch is not None:
                    self._source.settle(batch, self._invoke(batch))
        except Exception as error:  # noqa: BLE001  A thread's end is nobody's to see.
            self._source.faults.append(f"a worker gave up: {error!r}")

    def _invoke(self, batch: list[_Received]) -> set[str]:
        """Give the ids of the messages that failed; all of them when the sandbox ends."""
        everything = {received.message.message_id for received in batch}
        try:
            sandbox = self._ready()
            self._is_called = True
            told = sandbox.invoke(
                {"Records": [_record(r.message, arn=self._source.arn) for r in batch]}
            )
        except SandboxEndedError as error:
            self._replace(error)
            return everything
        finally:
            self._is_called = False
        self._source.slowest_seconds = max(self._source.slowest_seconds, told.seconds)
        failed = {failure["itemIdentifier"] for failure in told.response["batchItemFailures"]}
        if not failed <= everything:
            # Lambda takes the whole batch as failed then.
            self._source.faults.append(
                f"{self._source.function} named a message that it was not given"
            )
            return everything
        return failed

    def _ready(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = self._start_sandbox()
            self._stepped = 0.0
        if self._stepped != self._source.clock_step:
            self._sandbox.step_clock(self._source.clock_step)
            self._stepped = self._source.clock_step
        return self._sandbox

    def _replace(self, error: SandboxEndedError) -> None:
        if self._strikes_met < self.strikes:
            self._strikes_met = self.strikes
        else:
            self._source.faults.append(f"{self._source.function} ended by itself: {error}")
        if self._sandbox is not None:
            self._sandbox.kill()
        self._sandbox = None


def _record(message: Message, *, arn: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event"""
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": dict(message.attributes),
        "messageAttributes": {},
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }
