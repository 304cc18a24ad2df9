"""The watcher in a sandbox, on a real database; what it finds is scraped."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.crashes import frozen
from tests.integration.sessions import add_sender
from tests.integration.test_metrics_function import samples, scrape, value
from tests.integration.testdatabase import scratch_database
from tests.integration.wiring import Wiring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.sandbox import Sandbox

DEPTHS = {"accept": 3, "accept-dead": 0, "delivery": 7, "redrive": 0, "delivery-dead": 1}
ALWAYS = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@pytest.fixture
def wiring(
    durable_server: EmbeddedPostgres, secrets_manager: FakeSecretsManager, tmp_path: Path
) -> Iterator[Wiring]:
    secrets_manager.depths = dict(DEPTHS)
    with (
        scratch_database(durable_server, f"t{uuid.uuid4().hex}") as database,
        Wiring(database, secrets_manager, tmp_path) as made,
    ):
        yield made


def lines(watch: Sandbox) -> list[dict[str, Any]]:
    """Run it once; give what it wrote."""
    before = len(watch.log.read_text().splitlines())
    watch.invoke({})
    written = watch.log.read_text().splitlines()[before:]
    return [json.loads(line) for line in written if '"task":"watch"' in line]


def test_what_a_run_measures_is_scraped(wiring: Wiring) -> None:
    health = wiring.sandbox("health")
    unknown = samples(scrape(health))
    assert ("database_up", frozenset()) not in unknown
    assert ("gauges_timestamp_seconds", frozenset()) not in unknown

    line = lines(wiring.sandbox("watch"))[0]
    answer = scrape(health)

    assert (line["outcome"], line["database_up"]) == ("done", 1)
    assert line["partitions_days_ahead"] == 14
    assert line["queues"]["delivery"] == 7
    assert value(answer, "database_up") == 1
    assert value(answer, "event_partitions_ahead") == 14
    for queue, depth in (("accept", 3), ("delivery", 7), ("delivery-dead-letters", 1)):
        assert value(answer, "queue_messages", queue=queue) == depth
    assert ("queue_messages", frozenset({("queue", "redrive")})) in samples(answer)
    assert value(answer, "gauges_timestamp_seconds") > 1_700_000_000
    assert ("backup_verified_timestamp_seconds", frozenset()) not in samples(answer)


def test_the_error_budget_of_what_was_asked_is_scraped(wiring: Wiring) -> None:
    health, watch = wiring.sandbox("health"), wiring.sandbox("watch")
    with wiring.database.superuser() as superuser:
        superuser.execute(
            "INSERT INTO tillgate.tenant_activity (tenant_id, width, starts_at, requests,"
            " server_errors, client_errors, events, duplicates, conflicts, rejected, quarantined,"
            " handler_us, database_us, latency)"
            " SELECT '00000000-0000-0000-0000-000000000000', w.width, now() - w.ago, 4000, 1,"
            " 0, 0, 0, 0, 0, 0, 0, 0, '{}' FROM (VALUES ('five_minutes', interval '3 hours'),"
            " ('hour', interval '20 days')) AS w (width, ago)"
        )

    written = {line["window"]: line for line in lines(watch) if "window" in line}
    answer = scrape(health)

    name = "error_budget_left_ratio"
    assert {window: line[name] for window, line in written.items()} == {"24h": 0.75, "30d": 0.75}
    assert {
        labels: left for (family, labels), left in samples(answer).items() if family == name
    } == {
        frozenset({("window", "24h")}): 0.75,
        frozenset({("window", "30d")}): 0.75,
    }


def test_a_lost_grant_costs_the_error_budget_and_nothing_else(wiring: Wiring) -> None:
    watch = wiring.sandbox("watch")
    with wiring.database.superuser() as superuser:
        superuser.execute(
            "REVOKE EXECUTE ON FUNCTION tillgate.platform_activity FROM tillgate_watch"
        )

    line = lines(watch)[0]

    assert (line["database_up"], line["faults"]) == (1, ["budget:refused"])
    assert line["quiet_sources"] == 0


def test_a_frozen_database_is_down_and_the_run_ends_in_time(
    wiring: Wiring, durable_server: EmbeddedPostgres
) -> None:
    watch = wiring.sandbox("watch", watch_seconds=6)
    assert lines(watch)[0]["database_up"] == 1

    with frozen(durable_server):
        before = len(watch.log.read_text().splitlines())
        seconds = watch.invoke({}).seconds
    line = json.loads(watch.log.read_text().splitlines()[before])

    assert (line["outcome"], line["database_up"]) == ("database-down", 0)
    assert line["queues"]["delivery"] == 7
    assert line["faults"] == ["measure:unavailable"]
    assert seconds < 5
    assert lines(watch)[0]["database_up"] == 1


def test_a_database_that_takes_nothing_is_down(wiring: Wiring) -> None:
    watch = wiring.sandbox("watch")
    with wiring.database.superuser() as superuser:
        superuser.execute("REVOKE EXECUTE ON FUNCTION tillgate.gauges_put FROM tillgate_watch")

    line = lines(watch)[0]

    assert (line["database_up"], line["faults"]) == (0, ["put:refused"])


def test_queues_that_give_no_answer_hold_nothing_else_up(wiring: Wiring) -> None:
    wiring.secrets.depths = {}

    line = lines(wiring.sandbox("watch"))[0]

    assert line["database_up"] == 1
    assert line["queues"] == {}
    assert len(line["faults"]) == 5


def test_a_source_that_fell_quiet_is_said_once_and_again_when_it_is_heard(wiring: Wiring) -> None:
    add_sender(wiring.database)
    wiring.secrets.depths["accept"] = 0
    with wiring.database.superuser() as superuser:
        superuser.execute(
            "UPDATE tillgate.tenant SET time_zone = 'Asia/Kolkata', opening_hours = %s,"
            " quiet_after_minutes = 60",
            (json.dumps(ALWAYS),),
        )
        superuser.execute("UPDATE tillgate.tenant SET heeded_since = now() - interval '1 day'")
        superuser.execute(
            "INSERT INTO tillgate.source (tenant_id, provider, name, notification_url,"
            " sealed_secret, created_at) SELECT tenant_id, 'square', 's', 'https://x', 'x',"
            " now() - interval '1 day' FROM tillgate.tenant LIMIT 1"
        )
        watch, health = wiring.sandbox("watch"), wiring.sandbox("health")

        first = lines(watch)
        said = [line for line in first if "source" in line]
        assert [line["outcome"] for line in said] == ["quiet"]
        assert value(scrape(health), "quiet_sources") == 1
        assert first[0]["open_tenants"] == value(scrape(health), "open_tenants") == 1
        assert [line for line in lines(watch) if "source" in line] == []
        superuser.execute(
            "INSERT INTO tillgate.source_activity (source_id, tenant_id, last_event_at)"
            " SELECT source_id, tenant_id, now() FROM tillgate.source"
            " WHERE source_id = %s",
            (said[0]["source"],),
        )
        heard = [line for line in lines(watch) if "source" in line]

    assert [(line["outcome"], line["source"]) for line in heard] == [("heard", said[0]["source"])]
    assert value(scrape(health), "quiet_sources") == 0
