from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from tests.events import http_event
from tests.fakes import InMemoryMetrics
from tests.log_fields import documented
from tests.unit.entrypoints.emf_specification import read
from tillgate.adapters.aws.errors import AwsError
from tillgate.domain.errors import InvalidJsonError, StoreUnavailableError
from tillgate.domain.metrics import Recorder
from tillgate.entrypoints.emf import RequestMetrics
from tillgate.entrypoints.http import HttpRequest, LambdaResponse, response
from tillgate.entrypoints.observability import (
    RequestLog,
    Sandbox,
    TaskFailedError,
    log_task,
    serve,
)
from tillgate.services.metering import Meter

if TYPE_CHECKING:
    from collections.abc import Callable

    Handle = Callable[[HttpRequest, RequestLog], LambdaResponse]

CANARY = "canary-5b1f"


def run(
    handle: Handle, capsys: pytest.CaptureFixture[str], *, path: str = "/v1/events"
) -> tuple[LambdaResponse, dict[str, Any]]:
    """Serve one request; give the answer and the one line of the log."""
    event = http_event("POST", path, headers={"x-request-id": "r-1"})
    answer = serve(event, handle, sandbox=Sandbox("0.2.0"))
    [line] = capsys.readouterr().out.splitlines()
    return answer, json.loads(line)


