"""What CloudWatch makes of our lines, by its specification and by Powertools' own words."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from tests.unit.entrypoints.emf_specification import Datum, NotEmfError, read
from tillgate.entrypoints.emf import (
    KEPT_REQUESTS,
    MAX_VALUES,
    NAMESPACE,
    OF_EACH_TENANT,
    WRITE_SECONDS,
    MessageMetrics,
    RequestMetrics,
    directive,
    is_one_tenant,
)
from tillgate.entrypoints.observability import RequestLog, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TENANT = "11111111-1111-4111-8111-11111111aaaa"
NOW = datetime.now(UTC)
AT_MS = int(NOW.timestamp() * 1000)
STAGE, FUNCTION = ("stage", "prod"), ("function", "ingest")
OF_TENANT = ("tenantId", TENANT)


def request(
    *,
    accepted: int | None = 1,
    status: int = 201,
    latency_ms: float = 4.2,
    database_ms: float | None = 3.1,
    cold: bool = False,
    tenant_id: str | None = TENANT,
    at: datetime = NOW,
    is_operators: bool = False,
) -> RequestLog:
    """Give what is known of a request when it is answered; ``accepted`` is None without events."""
    log = RequestLog()
    log.tenant_id, log.is_operators = tenant_id, is_operators
    log.at, log.status, log.is_cold = at, status, cold
    log.latency_ms, log.database_ms = latency_ms, database_ms
    if accepted is not None:
        log.events = {"stored": accepted, "duplicate": 3}
    return log


class Stand:
    """A sandbox's metrics, its clock, and the lines that it has written."""

    def __init__(self, *, per_tenant: bool = False) -> None:
        self.now = 1_000.0
        sandbox = Sandbox("0.2.0", stage="prod", function="ingest")
        self._metrics = RequestMetrics(sandbox, per_tenant=per_tenant, clock=lambda: self.now)

    def note(self, *requests: RequestLog) -> list[str]:
        """Serve these; give the lines that were written meanwhile."""

        def serve_all() -> None:
            for one in requests:
                self._metrics.note(one)

        return self._written(serve_all)

    def write(self) -> list[str]:
        return self._written(self._metrics.write)

    def _written(self, do: Callable[[], None]) -> list[str]:
        out = io.StringIO()
        with redirect_stdout(out):
            do()
        assert out.getvalue()[-1:] in {"", "\n"}
        return out.getvalue().splitlines()


def data(lines: list[str]) -> list[Datum]:
    return sorted(one for line in lines for one in read(line, now=NOW))


def of_requests(*requests: RequestLog, per_tenant: bool = False) -> list[Datum]:
    """Give what CloudWatch makes of requests of one sandbox that came at about the same time."""
    stand = Stand(per_tenant=per_tenant)
    [first, *others] = requests
    lines = stand.note(first)
    assert stand.note(*others) == []
    return data(lines + (stand.write() if others else []))


def of_request(*, per_tenant: bool = False, **learned: Any) -> list[Datum]:  # noqa: ANN401  As above.
    return of_requests(request(**learned), per_tenant=per_tenant)


def whole(line: Mapping[str, Any], aws: str) -> str:
    return json.dumps({**line, "_aws": json.loads(aws)})


def message_line(**members: object) -> dict[str, Any]:
    return {
        "rid": "m-1", "tenantId": TENANT, "stage": "prod", "function": "deliver",
        "target": "supabase", "attempts": 2, "retries": 1, "delivery_lag_ms": [12.5, 900.0],
        **members,
    }  # fmt: skip


def of_message(*, per_tenant: bool = False, **members: object) -> list[Datum]:
    line = message_line(**members)
    return read(whole(line, MessageMetrics(per_tenant=per_tenant).add(line, at_ms=AT_MS)), now=NOW)


def datum(name: str, *values: float, dimensions: tuple[tuple[str, str], ...]) -> Datum:
    unit = "Milliseconds" if name.endswith("_ms") else "Count"
    return Datum(NAMESPACE, name, unit, tuple(sorted(dimensions)), values)


def test_a_request_s_metrics() -> None:
    own = (STAGE, FUNCTION)

    assert of_request() == sorted(
        [
            datum("latency_ms", 4.2, dimensions=own),
            datum("database_ms", 3.1, dimensions=own),
            datum("events_accepted", 1, dimensions=(STAGE,)),
        ]
    )


def test_a_cold_start_is_counted_where_there_is_one() -> None:
    assert datum("cold_starts", 1, dimensions=(STAGE, FUNCTION)) in of_request(cold=True)
    assert "cold_starts" not in {one.name for one in of_request()}


def test_what_did_not_happen_is_no_metric() -> None:
    bare = of_request(accepted=None, database_ms=None)

    assert bare == [datum("latency_ms", 4.2, dimensions=(STAGE, FUNCTION))]


