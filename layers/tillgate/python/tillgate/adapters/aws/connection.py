"""One kept-alive HTTP connection, with a deadline for each request as a whole.

http.client's time-out is for one operation of the socket, so a server that sends a byte now
and then holds it for ever. Here every operation gets what is left until the deadline.
"""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from tillgate.adapters.aws.deadline_socket import DeadlineSocket, seconds_until
from tillgate.adapters.aws.errors import AwsError, AwsUnreachableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

# The kind of address, and the address, as a socket of that kind connects to it.
Address = tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]

# Well above what any call here may answer: the registry's snapshot is the largest.
MAX_ANSWER_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    body: bytes


def addresses(host: str, port: int) -> list[Address]:
    """Look a name up, in as much time as the resolver likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


@cache
def default_tls() -> ssl.SSLContext:
    """Trust what the system trusts; reading that takes milliseconds, so it is read once."""
    import ssl  # noqa: PLC0415  Not needed for an emulator.

    return ssl.create_default_context()


class HttpConnection:
    """One connection at a time to one origin, for one thread; made at first use.

    It is replaced after ``max_uses`` requests. A proxy that the environment names is never
    used, and a redirect never followed. ``resolve`` and ``tls`` are for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        max_uses: int,
        resolve: Callable[[str, int], list[Address]] = addresses,
        tls: Callable[[], ssl.SSLContext] = default_tls,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise AwsError("an endpoint must be a URL of http or https")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = tls() if parts.scheme == "https" else None
        self._max_uses = max_uses
        self._resolve = resolve
        self._kept: DeadlineSocket | None = None

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        within_seconds: float,
    ) -> HttpAnswer:
        """Send one request and read the whole answer, connecting included, in this time.

        A kept connection that turns out to be dead is replaced once, so the request may
        arrive twice. Raises AwsUnreachableError, and AwsError when the answer is too large.
        """
        deadline = time.monotonic() + within_seconds

        def ask(sock: DeadlineSocket) -> HttpAnswer:
            sock.deadline = deadline
            return self._ask(sock, method, target, headers, body)

        # While it is in use nobody else can take it, whatever interrupts this request.
        kept, self._kept = self._kept, None
        try:
            if kept is not None and _is_quiet(kept):
                try:
                    return ask(kept)
                except OSError:
                    # It died while it was idle, which shows only now; or the time is up,
                    # which ends the second attempt as it begins.
                    return ask(self._connect(deadline))
            if kept is not None:
                kept.hang_up()
            return ask(self._connect(deadline))
        except (OSError, http.client.HTTPException) as error:
            raise AwsUnreachableError(f"{self._host} gave no answer") from error

    def close(self) -> None:
        """Let go of the connection, if there is one; the next request makes another."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.hang_up()

    def _ask(
        self,
        sock: DeadlineSocket,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> HttpAnswer:
        keep = False
        try:
            sock.uses += 1
            request = http.client.HTTPConnection(self._host, self._port)
            # It makes no connection of its own when it is given one.
            request.sock = cast("socket.socket", sock)  # As much of one as it uses.
            request.request(method, target, body, dict(headers))
            response = request.getresponse()
            answer = HttpAnswer(response.status, _whole_body(response))
            keep = not response.will_close and sock.uses < self._max_uses
        finally:
            if keep:
                self._kept = sock
            else:
                sock.hang_up()
        return answer

    def _connect(self, deadline: float) -> DeadlineSocket:
        """Connect to the first address that answers; each gets its share of the time."""
        found = self._addresses(deadline)
        failure: OSError = TimeoutError("the name has no address")
        for position, (family, address) in enumerate(found):
            left = seconds_until(deadline)
            try:
                return self._connect_to(
                    family, address, time.monotonic() + left / (len(found) - position)
                )
            except OSError as error:
                failure = error
        raise failure

    def _connect_to(
        self, family: socket.AddressFamily, address: tuple[str | int | bytes, ...], deadline: float
    ) -> DeadlineSocket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(seconds_until(deadline))
            sock.connect(address)
            if self._tls is not None:
                # The handshake as a whole ends at the time-out, unlike what follows it.
                sock.settimeout(seconds_until(deadline))
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except BaseException:
            sock.close()
            raise
        return DeadlineSocket(sock, max_bytes=MAX_ANSWER_BYTES)

    def _addresses(self, deadline: float) -> list[Address]:
        """Look the name up in a thread: getaddrinfo takes no time-out, and waits for seconds."""
        found: list[Address] = []
        failed: list[Exception] = []

        def look_up() -> None:
            try:
                found.extend(self._resolve(self._host, self._port))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(seconds_until(deadline))
        if thread.is_alive():
            raise TimeoutError("the name was not resolved in time")
        if failed:
            raise OSError("the name cannot be resolved") from failed[0]
        return found


def _is_quiet(sock: DeadlineSocket) -> bool:
    """Tell whether nothing waits to be read, neither an end nor an answer to no question."""
    return not select.select([sock], [], [], 0)[0]


def _whole_body(response: http.client.HTTPResponse) -> bytes:
    if (response.length or 0) > MAX_ANSWER_BYTES:
        raise AwsError("the answer is too large")
    if response.length is None and not response.chunked:
        raise http.client.HTTPException("an answer of no known length may be half of one")
    try:
        body = response.read(MAX_ANSWER_BYTES)
    except ValueError as error:
        raise http.client.HTTPException("a chunk of no possible size") from error
    if response.length:
        # With a limit, http.client says nothing of an end that came too early.
        raise http.client.IncompleteRead(body, response.length)
    return body
