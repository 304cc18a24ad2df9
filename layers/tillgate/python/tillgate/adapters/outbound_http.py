"""Requests to addresses that tenants name: bounded in time and size, and to public places only.

httpcore without httpx on top: that takes no network of ours, and brings cookies, redirects and
proxies from the environment, of which nothing is wanted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpcore

from tillgate.adapters.aws.connection import default_tls
from tillgate.adapters.public_address import Deadline, NoConnectionError, PublicNetwork, addresses

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from tillgate.adapters.public_address import Address

# Of the answer to what writes: an error in JSON is a few hundred bytes. What goes beyond the most
# that is wanted is not read, nor is the connection used again.
MAX_ANSWER_BYTES = 16 * 1024
# Connections of other tenants' that are kept meanwhile, and for how long: shorter than the
# minute or more for which servers keep them, so that few turn out to be dead.
_KEPT_CONNECTIONS = 20
_KEEP_SECONDS = 30.0
# Of so many origins it is remembered how often a connection was used.
_MAX_ORIGINS = 1_000


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """Names of ``headers`` are in lower case. ``is_cut``: there is more than ``body``."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False


class OutboundError(Exception):
    """No answer, or none that can be read; ``reason`` is a word for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutboundHttp:
    """Keeps connections between requests; for one thread at a time.

    ``connect_seconds`` is for a connection, and as long again for TLS. A connection is not
    used more than ``max_uses`` times. No redirect is followed. ``trace_headers`` gives those of
    one request. ``resolve`` and ``tls`` are for tests.
    """

    def __init__(
        self,
        *,
        connect_seconds: float,
        max_uses: int,
        allow_private: bool,
        trace_headers: Callable[[], Mapping[str, str]] = dict,
        resolve: Callable[[str, int], list[Address]] = addresses,
        tls: Callable[[], ssl.SSLContext] = default_tls,
    ) -> None:
        self._connect_seconds = connect_seconds
        self._max_uses = max_uses
        self._trace_headers = trace_headers
        self._tls = tls
        self._deadline = Deadline()
        self._network = PublicNetwork(self._deadline, allow_private=allow_private, resolve=resolve)
        self._pool: httpcore.ConnectionPool | None = None
        self._uses: dict[str, int] = {}

    def post(
        self,
        origin: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        within_seconds: float,
    ) -> OutboundAnswer:
        """Send one request and read at most MAX_ANSWER_BYTES of the answer.

        That takes this time at most, connecting included. ``origin`` is scheme and host, as
        ``https://host:port``. Raises OutboundError.
        """
        return self._request(
            "POST", origin, path, headers, body, MAX_ANSWER_BYTES, within_seconds=within_seconds
        )

    def get(
        self,
        origin: str,
        path: str,
        headers: Mapping[str, str],
        *,
        at_most_bytes: int,
        within_seconds: float,
    ) -> OutboundAnswer:
        """Do as ``post``, and read so much of the answer; ``path`` has the query in it."""
        return self._request(
            "GET", origin, path, headers, None, at_most_bytes, within_seconds=within_seconds
        )

    def delete(
        self, origin: str, path: str, headers: Mapping[str, str], *, within_seconds: float
    ) -> OutboundAnswer:
        """Do as ``post``, without a body; ``path`` has the query in it."""
        return self._request(
            "DELETE", origin, path, headers, None, MAX_ANSWER_BYTES, within_seconds=within_seconds
        )

    def _request(
        self,
        method: str,
        origin: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        at_most_bytes: int,
        *,
        within_seconds: float,
    ) -> OutboundAnswer:
        self._deadline.set(within_seconds=within_seconds)
        sent = {
            "Host": origin.partition("://")[2],
            "Accept-Encoding": "identity",
            **headers,
            **self._trace_headers(),
        }
        if self._is_last_use(origin):
            sent["Connection"] = "close"
        try:
            with self._connections().stream(
                method,
                origin + path,
                headers=list(sent.items()),
                content=body,
                extensions={"timeout": {"connect": self._connect_seconds}},
            ) as answer:
                beginning = _beginning(answer, at_most_bytes)
                return OutboundAnswer(
                    answer.status,
                    {
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in answer.headers
                    },
                    beginning[:at_most_bytes],
                    is_cut=len(beginning) > at_most_bytes,
                )
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
        ) as error:
            raise OutboundError(_reason(error)) from error

    def close(self) -> None:
        """Let go of all connections; the next request makes another."""
        pool, self._pool = self._pool, None
        self._uses.clear()
        if pool is not None:
            pool.close()

    def _connections(self) -> httpcore.ConnectionPool:
        if self._pool is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=self._tls(),
                max_connections=_KEPT_CONNECTIONS,
                max_keepalive_connections=_KEPT_CONNECTIONS,
                keepalive_expiry=_KEEP_SECONDS,
                network_backend=self._network,
            )
        return self._pool

    def _is_last_use(self, origin: str) -> bool:
        """Count a request; a connection that was replaced meanwhile ends early, never late."""
        if len(self._uses) >= _MAX_ORIGINS and origin not in self._uses:
            self.close()
        uses = self._uses.get(origin, 0) + 1
        is_last = uses >= self._max_uses
        self._uses[origin] = 0 if is_last else uses
        return is_last


def _beginning(answer: httpcore.Response, at_most_bytes: int) -> bytes:
    """Read so much, and a little more where there is more."""
    body = bytearray()
    for chunk in answer.iter_stream():
        body += chunk
        if len(body) > at_most_bytes:
            break
    return bytes(body)


def _reason(error: Exception) -> str:
    """Name what went wrong; what the other side said stays out of it."""
    if isinstance(error, httpcore.TimeoutException):
        return "timeout"
    if isinstance(error, httpcore.ProtocolError):
        return "broken-answer"
    if isinstance(error, NoConnectionError):
        return error.reason
    return "connection-closed"