def test_a_request_whose_events_are_all_refused_has_accepted_none() -> None:
    assert datum("events_accepted", 0, dimensions=(STAGE,)) in of_request(accepted=0)


@pytest.mark.parametrize(("status", "errors"), [(201, 0), (422, 0), (500, 1), (503, 1)])
def test_a_tenant_s_metrics_are_beside_the_platform_s(status: int, errors: int) -> None:
    own = (STAGE, OF_TENANT)

    more = set(of_request(per_tenant=True, status=status)) - set(of_request(status=status))

    assert more == {
        datum("latency_ms", 4.2, dimensions=own),
        datum("events_accepted", 1, dimensions=own),
        datum("server_errors", errors, dimensions=own),
        datum("requests", 1, dimensions=own),
    }


def test_a_request_of_nobody_s_or_of_several_has_no_tenant_s_metrics() -> None:
    for nobody_s in ({"tenant_id": None}, {"tenant_id": f"{TENANT},{TENANT}"}):
        assert of_request(per_tenant=True, **nobody_s) == of_request()
    assert of_request(per_tenant=True, is_operators=True) == of_request()
    assert not is_one_tenant(None)
    assert not is_one_tenant(f"{TENANT},{TENANT}")
    assert is_one_tenant(TENANT)


def test_a_message_s_metrics() -> None:
    target = (STAGE, ("target", "supabase"))

    assert of_message() == sorted(
        [
            datum("delivery_lag_ms", 12.5, 900.0, dimensions=(STAGE,)),
            datum("attempts", 2, dimensions=target),
            datum("retries", 1, dimensions=target),
        ]
    )


def test_a_message_s_metrics_of_its_tenant() -> None:
    own = (STAGE, OF_TENANT)

    assert set(of_message(per_tenant=True)) - set(of_message()) == {
        datum("delivery_lag_ms", 12.5, 900.0, dimensions=own),
        datum("attempts", 2, dimensions=own),
        datum("retries", 1, dimensions=own),
    }


@pytest.mark.parametrize("per_tenant", [False, True])
def test_a_message_that_nothing_was_done_with_has_no_metrics(*, per_tenant: bool) -> None:
    line = {"stage": "prod", "tenantId": TENANT, "outcome": "untried"}

    assert MessageMetrics(per_tenant=per_tenant).add(line, at_ms=AT_MS) == ""


def test_a_message_that_could_not_be_delivered_has_no_lag() -> None:
    assert {one.name for one in of_message(delivery_lag_ms=[])} == {"attempts", "retries"}


def test_every_metric_of_a_tenant_is_priced() -> None:
    made = of_request(per_tenant=True, cold=True) + of_message(per_tenant=True)

    assert {(one.name, one.unit) for one in made if OF_TENANT in one.dimensions} == set(
        OF_EACH_TENANT
    )


OWN = (STAGE, FUNCTION)


def test_a_sandbox_s_first_request_is_told_at_once_and_the_next_with_others() -> None:
    stand = Stand()

    assert {one.values for one in data(stand.note(request(latency_ms=1.0)))} >= {(1.0,)}
    stand.now += WRITE_SECONDS - 0.1
    assert stand.note(request(latency_ms=2.0), request(latency_ms=3.0)) == []
    stand.now += 0.1
    told = data(stand.note(request(latency_ms=4.0, cold=True, accepted=None, database_ms=None)))

    assert told == sorted(
        [
            datum("latency_ms", 2.0, 3.0, 4.0, dimensions=OWN),
            datum("database_ms", 3.1, 3.1, dimensions=OWN),
            datum("cold_starts", 1, dimensions=OWN),
            datum("events_accepted", 2, dimensions=(STAGE,)),
        ]
    )
    assert stand.write() == []


def test_what_came_alone_waits_for_nobody() -> None:
    stand = Stand()
    for _ in range(3):
        assert len(stand.note(request())) == 1
        stand.now += WRITE_SECONDS


def test_a_clock_that_was_set_back_makes_nobody_wait() -> None:
    stand = Stand()
    stand.note(request())
    stand.now -= 3_600

    assert len(stand.note(request())) == 1


def test_a_line_holds_no_more_values_than_cloudwatch_takes() -> None:
    stand = Stand()
    stand.note(request())

    lines = stand.note(*[request(latency_ms=float(n)) for n in range(KEPT_REQUESTS)])

    assert datum("latency_ms", *range(KEPT_REQUESTS), dimensions=OWN) in data(lines)
    assert KEPT_REQUESTS <= MAX_VALUES


