"""A socket with a deadline and a limit, as much of it as http.client uses."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from tillgate.adapters.aws.errors import AwsError

if TYPE_CHECKING:
    import socket

    from _typeshed import WriteableBuffer


def seconds_until(deadline: float) -> float:
    """Give what is left until ``deadline`` (monotonic seconds), or raise TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left


class DeadlineSocket:
    """Each send and receive on ``sock`` ends at ``deadline``; ``uses`` counts the requests.

    An answer of more than ``max_bytes``, headers included, is refused with AwsError, however
    it is framed.
    """

    def __init__(self, sock: socket.socket, *, max_bytes: int) -> None:
        self._sock = sock
        self._max_bytes = max_bytes
        self.deadline = 0.0
        self.uses = 0

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._sock.settimeout(seconds_until(self.deadline))
            left = left[self._sock.send(left) :]

    def receive_into(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(seconds_until(self.deadline))
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give one answer's bytes."""
        return io.BufferedReader(_Incoming(self, max_bytes=self._max_bytes))

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        """Do nothing: http.client closes before the last answer is read. See ``hang_up``."""

    def hang_up(self) -> None:
        """Close the connection."""
        self._sock.close()


class _Incoming(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket, *, max_bytes: int) -> None:
        self._sock = sock
        self._left = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._sock.receive_into(buffer)
        self._left -= count
        if self._left < 0:
            raise AwsError("the answer is too large")
        return count
