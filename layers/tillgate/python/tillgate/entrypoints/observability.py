"""One canonical JSON line per request, and what it must never hold.

Written with ``json`` alone: Powertools' Logger takes 87 us for a line and up to
200 ms to import, on a path whose whole budget is a fraction of that.
"""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.domain.answered import Answered
from tillgate.domain.errors import SenderError, SignatureRefusedError, TillgateError
from tillgate.domain.timestamps import rfc3339
from tillgate.domain.trace import Trace, trace_of
from tillgate.entrypoints.http import HttpRequest, compact_json, new_id
from tillgate.entrypoints.problems import problem_response, unexpected_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tillgate.entrypoints.emf import RequestMetrics
    from tillgate.entrypoints.http import LambdaEvent, LambdaResponse
    from tillgate.services.metering import Meter

_UNAVAILABLE = 503
# Where an error of this package has its code, and what is one.
_CODES = {"psycopg": "sqlstate", "tillgate": "code"}
_CODE = re.compile(r"[A-Za-z0-9.]{1,80}\Z")
# What Lambda tells of X-Ray, anew for each invocation.
_XRAY = "_X_AMZN_TRACE_ID"


@dataclass(slots=True)
class Sandbox:
    """The process a function runs in; ``sandbox_id`` is made at its first request.

    ``function`` is its name in ``functions/``.
    """

    version: str
    sandbox_id: str = ""
    stage: str = ""
    function: str = ""

    def begin(self) -> bool:
        """Tell whether this is the first request."""
        if self.sandbox_id:
            return False
        self.sandbox_id = uuid.uuid4().hex[:12]
        return True