def test_requests_of_two_minutes_are_told_in_two_lines_each_with_its_time() -> None:
    stand = Stand()
    stand.note(request())
    earlier = NOW - timedelta(minutes=9)
    assert stand.note(request(at=earlier), request(), request(at=earlier)) == []

    lines = [json.loads(line) for line in stand.write()]

    assert [line["_aws"]["Timestamp"] for line in lines] == [
        int(earlier.timestamp() * 1000),
        AT_MS,
    ]
    assert [len(line["latency_ms"]) for line in lines] == [2, 1]


def test_each_tenant_has_a_line_of_what_is_its_own() -> None:
    other = TENANT.replace("a", "b")
    told = of_requests(
        request(latency_ms=0.5),
        request(latency_ms=1.0, accepted=2),
        request(latency_ms=2.0, tenant_id=other, accepted=None, status=500),
        request(latency_ms=3.0, status=503),
        request(latency_ms=4.0, tenant_id=None),
        per_tenant=True,
    )

    def of(tenant_id: str, name: str) -> list[tuple[float, ...]]:
        dimensions = datum(name, dimensions=(STAGE, ("tenantId", tenant_id))).dimensions
        return [one.values for one in told if (one.name, one.dimensions) == (name, dimensions)]

    assert of(TENANT, "latency_ms") == [(0.5,), (1.0, 3.0)]
    assert of(TENANT, "requests") == [(1.0,), (2.0,)]
    assert of(TENANT, "server_errors") == [(0.0,), (1.0,)]
    assert of(TENANT, "events_accepted") == [(1.0,), (3.0,)]
    assert of(other, "latency_ms") == [(2.0,)]
    assert of(other, "server_errors") == [(1.0,)]
    assert of(other, "events_accepted") == []
    assert datum("latency_ms", 1.0, 2.0, 3.0, 4.0, dimensions=OWN) in told


def powertools(capsys: pytest.CaptureFixture[str], data: list[Datum]) -> list[Datum]:
    """Give what CloudWatch makes of Powertools' lines for the same metrics."""
    written: list[Datum] = []
    for dimensions in sorted({one.dimensions for one in data}):
        metrics = EphemeralMetrics(namespace=NAMESPACE)
        for name, value in dimensions:
            metrics.add_dimension(name, value)
        for one in (one for one in data if one.dimensions == dimensions):
            for number in one.values:
                metrics.add_metric(one.name, MetricUnit(one.unit), number)
        capsys.readouterr()
        metrics.flush_metrics()
        written += read(capsys.readouterr().out)
    return sorted(written)


@pytest.mark.parametrize("per_tenant", [False, True])
@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("accepted", [None, 0, 7])
@pytest.mark.parametrize("database_ms", [None, 3.125])
def test_powertools_says_the_same_of_a_request(
    capsys: pytest.CaptureFixture[str],
    *,
    per_tenant: bool,
    cold: bool,
    accepted: int | None,
    database_ms: float | None,
) -> None:
    ours = of_request(per_tenant=per_tenant, accepted=accepted, cold=cold, database_ms=database_ms)

    assert powertools(capsys, ours) == ours


@pytest.mark.parametrize("per_tenant", [False, True])
def test_powertools_says_the_same_of_a_message(
    capsys: pytest.CaptureFixture[str], *, per_tenant: bool
) -> None:
    ours = of_message(per_tenant=per_tenant)

    assert powertools(capsys, ours) == ours


def test_a_directive_has_powertools_form(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EphemeralMetrics(namespace="Tillgate")
    metrics.add_dimension("stage", "prod")
    metrics.add_metric("dead_letters", MetricUnit.Count, 3)
    metrics.flush_metrics()
    theirs = json.loads(capsys.readouterr().out)["_aws"]

    ours = directive("Tillgate", [([["stage"]], [("dead_letters", "Count")])], theirs["Timestamp"])

    assert ours == theirs


BROKEN: dict[str, Any] = {
    "a metric that is no member": {"latency_ms": ...},
    "a dimension that is no member": {"function": ...},
    "a dimension that is null": {"stage": None},
    "a metric that is text": {"latency_ms": "4.2"},
    "a metric that is a truth": {"latency_ms": True},
    "too many values": {"latency_ms": [1.0] * 101},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_the_reader_refuses_what_breaks_the_specification(change: dict[str, Any]) -> None:
    [line] = Stand().note(request())
    document = json.loads(line) | change
    kept = {name: value for name, value in document.items() if value is not ...}

    with pytest.raises(NotEmfError):
        read(json.dumps(kept), now=NOW)


@pytest.mark.parametrize("stamp", [AT_MS // 1000, AT_MS * 1000, float(AT_MS), str(AT_MS)])
def test_the_reader_refuses_a_time_that_is_not_in_milliseconds(stamp: object) -> None:
    [line] = Stand().note(request())
    document = json.loads(line)
    document["_aws"]["Timestamp"] = stamp

    with pytest.raises((NotEmfError, OverflowError, ValueError)):
        read(json.dumps(document), now=NOW)
