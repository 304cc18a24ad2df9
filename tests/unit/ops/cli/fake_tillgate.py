"""A Tillgate that answers what a test tells it to, and the shape of typing commands at it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from tillgate import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from typer.testing import Result

URL = "https://pos.example.com"
OPERATOR_TOKEN = "operator-token-made-up-for-tests"
LOCAL_URL = "http://127.0.0.1:4566/_aws/execute-api/abc"
LOCAL_TOKEN = "local-token-made-up-for-tests"
TENANT_ID = "11111111-1111-4111-8111-111111111111"
TENANT = {
    "tenant_id": TENANT_ID,
    "slug": "demo",
    "name": "Demo Bakery",
    "state": "active",
    "created_at": "2026-11-01T08:00:00Z",
}


class FakeTillgate:
    """Answers by method and path; what was not prepared is a 404 problem."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.paused: list[float] = []
        self._answers: dict[tuple[str, str], Callable[[httpx.Request], httpx.Response]] = {}

    def answer(
        self,
        method: str,
        path: str,
        content: object,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare an answer; a str is sent as it is, all else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        self.answer_by(method, path, lambda _: httpx.Response(status, text=text, headers=sent))

    def answer_by(
        self, method: str, path: str, make: Callable[[httpx.Request], httpx.Response]
    ) -> None:
        self._answers[method, path] = make

    def fail(self, method: str, path: str, error: httpx.HTTPError) -> None:
        def give_up(_: httpx.Request) -> httpx.Response:
            raise error

        self.answer_by(method, path, give_up)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        make = self._answers.get((request.method, request.url.path), _nothing_here)
        return make(request)

    def pause(self, seconds: float) -> None:
        """Let no time pass."""
        self.paused.append(seconds)

    @property
    def last_body(self) -> dict[str, object]:
        body: dict[str, object] = json.loads(self.requests[-1].content)
        return body


def _nothing_here(_: httpx.Request) -> httpx.Response:
    problem = {"type": "not-found", "title": "There is no such thing here", "status": 404}
    return httpx.Response(
        404,
        json={**problem, "detail": "There is no such tenant.", "rid": "rid-404"},
        headers={"Content-Type": "application/problem+json"},
    )


class TypeCommand(Protocol):
    def __call__(
        self,
        *arguments: str,
        stdin: bytes | str = "",
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        is_interactive: bool = False,
    ) -> Result: ...


def write_stack_file(folder: Path, document: object) -> Path:
    path = folder / ".local" / "stack.json"
    path.parent.mkdir()
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    path.chmod(0o600)
    return path


def startup(**checks: object) -> dict[str, Any]:
    """What a well platform's ``/startupz`` says, but for these checks."""
    well = {
        "database": {"ok": True, "latency_ms": 2.1},
        "migrations": {"ok": True, "current": 4, "expected": 4},
        "secrets": {"ok": True},
        "supabase": "absent",
    }
    return {"status": "ready", "version": __version__, "checks": well | checks}


def status(**parts: object) -> dict[str, Any]:
    """What a well platform says of itself, but for these parts."""
    well = {
        "version": __version__,
        "stage": "prod",
        "database": {"ok": True, "latency_ms": 2.0},
        "migrations": {"current": 4, "expected": 4},
        "partitions": {"days_ahead": 14},
        "tenants": 1,
        "key_ring": {"kids": ["k1"], "current": "k1"},
        "dead_letters": 0,
        "open_breakers": 0,
    }
    return well | parts
