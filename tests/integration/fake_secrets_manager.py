"""Secrets Manager, SQS and S3 over HTTP, as far as the functions use them."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.secret_versions import VersionedSecrets


class FakeSecretsManager:
    """Serves ``secrets`` at ``url``; ``reads`` lists the ids asked for, in order.

    Also a queue, whose bodies are ``messages``, and a bucket, whose content is ``objects``
    by path; while ``is_queue_down`` or ``is_bucket_down``, they take nothing. Each queue holds
    as many messages as ``depths`` says by the last part of its URL, or gives no answer. While
    ``is_silent``, requests are taken and not answered until it ends.
    """

    def __init__(self) -> None:
        self.messages: list[str] = []
        # How long nobody would be given each of them.
        self.delay_seconds: list[int] = []
        self.depths: dict[str, int] = {}
        self.objects: dict[str, bytes] = {}
        self.is_queue_down = False
        self.is_bucket_down = False
        self.secrets: dict[str, str] = {}
        # Of the same secrets: what a rotation makes, and moves labels between.
        self.versions = VersionedSecrets(self.secrets)
        self.reads: list[str] = []
        self.is_silent = False
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self})
        )
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
        if target.startswith("AmazonSQS."):
            return self._answer_queue(target, request)
        if target == "secretsmanager.GetSecretValue" and request["SecretId"] in self.secrets:
            self.reads.append(request["SecretId"])
        # A test may have put other ones in their place.
        self.versions.current = self.secrets
        return self.versions.answer(target, request)

    def _answer_queue(self, target: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "ApproximateNumberOfMessages" in request.get("AttributeNames", ()):
            return self._count(request)
        if target not in ("AmazonSQS.SendMessage", "AmazonSQS.SendMessageBatch"):
            return 200, {}
        if self.is_queue_down:
            return 500, {"__type": "InternalFailure"}
        if target == "AmazonSQS.SendMessage":
            return 200, self._keep(request)
        return 200, {
            "Successful": [{"Id": one["Id"], **self._keep(one)} for one in request["Entries"]]
        }

    def _count(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        depth = self.depths.get(request["QueueUrl"].rpartition("/")[2])
        if depth is None:
            return 500, {"__type": "InternalFailure"}
        counted = dict.fromkeys(request["AttributeNames"], "0")
        return 200, {"Attributes": {**counted, "ApproximateNumberOfMessages": str(depth)}}

    def _keep(self, message: dict[str, Any]) -> dict[str, Any]:
        body = message["MessageBody"]
        self.messages.append(body)
        self.delay_seconds.append(message.get("DelaySeconds", 0))
        return {"MD5OfMessageBody": hashlib.md5(body.encode()).hexdigest()}  # noqa: S324  What SQS answers.

    def hears(self) -> bool:
        """Wait until the end while it is silent; tell whether it is not."""
        if self.is_silent:
            self._ended.wait(30)
        return not self.is_silent


class _Handler(BaseHTTPRequestHandler):
    fake: FakeSecretsManager

    def do_POST(self) -> None:
        request = json.loads(self._body())
        if self.fake.hears():
            status, answer = self.fake.answer(self.headers["x-amz-target"], request)
            self._send(status, json.dumps(answer).encode())

    def do_PUT(self) -> None:
        body = self._body()
        if self.fake.hears():
            if not self.fake.is_bucket_down:
                self.fake.objects[self.path] = body
            self._send(500 if self.fake.is_bucket_down else 200, b"")

    def do_GET(self) -> None:
        if self.fake.hears():
            found = self.fake.objects.get(self.path)
            status = 200 if found is not None else 404
            missing = b"<Error><Code>NoSuchKey</Code></Error>"
            self._send(500 if self.fake.is_bucket_down else status, found or missing)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", "0")))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing: a test's output is its own."""
