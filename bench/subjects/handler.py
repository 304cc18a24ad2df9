"""A Lambda handler, ours or the peer's, fed API Gateway's events: ``handler.py ours|peer``.

Standard library only, but for the handler.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.subjects.loop import log_to_nowhere, serve
from bench.workload import Load, Outcome, api_events, new_key

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


class HandlerSubject:
    """Calls a handler as Lambda does, in a sandbox that is warm."""

    def __init__(self, handler: Callable[[dict[str, Any], None], dict[str, Any]]) -> None:
        self._handler = handler

    def prepare(self, load: Load, calls: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        if load.provider:
            return [], _hooks(load, calls)
        keys = [[new_key() for _ in range(load.items)] for _ in range(calls)]
        events = api_events(load, keys)
        if load.outcome is Outcome.NEW:
            return [], events
        changed = load.outcome is Outcome.CONFLICT
        return events, api_events(load, keys, changed=changed)

    def call(self, prepared: dict[str, Any]) -> dict[str, Any]:
        return self._handler(prepared, None)

    def check(self, load: Load, answer: dict[str, Any]) -> None:
        assert answer["statusCode"] == load.expected_status, answer
        if load.items > 1:
            results = json.loads(answer["body"])["results"]
            status = "stored" if load.outcome is Outcome.NEW else load.outcome.value
            assert [one["status"] for one in results] == [status] * load.items, results[0]
        # Adyen wants a text, and is told no number.
        if load.provider and answer["body"] != "[accepted]":
            assert json.loads(answer["body"])["accepted"] == 1, answer


def _hooks(load: Load, calls: int) -> list[dict[str, Any]]:
    from bench.hooks import hook_events  # noqa: PLC0415  The peer has none, nor its packages.

    return hook_events(load, calls, endpoints=json.loads(os.environ["BENCH_ENDPOINTS"]))


def load_handler(name: str) -> Callable[[dict[str, Any], None], dict[str, Any]]:
    """Import a handler as a fresh sandbox does: ours from the function's own folder."""
    sys.path.insert(0, str(ROOT / "functions" / "ingest"))
    module = {"ours": "handler", "peer": "bench.peers.fastapi_peer.handler"}[name]
    handler: Callable[[dict[str, Any], None], dict[str, Any]] = import_module(module).handler
    return handler


if __name__ == "__main__":
    told = log_to_nowhere()
    serve(HandlerSubject(load_handler(sys.argv[1])), told)
