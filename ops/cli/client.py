"""Tillgate over HTTP: one call, one Answer, or a CliError that says what happened."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from ops.cli import exact_json
from ops.cli.connection import GIVE_A_TOKEN
from ops.cli.errors import UnreachableError, UsageError
from ops.cli.problems import refused, unreadable
from tillgate import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ops.cli.connection import Connection
    from ops.cli.exact_json import JsonValue

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 30.0
ADMIN_PATH = "/admin/api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response: ``text`` exactly as it came, ``document`` the JSON object in it."""

    status: int
    text: str
    document: dict[str, JsonValue]

    def records(self, name: str) -> list[dict[str, JsonValue]]:
        """Give the objects of a list in the document; empty where there is none."""
        return exact_json.records_in(self.document.get(name))

    def record(self, name: str) -> dict[str, JsonValue]:
        """Give an object in the document; empty where there is none."""
        return exact_json.record_in(self.document.get(name))


class AdminClient:
    """A client of one Tillgate's admin API and of its health routes.

    Every call raises UnreachableError when no whole answer came within 5 s for the
    connection and about 30 s in all (looked at after each piece that arrives), and
    ServerRefusedError when the answer is not a 2xx with a JSON object. Nothing is
    repeated by itself and no redirect is followed. ``operator`` is the name under which the
    audit trail has what is done.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        operator: str | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._operator = {"X-Operator": operator} if operator else {}
        self._clock = clock
        self._http = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not connection.is_local,
            headers={"User-Agent": f"tillgate-cli/{__version__}", "Accept": "application/json"},
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        return self._admin("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Answer:
        return self._admin("POST", path, body=dict(body) if body is not None else None)

    def put(self, path: str, body: Mapping[str, object]) -> Answer:
        return self._admin("PUT", path, body=dict(body))

    def delete(self, path: str) -> Answer:
        return self._admin("DELETE", path)

    def probe(self, path: str) -> Answer:
        """Ask a health route, without a token; 503 is an answer here, too."""
        request = self._http.build_request("GET", self._connection.url + path)
        response, text = self._send(request)
        if response.is_success or response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return _answer(response, text)
        raise refused(response, text)

    def _admin(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: dict[str, object] | None = None,
    ) -> Answer:
        if self._connection.token is None:
            raise UsageError(
                f"There is no operator token for {self._connection.url}.", next_step=GIVE_A_TOKEN
            )
        request = self._http.build_request(
            method,
            self._connection.url + ADMIN_PATH + path,
            params=dict(params) if params else None,
            json=body,
            headers={"Authorization": f"Bearer {self._connection.token}", **self._operator},
        )
        response, text = self._send(request)
        if not response.is_success:
            raise refused(response, text)
        return _answer(response, text)

    def _send(self, request: httpx.Request) -> tuple[httpx.Response, str]:
        # Ours to name, so that a call that got no answer can be found in the logs, too.
        rid = request.headers["X-Request-Id"] = uuid.uuid4().hex
        started = self._clock()
        try:
            response = self._http.send(request, stream=True)
            try:
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if self._clock() - started > TOTAL_SECONDS:
                        raise httpx.ReadTimeout("the answer is still coming", request=request)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self._unreachable(error, method=request.method, rid=rid) from error
        # What is not UTF-8 is not JSON either, and is refused as such by the caller.
        return response, content.decode("utf-8", "replace")

    def _unreachable(self, error: httpx.HTTPError, *, method: str, rid: str) -> UnreachableError:
        never_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        details = [f"rid: {rid}"]
        if method != "GET" and not never_sent:
            safely = "repeating it is safe" if method == "PUT" else "list before you repeat it"
            details.insert(0, f"Whether it was done is not known: {safely}.")
        next_step = "make demo" if self._connection.is_local else "tillgate doctor"
        return UnreachableError(
            f"{self._connection.url} {_what_failed(error)}.",
            details=tuple(details),
            next_step=next_step,
        )


def _what_failed(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"took no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx.TimeoutException):
        return f"gave no whole answer within {TOTAL_SECONDS:.0f} s"
    reason = exact_json.printable(str(error)) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached ({reason})"
    return f"broke off before it had answered ({reason})"


def _answer(response: httpx.Response, text: str) -> Answer:
    try:
        document = exact_json.parse(text)
    except exact_json.UnreadableJsonError:
        document = None
    if not isinstance(document, dict):
        raise unreadable(response)
    return Answer(status=response.status_code, text=text, document=document)
