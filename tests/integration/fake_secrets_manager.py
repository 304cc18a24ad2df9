"""Secrets Manager's JSON protocol over HTTP, as far as the functions use it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class FakeSecretsManager:
    """Serves ``secrets`` at ``url``; ``reads`` lists the ids asked for, in order.

    While ``is_silent``, requests are taken and not answered until it ends.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.reads: list[str] = []
        self.is_silent = False
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, target: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        secret_id = request["SecretId"]
        if secret_id not in self.secrets:
            return 400, {"__type": "ResourceNotFoundException"}
        if target == "secretsmanager.GetSecretValue":
            self.reads.append(secret_id)
            return 200, {"SecretString": self.secrets[secret_id]}
        if target == "secretsmanager.PutSecretValue":
            # AWS asks raw callers for a token, of UUID form or longer; the SDKs make one.
            if not 32 <= len(request.get("ClientRequestToken", "")) <= 64:
                return 400, {"__type": "InvalidRequestException"}
            self.secrets[secret_id] = request["SecretString"]
            return 200, {}
        return 400, {"__type": "UnknownOperationException"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if fake.is_silent:
                    fake._ended.wait(30)
                    return
                status, answer = fake.answer(self.headers["x-amz-target"], request)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing: a test's output is its own."""

        return Handler