# Written out, as Answered is.
class RequestLog(Answered):
    """What a handler learns on its way that the canonical line should say.

    Never put a body, a token, a signature or a secret into ``fields``. ``route`` is the path's
    template, where it is not API Gateway that matched it. ``is_operators``: who called is the
    operator, on behalf of the tenant that it names. ``is_local``: nothing outside the process is
    touched for it, not even to store what was counted. What is only declared is set when the
    request is answered, and stands in the line; ``database_ms`` is None where it was not asked.
    """

    __slots__ = (
        "database_ms", "fields", "is_cold", "is_local", "is_operators", "latency_ms",
        "outcome",
    )  # fmt: skip
    is_cold: bool
    latency_ms: float
    database_ms: float | None

    def __init__(self, fields: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.outcome: str | None = None
        self.is_operators = False
        self.is_local = False
        self.fields = {} if fields is None else fields


def serve(
    event: LambdaEvent,
    handle: Callable[[HttpRequest, RequestLog], LambdaResponse],
    *,
    sandbox: Sandbox,
    begin: Callable[[], None] = lambda: None,
    meter: Meter | None = None,
    metrics: RequestMetrics | None = None,
) -> LambdaResponse:
    """Run one HTTP request: every error becomes an answer, and every request one line.

    ``begin`` is called first: the request's time runs from then. ``meter`` counts the request,
    and stores what was counted when that is due. ``metrics`` makes metrics of the line.
    """
    begin()
    if meter is not None:
        meter.recorder.begin()
    started = time.perf_counter()
    cold_start = sandbox.begin()
    request = HttpRequest.from_lambda(event)
    log = RequestLog()
    try:
        answer = handle(request, log)
    except TillgateError as error:
        answer = problem_response(error, rid=request.rid)
        note(log, error)
    except Exception as error:  # noqa: BLE001  The last line of defence: it must answer, and say where.
        answer = unexpected_response(rid=request.rid)
        note(log, error)
    log.at, log.is_cold = request.received_at, cold_start
    log.method, log.status = request.method, answer["statusCode"]
    log.route = log.route or request.route
    log.seconds = time.perf_counter() - started
    if meter is not None:
        _meter(meter, log)
    log.latency_ms = round((time.perf_counter() - started) * 1000, 3)
    log.database_ms = waited_ms(meter)
    if metrics is not None:
        _note(metrics, log)
    line = {
        "at": rfc3339(request.received_at),
        "rid": request.rid,
        "trace_id": request.trace.trace_id,
        "gateway_rid": request.gateway_rid,
        "tenantId": log.tenant_id,
        "version": sandbox.version,
        "stage": sandbox.stage,
        "function": sandbox.function,
        "method": request.method,
        "path": request.path[:256],
        "route": log.route,
        "status": log.status,
        "latency_ms": log.latency_ms,
        "database_ms": log.database_ms,
        "provider": log.provider,
        "outcome": log.outcome,
        "cold_start": cold_start,
        "sandbox": sandbox.sandbox_id,
        **log.fields,
    }
    write_line(line)
    return answer


def _meter(meter: Meter, log: RequestLog) -> None:
    """Have one request counted, and what was counted stored where that is due."""
    log.database_seconds = meter.recorder.database_seconds
    # After a 503 it is likely to be the database that gives no answer.
    may_store = log.status != _UNAVAILABLE and not log.is_local
    try:
        if not meter.answered(log, may_store=may_store):
            log.fields["metrics"] = "kept"
    except Exception as error:  # noqa: BLE001  What is answered is done, counted or not.
        log.fields["metrics"] = type(error).__name__


def _note(metrics: RequestMetrics, log: RequestLog) -> None:
    """Have metrics made of one request, with others."""
    try:
        metrics.note(log)
    except Exception as error:  # noqa: BLE001  What is answered is done, measured or not.
        log.fields["metrics"] = type(error).__name__


def waited_ms(meter: Meter | None) -> float | None:
    """Give the milliseconds for which the database was waited for; None where it was not asked."""
    seconds = meter.recorder.database_seconds if meter is not None else 0.0
    return round(seconds * 1000, 3) if seconds else None


def invocation_trace(traceparent: str | None = None) -> Trace:
    """Give what a message carries, else the invocation's own trace, as X-Ray has it, or a new one.

    For what no HTTP request has begun.
    """
    return trace_of(traceparent, None, xray=os.environ.get(_XRAY), new_id=new_id)


def write_line(line: Mapping[str, Any], *, aws: str = "") -> None:
    """Write one line to Lambda's log, at once: print would make two writes of it.

    ``aws`` is the JSON text of a member ``_aws`` that makes metrics of the line.
    """
    text = compact_json(line)
    if aws:
        text = f'{text[:-1]},"_aws":{aws}}}'
    sys.stdout.write(text + "\n")


def note(log: RequestLog, error: Exception) -> None:
    """Say what failed by type and place: a message may quote what the sender sent."""
    log.outcome = log.outcome or type(error).__name__
    if isinstance(error, SignatureRefusedError):
        log.fields["cause"] = error.cause
    if isinstance(error, SenderError):
        return
    chain: list[str] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 4:  # noqa: PLR2004  The cause of a cause is enough.
        chain.append(_place(current))
        current = current.__cause__ or current.__context__
    log.fields["error"] = chain


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    module = type(error).__module__
    # Codes are words out of a list, Postgres's or AWS's: safe to log. Whatever else has a code may
    # quote in it.
    named = _CODES.get(module.partition(".")[0])
    code = getattr(error, named, None) if named is not None else None
    said = f" {code}" if isinstance(code, str) and _CODE.match(code) else ""
    return f"{module}.{type(error).__qualname__}{said}{where}"


class TaskFailedError(TillgateError):
    """A scheduled or triggered task failed; the line before says where."""


def log_task(
    task: str, work: Callable[[], Mapping[str, Any]], *, version: str, stage: str = ""
) -> Mapping[str, Any]:
    """Run one scheduled or triggered task: one line, and a failure is raised.

    Lambda writes what is raised into the log, so an error that is not of our own wording
    is raised as TaskFailedError, which quotes nothing.
    """
    started = time.perf_counter()
    log = RequestLog()
    try:
        report = work()
    except TillgateError as error:
        note(log, error)
        raise error from None
    except Exception as error:  # noqa: BLE001  Whatever it was, its words stay out of the log.
        note(log, error)
        raise TaskFailedError(f"{task} failed with {type(error).__name__}") from None
    else:
        log.outcome = "done"
        log.fields.update(report)
        return report
    finally:
        line = {
            "at": rfc3339(datetime.now(UTC)),
            "task": task,
            "trace_id": invocation_trace().trace_id,
            "version": version,
            "stage": stage,
            "function": task,
            "latency_ms": round((time.perf_counter() - started) * 1000, 3),
            "outcome": log.outcome,
            **log.fields,
        }
        write_line(line)