def raising(error: Exception) -> Handle:
    def handle(_request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        raise error

    return handle


def test_a_request_is_one_line_with_the_promised_names(capsys: pytest.CaptureFixture[str]) -> None:
    def handle(request: HttpRequest, log: RequestLog) -> LambdaResponse:
        log.tenant_id, log.provider, log.outcome = "t-1", "square", "new"
        log.fields["items"] = 3
        return response(201, "", rid=request.rid)

    _, line = run(handle, capsys)

    assert (line["rid"], line["tenantId"], line["version"]) == ("r-1", "t-1", "0.2.0")
    assert (line["path"], line["method"], line["route"]) == (
        "/v1/events",
        "POST",
        "POST /v1/events",
    )
    assert (line["status"], line["provider"], line["outcome"]) == (201, "square", "new")
    assert line["items"] == 3
    assert line["latency_ms"] >= 0
    assert line["at"].endswith("Z")


def test_only_a_sandbox_s_first_request_is_a_cold_start(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = Sandbox("0.2.0")
    assert sandbox.sandbox_id == ""

    for _ in range(3):
        serve(http_event("GET", "/x"), raising(InvalidJsonError("no")), sandbox=sandbox)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["cold_start"] for line in lines] == [True, False, False]
    assert {line["sandbox"] for line in lines} == {sandbox.sandbox_id}


def test_two_sandboxes_have_two_ids() -> None:
    one, two = Sandbox("v"), Sandbox("v")
    assert one.begin()
    assert two.begin()

    assert one.sandbox_id != two.sandbox_id


def test_the_sender_s_mistake_is_an_answer_and_its_type_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer, line = run(raising(InvalidJsonError(CANARY)), capsys)

    assert answer["statusCode"] == line["status"] == 400
    assert line["outcome"] == "InvalidJsonError"
    assert "error" not in line
    assert CANARY not in json.dumps(line)


def test_a_fault_of_ours_is_logged_by_type_and_place_with_its_causes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def connect() -> None:
        raise OSError(CANARY)

    def handle(_request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        try:
            connect()
        except OSError as error:
            raise StoreUnavailableError(CANARY) from error
        return response(200, "", rid="r")

    answer, line = run(handle, capsys)

    assert answer["statusCode"] == 503
    assert line["outcome"] == "StoreUnavailableError"
    assert [place.split(" at ")[0] for place in line["error"]] == [
        "tillgate.domain.errors.StoreUnavailableError",
        "builtins.OSError",
    ]
    assert all("test_observability.py:" in place for place in line["error"])
    assert CANARY not in json.dumps(line) + answer["body"]


def test_what_nobody_foresaw_is_a_500_that_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer, line = run(raising(ZeroDivisionError(CANARY)), capsys)

    assert answer["statusCode"] == line["status"] == 500
    assert answer["headers"]["X-Request-Id"] == "r-1"
    assert line["outcome"] == "ZeroDivisionError"
    assert CANARY not in json.dumps(line) + answer["body"]


def test_a_chain_of_causes_is_cut_and_a_circle_ends(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one

    _, line = run(raising(one), capsys)

    assert len(line["error"]) == 4


def test_a_long_or_strange_path_is_still_one_short_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, line = run(raising(InvalidJsonError("no")), capsys, path="/\n\ud800" + "x" * 5_000)

    assert len(line["path"]) == 256


def test_a_task_is_one_line_with_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    report = log_task("sweep", lambda: {"made": 3}, version="0.2.0")

    [line] = capsys.readouterr().out.splitlines()
    assert report == {"made": 3}
    assert json.loads(line).items() >= {
        "task": "sweep", "version": "0.2.0", "outcome": "done", "made": 3,
    }.items()  # fmt: skip


def test_a_task_s_line_has_its_stage_and_x_ray_s_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
    log_task("sweep", dict, version="0.2.0", stage="test")

    line = json.loads(capsys.readouterr().out)
    assert (line["stage"], line["function"]) == ("test", "sweep")
    assert line["trace_id"] == "5759e988bd862e3fe1be46a994272793"
    assert line.keys() <= documented("T")


def test_a_request_s_line_says_how_long_the_database_was_waited_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorder = Recorder()
    meter = Meter(recorder, InMemoryMetrics(), clock=lambda: 0.0)
    event, sandbox = http_event("GET", "/x"), Sandbox("0.2.0")

    def waiting(request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        recorder.waited(0.0125)
        return response(200, "", rid=request.rid)

    def idle(request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        return response(200, "", rid=request.rid)

    for handle in (waiting, idle, waiting):
        serve(event, handle, sandbox=sandbox, meter=meter)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["database_ms"] for line in lines] == [12.5, None, 12.5]


def test_no_answer_is_lost_for_a_count_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> float:
        raise RuntimeError(CANARY)

    meter = Meter(Recorder(), InMemoryMetrics(), clock=broken)

    def stored(request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        return response(201, "", rid=request.rid)

    answer = serve(http_event("POST", "/v1/events"), stored, sandbox=Sandbox("0.2.0"), meter=meter)

    assert answer["statusCode"] == 201
    out = capsys.readouterr().out
    assert json.loads(out)["metrics"] == "RuntimeError"
    assert CANARY not in out


def test_no_answer_is_lost_for_metrics_that_fail(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> float:
        raise RuntimeError(CANARY)

    def stored(request: HttpRequest, _log: RequestLog) -> LambdaResponse:
        return response(201, "", rid=request.rid)

    sandbox = Sandbox("0.2.0")
    metrics = RequestMetrics(sandbox, per_tenant=True, clock=broken)

    answer = serve(http_event("POST", "/v1/events"), stored, sandbox=sandbox, metrics=metrics)

    assert answer["statusCode"] == 201
    assert json.loads(capsys.readouterr().out)["metrics"] == "RuntimeError"


def test_what_the_operator_does_is_in_no_tenant_s_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def acting(*, is_operators: bool) -> Handle:
        def handle(request: HttpRequest, log: RequestLog) -> LambdaResponse:
            log.tenant_id, log.is_operators = "t-1", is_operators
            return response(200, "", rid=request.rid)

        return handle

    dimensions = []
    for is_operators in (True, False):
        sandbox = Sandbox("0.2.0", stage="test", function="api")
        metrics = RequestMetrics(sandbox, per_tenant=True)
        handle = acting(is_operators=is_operators)
        serve(http_event("GET", "/x"), handle, sandbox=sandbox, metrics=metrics)
        *told, _ = capsys.readouterr().out.splitlines()
        made = [one for line in told for one in read(line)]
        dimensions.append({name for one in made for name, _ in one.dimensions})

    assert dimensions == [{"stage", "function"}, {"stage", "function", "tenantId"}]


def test_a_code_of_somebody_else_s_may_quote_and_is_not_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class OddError(Exception):
        code = sqlstate = CANARY

    _, line = run(raising(OddError()), capsys)
    assert CANARY not in json.dumps(line)
    _, line = run(raising(AwsError("refused", code=f"{CANARY} said")), capsys)
    assert CANARY not in json.dumps(line)


def test_a_task_that_fails_is_logged_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> dict[str, Any]:
        raise StoreUnavailableError(CANARY)

    with pytest.raises(StoreUnavailableError):
        log_task("sweep", work, version="0.2.0")

    [text] = capsys.readouterr().out.splitlines()
    assert json.loads(text)["outcome"] == "StoreUnavailableError"
    assert CANARY not in text


def test_what_lambda_writes_of_a_failed_task_quotes_nothing() -> None:
    def work() -> dict[str, Any]:
        raise ValueError(f"password={CANARY}")

    with pytest.raises(TaskFailedError) as caught:
        log_task("sweep", work, version="0.2.0")

    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value) == "sweep failed with ValueError"


def test_a_code_that_says_what_was_refused_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    _, line = run(raising(AwsError("refused", code="AccessDeniedException")), capsys)

    assert " AccessDeniedException at " in line["error"][0]
