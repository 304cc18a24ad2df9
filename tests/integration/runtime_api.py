"""Lambda's own side of a sandbox: its Runtime and Extensions APIs, on 127.0.0.1.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

_RUNTIME = "/2018-06-01/runtime"
_EXTENSION = "/2020-01-01/extension"


@dataclass(frozen=True, slots=True)
class Posted:
    """What a sandbox told: ``what`` is response, error, init/error or restore/error."""

    what: str
    invocation_id: str
    content: Any


class RuntimeApi:
    """Serves one sandbox at ``address``; ``posted`` is what came back, in order.

    ``register_status`` is what the extension's registration is answered with. While
    ``may_answer`` is clear, a response that was read whole is not acknowledged.
    """

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.registered: list[tuple[str, Any]] = []
        self.waiting_extensions: list[str] = []
        self.register_status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.is_waiting = threading.Event()
        self.is_snapshot_due = threading.Event()
        self._may_restore = threading.Event()
        self._ended = threading.Event()
        self._events: queue.Queue[tuple[str, Any] | None] = queue.Queue()
        self._invocations = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self.may_answer.set()
        self._may_restore.set()
        self._events.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def invoke(self, event: Any) -> str:  # noqa: ANN401  An event is any JSON.
        """Hand an event to the sandbox when it asks for the next; give the invocation's id."""
        self._invocations += 1
        invocation_id = f"invocation-{self._invocations}"
        self._events.put((invocation_id, event))
        return invocation_id

    def restore(self) -> None:
        """Answer /restore/next: the sandbox is one that was made from the snapshot."""
        self._may_restore.set()

    def answers(self, invocation_id: str) -> list[Posted]:
        return [posted for posted in self.posted if posted.invocation_id == invocation_id]

    def get(self, path: str, headers: Message) -> tuple[int, dict[str, str], Any]:
        if path == f"{_RUNTIME}/invocation/next":
            self.is_waiting.set()
            given = self._events.get()
            self.is_waiting.clear()
            if given is None:
                return 500, {}, None
            deadline = int((time.time() + 30) * 1000)
            told = {
                "Lambda-Runtime-Aws-Request-Id": given[0],
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:0:function:f",
                "Lambda-Runtime-Trace-Id": "Root=1-0-0",
            }
            return 200, told, given[1]
        if path == f"{_RUNTIME}/restore/next":
            self.is_snapshot_due.set()
            self._may_restore.wait()
            return 200, {}, None
        if path == f"{_EXTENSION}/event/next":
            self.waiting_extensions.append(headers["Lambda-Extension-Identifier"])
            self._ended.wait()
        return 404, {}, None

    def post(
        self,
        path: str,
        headers: Message,
        content: Any,  # noqa: ANN401  Any JSON.
    ) -> tuple[int, dict[str, str], Any]:
        if path == f"{_EXTENSION}/register":
            self.registered.append((headers["Lambda-Extension-Name"], content))
            if self.register_status != 200:
                return self.register_status, {}, {"errorType": "Extension.Unknown"}
            return 200, {"Lambda-Extension-Identifier": "an-identifier"}, {}
        what = path.removeprefix(f"{_RUNTIME}/")
        if what.startswith("invocation/"):
            _, invocation_id, kind = what.split("/")
            self.posted.append(Posted(kind, invocation_id, content))
            self.may_answer.wait()
        else:
            self.posted.append(Posted(what, "", content))
        return 202, {}, {"status": "OK"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(*api.get(self.path, self.headers))

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                content = self.rfile.read(length)
                # What was cut off is kept as it came, which is no JSON.
                assert len(content) == length
                self._answer(*api.post(self.path, self.headers, json.loads(content)))

            def _answer(self, status: int, headers: Mapping[str, str], content: Any) -> None:  # noqa: ANN401  Any JSON.
                body = json.dumps(content).encode()
                # Whoever asked may have ended meanwhile: that is what is tested here.
                with suppress(OSError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *_args: object) -> None:
                """Say nothing: a test's output is its own."""

        return Handler
