"""``/metrics`` over real sandboxes: what each counted, whichever of them a scrape meets."""

from __future__ import annotations

import signal
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from tests.events import http_event
from tests.integration.crashes import frozen
from tests.integration.runtime import ROOT, LambdaSandbox
from tests.integration.sessions import TOKEN, add_sender, new_event
from tests.integration.testdatabase import migrate, scratch_database
from tests.integration.wiring import METRICS_TOKEN, Wiring
from tillgate.domain.gauges import GAUGES_AT, MEASURED
from tillgate.domain.metrics import LOOKED_UP, RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox

SANDBOXES = 4
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def wiring(
    durable_server: EmbeddedPostgres, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    with scratch_database(durable_server, f"t{uuid.uuid4().hex}") as database:
        migrate(database)
        add_sender(database)
        with Wiring(database, secrets_manager, tmp_path) as made:
            yield made


def call(ingest: Sandbox, event: dict[str, Any]) -> int:
    """Call a sandbox that is frozen but for that, as Lambda freezes it; give the status."""
    ingest.thaw()
    status = ingest.call(event).status
    ingest.freeze()
    return status


def scrape(health: Sandbox, *, token: str = METRICS_TOKEN, accept: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    answer: dict[str, Any] = health.invoke(http_event("GET", "/metrics", headers=headers)).response
    return answer


def samples(answer: dict[str, Any]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer["body"])
        for sample in family.samples
    }


def value(answer: dict[str, Any], name: str, **labels: str) -> float:
    return samples(answer).get((name, frozenset(labels.items())), 0.0)


def hook(provider: str) -> dict[str, Any]:
    """Make a delivery to an endpoint that nobody has."""
    endpoint_id = str(uuid.uuid4())
    return http_event(
        "POST",
        f"/v1/hooks/{provider}/{endpoint_id}",
        route="POST /v1/hooks/{provider}/{endpoint_id}",
        path_parameters={"provider": provider, "endpoint_id": endpoint_id},
        body=b"{}",
    )


def test_a_vendor_is_counted_under_its_name_and_whoever_is_none_is_not(wiring: Wiring) -> None:
    health, ingest = wiring.sandbox("health"), wiring.sandbox("ingest")
    for provider in ("stripe", "lightspeed", "nobody", "nobody-else"):
        assert ingest.call(hook(provider)).status == 401
    ingest.step_clock(3)
    assert ingest.call(new_event()).status == 201

    answer = scrape(health)

    refused = {
        provider: value(answer, "ingest_events_total", provider=provider, outcome="refused")
        for provider in ("stripe", "lightspeed", "other", "nobody")
    }
    assert refused == {"stripe": 1, "lightspeed": 1, "other": 2, "nobody": 0}


def test_four_sandboxes_counts_equal_the_requests_that_were_sent(wiring: Wiring) -> None:
    health = wiring.sandbox("health")
    sandboxes = [wiring.sandbox("ingest") for _ in range(SANDBOXES)]
    again = new_event()
    sent = {"stored": 0, "duplicate": 0}
    for number, ingest in enumerate(sandboxes):
        for _ in range(5 + number):
            assert call(ingest, new_event()) == 201
            sent["stored"] += 1
        assert call(ingest, again) == (200 if number else 201)
        sent["duplicate" if number else "stored"] += 1
        assert call(ingest, http_event("POST", "/v1/events")) == 401
    for ingest in sandboxes:
        # Further traffic, three seconds on by its clock; it counts itself, too.
        ingest.step_clock(3)
        assert call(ingest, new_event()) == 201
        sent["stored"] += 1

    answer = scrape(health)

    requests = {
        status: value(
            answer, "http_requests_total", method="POST", route="/v1/events", status=status
        )
        for status in ("201", "200", "401")
    }
    assert requests == {"201": sent["stored"], "200": sent["duplicate"], "401": SANDBOXES}
    for outcome in ("stored", "duplicate"):
        counted = value(answer, "ingest_events_total", provider="api", outcome=outcome)
        assert counted == sent[outcome]
    accepted = sent["stored"] + sent["duplicate"]
    assert value(answer, "ingest_latency_seconds_count", provider="api") == accepted
    assert value(answer, "ingest_latency_seconds_bucket", provider="api", le="+Inf") == accepted
    assert value(answer, "db_connections", role="ingest") == SANDBOXES
    with wiring.database.as_role("sweep") as sweep:
        sweep.execute("SELECT tillgate.metrics_fold('0', 1000)")
    folded = samples(scrape(health))
    assert all(
        folded[key] >= number
        for key, number in samples(answer).items()
        if key[0] != "db_connections"
    )
    assert (
        folded[
            "http_requests_total",
            frozenset({"method": "POST", "route": "/v1/events", "status": "201"}.items()),
        ]
        == sent["stored"]
    )


def test_every_family_is_declared_before_anything_was_counted(wiring: Wiring) -> None:
    health = wiring.sandbox("health")
    families = (*RECORDED, *LOOKED_UP, *MEASURED, GAUGES_AT)
    declared = {family.name.removesuffix("_total") for family in families}

    text = scrape(health)
    openmetrics = scrape(health, accept=OPENMETRICS)

    assert text["statusCode"] == openmetrics["statusCode"] == 200
    assert text["headers"]["Content-Type"].startswith("text/plain; version=")
    assert openmetrics["headers"]["Content-Type"].startswith("application/openmetrics-text")
    assert {
        family.name.removesuffix("_total")
        for family in text_string_to_metric_families(text["body"])
    } == declared
    open_families = openmetrics_families(openmetrics["body"])  # type: ignore[no-untyped-call]  # Untyped there.
    assert {family.name for family in open_families} == declared
    assert value(text, "build_info", version="0.0.0-test") == 1


def test_whoever_has_not_the_token_learns_nothing(wiring: Wiring) -> None:
    health = wiring.sandbox("health")

    for token in ("", "wrong", METRICS_TOKEN[:-1], TOKEN):
        answer = scrape(health, token=token)
        assert answer["statusCode"] == 401
        assert answer["headers"]["WWW-Authenticate"] == "Bearer"
        assert "http_requests_total" not in answer["body"]


def test_a_scrape_is_503_while_the_database_is_frozen(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    health = wiring.sandbox("health")
    assert scrape(health)["statusCode"] == 200
    with frozen(durable_server):
        answer = scrape(health)
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"]
    assert scrape(health)["statusCode"] == 200


def test_a_killed_sandbox_loses_what_came_since_its_last_flush_and_no_more(
    wiring: Wiring,
) -> None:
    health, ingest = wiring.sandbox("health"), wiring.sandbox("ingest")
    for _ in range(3):
        assert ingest.call(new_event()).status == 201
    ingest.step_clock(2)
    assert ingest.call(new_event()).status == 201
    ingest.step_clock(2.2)
    for _ in range(2):
        assert ingest.call(new_event()).status == 201
    ingest.kill()

    assert value(scrape(health), "ingest_events_total", provider="api", outcome="stored") == 4


def test_a_sandbox_that_is_told_to_stop_stores_what_it_counted(
    wiring: Wiring, tmp_path: Path
) -> None:
    health = wiring.sandbox("health")
    with LambdaSandbox(
        ROOT / "functions/ingest", wiring.environment("ingest"), log=tmp_path / "stopped.log"
    ) as ingest:
        for _ in range(3):
            assert ingest.call(new_event())["statusCode"] == 201
        ingest.wait_for_request()
        ingest.send(signal.SIGTERM)
        assert ingest.process.wait(20) == 0

    assert value(scrape(health), "ingest_events_total", provider="api", outcome="stored") == 3
