"""Signed requests to one AWS service, each with a deadline and at most one repeat."""

from __future__ import annotations

import math
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tillgate.adapters.aws.connection import HttpAnswer, HttpConnection
from tillgate.adapters.aws.credentials import EnvironmentCredentials
from tillgate.adapters.aws.endpoints import region
from tillgate.adapters.aws.errors import AwsError, AwsUnreachableError
from tillgate.adapters.aws.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OK = 200
NOT_FOUND = 404

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_PASSING_STATUSES = frozenset({429, 500, 502, 503, 504})
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)

# How long a repeat waits, drawn evenly from between.
_MIN_PAUSE_SECONDS = 0.02
_MAX_PAUSE_SECONDS = 0.08


def unlimited() -> float:
    """Give the seconds left to a call that is part of nothing larger."""
    return math.inf


def utc_now() -> datetime:
    return datetime.now(UTC)


class AwsService:
    """One service at ``endpoint``, over one connection, under the function's own role.

    ``timeout_seconds`` is for a request as a whole: fetching credentials, connecting, its
    repeat. ``budget`` gives the seconds left of what the request is part of. ``error_code``
    reads the error's name from an answer's body. For one thread at a time.
    """

    def __init__(
        self,
        service: str,
        endpoint: str,
        *,
        env: Mapping[str, str],
        timeout_seconds: float,
        max_requests_per_socket: int,
        budget: Callable[[], float],
        clock: Callable[[], datetime],
        error_code: Callable[[bytes], str],
    ) -> None:
        parts = urlsplit(endpoint)
        self._host = parts.netloc
        self._base_path = parts.path
        self._service = service
        self._region = region(env)
        self._credentials = EnvironmentCredentials(env, timeout_seconds=timeout_seconds)
        self._connection = HttpConnection(endpoint, max_uses=max_requests_per_socket)
        self._timeout_seconds = timeout_seconds
        self._budget = budget
        self._clock = clock
        self._error_code = error_code

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        within_seconds: float | None = None,
    ) -> HttpAnswer:
        """Send a request, once more when that may help, and give the last answer to it.

        ``path`` is percent-encoded. ``within_seconds``, where given, goes before the client's
        own time-out. When an answer is lost the request is sent again, so it may arrive
        twice. Raises AwsError when there is no answer.
        """
        timeout_seconds = self._timeout_seconds if within_seconds is None else within_seconds
        left = min(timeout_seconds, self._budget())
        if left <= 0:
            raise AwsError(f"no time is left to ask {self._service}")
        deadline = time.monotonic() + left
        try:
            answer = self._send_once(method, path, headers, body, deadline)
        except AwsUnreachableError:
            if not _pause(deadline):
                raise
        else:
            if not (self._may_pass(answer) and _pause(deadline)):
                return answer
        return self._send_once(method, path, headers, body, deadline)

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        self._connection.close()

    def _send_once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> HttpAnswer:
        now = self._clock()
        target = self._base_path + path
        signed = sign(
            method,
            target,
            {**headers, "host": self._host},
            body,
            credentials=self._credentials(now, within_seconds=deadline - time.monotonic()),
            service=self._service,
            region=self._region,
            now=now,
        )
        return self._connection.exchange(
            method, target, signed, body, within_seconds=deadline - time.monotonic()
        )

    def _may_pass(self, answer: HttpAnswer) -> bool:
        if answer.status == OK:
            return False
        return answer.status in _PASSING_STATUSES or self._error_code(answer.body) in _THROTTLED


def _pause(deadline: float) -> bool:
    """Wait a moment, unless the time left is as short as that; tell whether there is any."""
    # Not from random, which a snapshot of the sandbox would repeat in every copy.
    drawn = os.urandom(1)[0] / 255
    seconds = _MIN_PAUSE_SECONDS + drawn * (_MAX_PAUSE_SECONDS - _MIN_PAUSE_SECONDS)
    if time.monotonic() + seconds >= deadline:
        return False
    time.sleep(seconds)
    return True
