"""Carrying requests over HTTP, many at once, for as long as a vendor waits for an answer."""

from __future__ import annotations

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import httpx

from ops.simulators.promises import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.simulators.simulator import Delivery

MOST_ANSWER_BYTES = 65_536


class Courier(Protocol):
    """Takes deliveries under tickets, and brings answers."""

    @property
    def in_flight(self) -> int:
        """Give how many have not been answered yet."""
        ...

    def post(self, ticket: int, delivery: Delivery) -> None:
        """Send it, and come back at once."""
        ...

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        """Give what was answered, at the latest after so long."""
        ...


class HttpCourier:
    """Posts to one URL from threads; redirects are not followed, and nothing is repeated."""

    def __init__(
        self,
        url: str,
        *,
        answer_seconds: float,
        at_once: int,
        is_local: bool,
        pause: Callable[[float], None],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``answer_seconds``: then it hangs up. ``at_once``: so many requests at the most."""
        self._url = url
        self._answer_seconds = answer_seconds
        self._pause = pause
        self._answers: queue.SimpleQueue[tuple[int, Answer]] = queue.SimpleQueue()
        self._in_flight = 0
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="simulate")
        self._http = httpx.Client(
            transport=transport,
            timeout=answer_seconds,
            limits=httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once),
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not is_local,
            headers={"User-Agent": "tillgate-simulate/1", "Accept": "*/*"},
        )

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def post(self, ticket: int, delivery: Delivery) -> None:
        self._in_flight += 1
        self._pool.submit(self._send, ticket, delivery)

    def wait(self, seconds: float) -> list[tuple[int, Answer]]:
        if not self._in_flight:
            self._pause(seconds)
            return []
        try:
            answers = [self._answers.get(timeout=max(0.0, seconds))]
        except queue.Empty:
            return []
        while not self._answers.empty():
            answers.append(self._answers.get())
        self._in_flight -= len(answers)
        return answers

    def close(self) -> None:
        """Forget what is still awaited."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def _send(self, ticket: int, delivery: Delivery) -> None:
        started = time.perf_counter()
        try:
            status, text = self._exchange(delivery, started)
        except Exception as error:  # noqa: BLE001  Whatever it is, the run waits for an answer.
            seconds = time.perf_counter() - started
            answer = Answer(status=None, seconds=seconds, error=str(error) or type(error).__name__)
        else:
            answer = Answer(status=status, seconds=time.perf_counter() - started, text=text)
        self._answers.put((ticket, answer))

    def _exchange(self, delivery: Delivery, started: float) -> tuple[int, str]:
        content = bytearray()
        with self._http.stream(
            "POST", self._url, content=delivery.body, headers=dict(delivery.headers)
        ) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > MOST_ANSWER_BYTES:
                    break
                if time.perf_counter() - started > self._answer_seconds:
                    raise httpx.ReadTimeout("the answer is still coming")
            return response.status_code, content.decode("utf-8", "replace")
