"""What CloudWatch makes of our lines, by its specification and by Powertools' own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from tests.unit.entrypoints.emf_specification import Datum, NotEmfError, read
from tillgate.entrypoints.emf import (
    NAMESPACE,
    OF_EACH_TENANT,
    MessageMetrics,
    RequestMetrics,
    directive,
    is_one_tenant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

TENANT = "11111111-1111-4111-8111-11111111aaaa"
NOW = datetime.now(UTC)
AT_MS = int(NOW.timestamp() * 1000)
STAGE, FUNCTION = ("stage", "prod"), ("function", "ingest")
OF_TENANT = ("tenantId", TENANT)


def request_line(**members: object) -> dict[str, Any]:
    return {
        "rid": "r-1", "tenantId": TENANT, "stage": "prod", "function": "ingest", "status": 201,
        "latency_ms": 4.2, "database_ms": 3.1, "cold_start": False, "provider": None, **members,
    }  # fmt: skip


def of_request(
    *, per_tenant: bool = False, accepted: int | None = 1, of_tenant: bool = True, **members: object
) -> list[Datum]:
    line = request_line(**members)
    metrics = RequestMetrics(per_tenant=per_tenant)
    aws = metrics.add(line, accepted=accepted, of_tenant=of_tenant, at_ms=AT_MS)
    return read(whole(line, aws), now=NOW)


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
    assert datum("cold_starts", 1, dimensions=(STAGE, FUNCTION)) in of_request(cold_start=True)
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
    assert of_request(per_tenant=True, of_tenant=False) == of_request()
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
    made = of_request(per_tenant=True, cold_start=True) + of_message(per_tenant=True)

    assert {(one.name, one.unit) for one in made if OF_TENANT in one.dimensions} == set(
        OF_EACH_TENANT
    )


def test_a_line_of_another_kind_does_not_take_over_what_the_one_before_had() -> None:
    metrics = RequestMetrics(per_tenant=True)
    for accepted, cold, database in ((1, True, 3.1), (None, False, None), (1, True, 3.1)):
        line = request_line(cold_start=cold, database_ms=database)
        aws = metrics.add(line, accepted=accepted, of_tenant=True, at_ms=AT_MS)
        names = {one.name for one in read(whole(line, aws), now=NOW)}
        assert ("cold_starts" in names, "events_accepted" in names) == (cold, accepted is not None)


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
    ours = of_request(
        per_tenant=per_tenant, accepted=accepted, cold_start=cold, database_ms=database_ms
    )

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
    line = request_line()
    aws = RequestMetrics(per_tenant=False).add(line, accepted=1, of_tenant=True, at_ms=AT_MS)
    document = json.loads(whole(line, aws)) | change
    kept = {name: value for name, value in document.items() if value is not ...}

    with pytest.raises(NotEmfError):
        read(json.dumps(kept), now=NOW)


@pytest.mark.parametrize("stamp", [AT_MS // 1000, AT_MS * 1000, float(AT_MS), str(AT_MS)])
def test_the_reader_refuses_a_time_that_is_not_in_milliseconds(stamp: object) -> None:
    line = request_line()
    aws = RequestMetrics(per_tenant=False).add(line, accepted=1, of_tenant=True, at_ms=AT_MS)
    document = json.loads(whole(line, aws))
    document["_aws"]["Timestamp"] = stamp

    with pytest.raises((NotEmfError, OverflowError, ValueError)):
        read(json.dumps(document), now=NOW)
