"""Connections that go to public addresses only, and end at a deadline.

A name is resolved here, every address that it has is looked at, and one of those is connected
to: between the look and the connection nobody is asked again, so an answer that changes (DNS
rebinding) changes nothing. TLS is still for the name, and so is the Host header.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore

from tillgate.domain.destination_address import is_public

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

# The kind of address, and the address, as a socket of that kind connects to it.
Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class NoConnectionError(httpcore.ConnectError):
    """There is none, and it is not for want of time; ``reason`` is a word for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Deadline:
    """When the request in hand has to be over; for one thread at a time."""

    def __init__(self) -> None:
        self._at = float("inf")

    def set(self, *, within_seconds: float) -> None:
        self._at = time.monotonic() + within_seconds

    def left(self, at_most: float | None = None) -> float:
        """Give the seconds that are left, or raise TimeoutError."""
        seconds = self._at - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the deadline has passed")
        return seconds if at_most is None else min(seconds, at_most)


def addresses(host: str, port: int) -> list[Address]:
    """Look a name up, in as much time as the resolver likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class PublicNetwork(httpcore.NetworkBackend):
    """Implements httpcore's network; ``allow_private`` lets every address through."""

    def __init__(
        self,
        deadline: Deadline,
        *,
        allow_private: bool,
        resolve: Callable[[str, int], list[Address]] = addresses,
    ) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  httpcore's interface; never given.
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002  The same.
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers. All of them have to be public.

        Raises NoConnectionError and httpcore.ConnectTimeout.
        """
        try:
            ends_at = time.monotonic() + self._deadline.left(timeout)
            found = self._addresses(host, port, ends_at)
            if not self._allow_private and not all(is_public(a[0]) for _, a in found):
                raise NoConnectionError("not-public")
            return _Stream(_connected(found, ends_at), self._deadline)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise NoConnectionError(_word(error)) from error

    def _addresses(self, host: str, port: int, ends_at: float) -> list[Address]:
        """Look the name up in a thread: getaddrinfo takes no time-out, and waits for seconds."""
        found: list[Address] = []
        failed: list[Exception] = []

        def look_up() -> None:
            try:
                found.extend(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(max(ends_at - time.monotonic(), 0))
        if thread.is_alive():
            raise TimeoutError("the name was not resolved in time")
        if failed or not found:
            raise socket.gaierror("the name cannot be resolved")
        return found


def _word(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "name-not-found"
    if isinstance(error, ConnectionRefusedError):
        return "connection-refused"
    return "unreachable"


def _connected(found: list[Address], ends_at: float) -> socket.socket:
    """Try one address after the other; each gets its share of the time."""
    failure: OSError = TimeoutError("there was no time to connect")
    for position, (family, address) in enumerate(found):
        left = (ends_at - time.monotonic()) / (len(found) - position)
        if left <= 0:
            break
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(left)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class _Stream(httpcore.NetworkStream):
    """One connection; each of its steps ends at the deadline of the request in hand."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._sock.settimeout(self._deadline.left(timeout))
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("no answer in time") from error
        except OSError as error:
            raise httpcore.ReadError("the connection broke off") from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = memoryview(buffer)
        try:
            while left:
                self._sock.settimeout(self._deadline.left(timeout))
                left = left[self._sock.send(left) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout("not taken in time") from error
        except OSError as error:
            raise httpcore.WriteError("the connection broke off") from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            # The handshake as a whole ends at the time-out.
            self._sock.settimeout(self._deadline.left(timeout))
            wrapped = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except TimeoutError as error:
            self._sock.close()
            raise httpcore.ConnectTimeout("no TLS in time") from error
        except OSError as error:
            self._sock.close()
            raise NoConnectionError("tls-failed") from error
        return _Stream(wrapped, self._deadline)

    def get_extra_info(self, info: str) -> object:
        """Tell what httpcore asks of it: whether the connection has ended while it was idle."""
        if info == "is_readable":
            # An end, or an answer to no question. poll takes a descriptor of any number.
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            return bool(poll.poll(0))
        return None
