"""The members that log lines have, as the code writes them."""

from __future__ import annotations

import ast
import io
import json
from contextlib import redirect_stdout, suppress
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING

from stacks.constructs.http_api import ACCESS_LOG
from tests.architecture.subprocesses import LAYER
from tests.events import http_event
from tests.infra import emitted
from tillgate.domain.errors import BadMessageError, SignatureRefusedError, StoreUnavailableError
from tillgate.entrypoints.observability import Sandbox, TaskFailedError, log_task, serve
from tillgate.entrypoints.queue_batch import QueueBatch
from tillgate.services.queue_due import QueueReport
from tillgate.services.retire import RetireReport
from tillgate.services.sweep import SweepReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from tillgate.entrypoints.http import HttpRequest, LambdaResponse
    from tillgate.entrypoints.observability import RequestLog
    from tillgate.entrypoints.queue_batch import Record

ENTRYPOINTS = LAYER / "tillgate" / "entrypoints"
# What CloudWatch adds to every line.
SYSTEM = frozenset({"@timestamp", "@message", "@log", "@logStream", "@ingestionTime"})


@cache
def of_functions() -> frozenset[str]:
    """Give the names of a request's line, a message's and a task's, system fields included."""
    written = _written() | {name for line in _emitted() for name in line}
    reported = {
        field.name
        for report in (SweepReport, RetireReport, QueueReport)
        for field in fields(report)
    }
    noted = {name for path in ENTRYPOINTS.glob("*.py") for name in _noted(path.read_text())}
    return frozenset({*SYSTEM, *written, *noted, *reported})


def of_gateway() -> frozenset[str]:
    return frozenset({*SYSTEM, *ACCESS_LOG})


def _emitted() -> list[dict[str, Any]]:
    return list(emitted.lines())


class _Backlog:
    """Takes whatever it is told."""

    def hide(self, receipts: Sequence[tuple[str, int]]) -> int:
        return len(receipts)

    def bury(self, body: str, *, reason: str, message_id: str, receive_count: int) -> None:
        del body, reason, message_id, receive_count


def _written() -> set[str]:
    """Run one of each, refused, failed and buried, and read the lines' members."""
    out = io.StringIO()
    with redirect_stdout(out):
        for error in (
            StoreUnavailableError("down"),
            SignatureRefusedError("no"),
        ):
            serve(http_event("POST", "/v1/events"), _raising(error), sandbox=Sandbox("1"))
        for trouble in (BadMessageError("unreadable"), StoreUnavailableError("down")):
            batch = QueueBatch(
                task="accept", work=_failing(trouble), batch_seconds=9, sandbox=Sandbox("1")
            )
            batch({"Records": [_RECORD]}, _Backlog())
        with suppress(TaskFailedError):
            log_task("sweep", _breaking, version="1")
    return {name for line in out.getvalue().splitlines() for name in json.loads(line)}


_RECORD = {
    "messageId": "m-1",
    "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:accept",
    "receiptHandle": "h-1",
    "attributes": {"ApproximateReceiveCount": "1"},
    "body": "{}",
}


def _raising(error: Exception) -> Callable[[HttpRequest, RequestLog], LambdaResponse]:
    def handle(_request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        raise error

    return handle


def _failing(error: Exception) -> Callable[[Record, RequestLog], int | None]:
    def work(_record: Record, _log: RequestLog) -> int | None:
        raise error

    return work


def _breaking() -> Mapping[str, object]:
    raise ValueError


def _noted(source: str) -> Iterator[str]:
    """Find what is put into ``log.fields``: one by one, or as a dict that is written out."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        named = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript) and _is_fields(node.value):
                yield from _texts([node.slice])
            elif isinstance(node, ast.AugAssign) and _is_fields(node.target):
                yield from _keys(node.value, named)
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "update"
                and _is_fields(node.func.value)
            ):
                for argument in node.args:
                    yield from _keys(argument, named)


def _is_fields(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "fields"


def _keys(node: ast.expr, named: dict[str, ast.Dict]) -> Iterator[str]:
    written = named.get(node.id) if isinstance(node, ast.Name) else node
    if isinstance(written, ast.Dict):
        yield from _texts(written.keys)


def _texts(nodes: Sequence[ast.expr | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
