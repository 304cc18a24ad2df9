"""Sweep as it runs: the database is real, and what it queues goes to a stand-in."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from ops.evidence import percentile
from tests.integration.deliveries import DeliveryStand
from tests.integration.events import NOW, event, stored_at
from tests.integration.polling import pause, until
from tests.integration.testdatabase import migrate
from tillgate.adapters.postgres.due_deliveries import (
    REDRIVE_DELAY_SECONDS,
    PostgresDueDeliveries,
    PostgresRedrives,
)
from tillgate.bootstrap.sweep import sweep
from tillgate.domain.errors import QueueUnavailableError, StoreUnavailableError, UpstreamError
from tillgate.services.queue_due import CLAIMED_AT_ONCE, REDRIVEN_AT_ONCE, Feed, QueueDue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from tests.integration.fake_secrets_manager import FakeSecretsManager
    from tests.integration.testdatabase import TestDatabase
    from tillgate.bootstrap.wired import WiredFunction
    from tillgate.domain.delivery import DueDelivery

P95_SECONDS = 2.0
_TOLD = {
    "STAGE": "test",
    "VERSION": "v",
    "DATABASE_SECRET_ARN": "sweep",
    "KEY_RING_SECRET_ARN": "ring",
    "OBJECTS_BUCKET": "objects",
    "DELIVERY_QUEUE_URL": "delivery",
    "REDRIVE_QUEUE_URL": "redrive",
    "CONNECTION_TIMEOUT_MS": "3000",
    "REQUEST_TIMEOUT_MS": "9000",
}


class NotingQueue:
    """Implements DeliveryQueue: when each came, by the wall clock; each ``fails_nth`` fails."""

    def __init__(self, *, fails_nth: int = 0) -> None:
        self.came: list[tuple[str, float]] = []
        self._fails_nth = fails_nth
        self._calls = 0
        self._lock = threading.Lock()

    def put(self, deliveries: Sequence[DueDelivery]) -> None:
        with self._lock:
            self._calls += 1
            now = time.time()
            self.came += [(one.event_id, now) for one in deliveries]
            if self._fails_nth and self._calls % self._fails_nth == 0:
                raise QueueUnavailableError("took them, and did not say so")


def queue_due(stand: DeliveryStand, queue: NotingQueue, redrives: NotingQueue) -> QueueDue:
    database = stand.connect("sweep")
    return QueueDue(
        deliveries=Feed(
            PostgresDueDeliveries(database), queue, CLAIMED_AT_ONCE, clock=time.monotonic
        ),
        redrives=Feed(PostgresRedrives(database), redrives, REDRIVEN_AT_ONCE, clock=time.monotonic),
        clock=time.monotonic,
        pause=pause,
    )


@pytest.fixture
def stand(own_database: TestDatabase) -> Iterator[DeliveryStand]:
    with DeliveryStand(own_database) as made:
        yield made


@pytest.mark.parametrize("fails_nth", [0, 3])
def test_two_sweeps_at_once_queue_everything_and_once_where_the_queue_is_well(
    stand: DeliveryStand, fails_nth: int
) -> None:
    accepted = [one for _ in range(3) for one in stand.accept(stand.tenant(), 500)]
    dead = stand.dead_letters(stand.tenant(), 300)
    stand.redrive(per_second=200)
    queue, redriven = NotingQueue(fails_nth=fails_nth), NotingQueue()

    def run(_n: int) -> int:
        report = queue_due(stand, queue, redriven).run(until=time.monotonic() + 3.5)
        return report.queued + report.redriven

    with ThreadPoolExecutor(2) as pool:
        counted = sum(pool.map(run, range(2)))

    times = Counter(one for one, _ in queue.came)
    assert times.keys() == set(accepted)
    assert counted == len(accepted) + len(dead)
    assert (max(times.values()) > 1) is bool(fails_nth)
    assert sorted(one for one, _ in redriven.came) == sorted(dead)


def test_a_store_that_is_away_to_the_end_is_an_error_and_the_next_run_takes_it_up(
    stand: DeliveryStand,
) -> None:
    accepted = stand.accept(stand.tenant(), 10)
    queue = NotingQueue()
    run = queue_due(stand, queue, NotingQueue())
    stand.superuser.execute("ALTER ROLE tillgate_sweep NOLOGIN")
    try:
        with pytest.raises(StoreUnavailableError):
            run.run(until=time.monotonic() + 1.5)
    finally:
        stand.superuser.execute("ALTER ROLE tillgate_sweep LOGIN")

    assert run.run(until=0).queued == 10
    assert sorted(one for one, _ in queue.came) == sorted(accepted)


def waits_at(stand: DeliveryStand, *, per_second: int, seconds: int) -> list[float]:
    """Store so many events a second while sweep looks; give how long each was not queued."""
    queue = NotingQueue()
    run = queue_due(stand, queue, NotingQueue())
    tenants = [stand.tenant() for _ in range(5)]
    stored: dict[str, float] = {}
    with ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(run.run, until=time.monotonic() + seconds + 1.5)
        began = time.monotonic()
        for n in range(per_second * seconds):
            pause(max(began + n / per_second - time.monotonic(), 0))
            tenant = tenants[n % len(tenants)]
            [one] = stand.events.accept(tenant, [event(f"k{n}")], received_at=NOW)
            stored[one.event_id] = stored_at(one.event_id).timestamp()
        assert time.monotonic() - began < seconds + 1, "it was no such rate"
        sweeping.result(timeout=30)
    queued = dict(queue.came)
    assert queued.keys() == stored.keys()
    return [queued[one] - at for one, at in stored.items()]


def test_what_is_stored_is_queued_within_two_seconds(stand: DeliveryStand) -> None:
    waits = waits_at(stand, per_second=200, seconds=3)

    p95 = percentile(waits, 0.95)
    assert p95 is not None
    assert p95 <= P95_SECONDS


@pytest.fixture
def function(
    own_database: TestDatabase,
    secrets_manager: FakeSecretsManager,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[WiredFunction[object, Mapping[str, Any]]]:
    """The function as it is deployed, but for a second."""
    secrets_manager.secrets |= {**migrate(own_database).secrets, "ring": json.dumps({"k1": "x"})}
    aws = {
        "AWS_ENDPOINT_URL": secrets_manager.url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up",
    }  # fmt: skip
    for name, value in {**_TOLD, "SWEEP_SECONDS": "1", **aws}.items():
        monkeypatch.setenv(name, value)
    made = sweep()
    yield made
    made.close()


def test_the_function_queues_and_reports_beside_its_upkeep(
    stand: DeliveryStand,
    function: WiredFunction[object, Mapping[str, Any]],
    secrets_manager: FakeSecretsManager,
) -> None:
    tenant = stand.tenant()
    accepted = stand.accept(tenant, 3)
    stand.dead_letters(tenant, 2)
    stand.redrive(per_second=10)

    report = function({})

    assert report == {
        "partition_days_made": 0, "quarantine_discarded": 0, "is_quarantine_swept": True,
        "flushes_folded": 0, "is_folded": True, "shares_dropped": 0, "buckets_discarded": 0,
        "secrets_retired": 0,
        "partitions_dropped": 0, "partitions_busy": 0, "events_retired": 0, "is_retired": True,
        "keys_retired": 0, "redrives_discarded": 0, "audit_years_dropped": 0,
        "events_erased": 0, "quarantine_erased": 0,
        "is_erased": True, "is_registry_written": True, "queued": 3,
        "redriven": 2, "queue_failures": 0, "store_failures": 0,
    }  # fmt: skip
    live, redriven = (json.loads(body) for body in secrets_manager.messages)
    assert live == {
        "schema": 1, "tenant_id": tenant, "event_ids": live["event_ids"],
        "traceparent": live["traceparent"],
    }  # fmt: skip
    assert sorted(live["event_ids"]) == sorted(accepted)
    assert len(redriven["event_ids"]) == 2
    assert secrets_manager.delay_seconds == [0, REDRIVE_DELAY_SECONDS]


def test_an_object_store_that_is_down_keeps_nothing_from_being_queued(
    stand: DeliveryStand,
    function: WiredFunction[object, Mapping[str, Any]],
    secrets_manager: FakeSecretsManager,
) -> None:
    stand.accept(stand.tenant(), 3)
    secrets_manager.is_bucket_down = True

    with pytest.raises(UpstreamError):
        function({})

    assert len(secrets_manager.messages) == 1


def test_what_is_due_is_queued_while_the_upkeep_waits(
    stand: DeliveryStand,
    function: WiredFunction[object, Mapping[str, Any]],
    secrets_manager: FakeSecretsManager,
) -> None:
    accepted = stand.accept(stand.tenant(), 3)
    with ThreadPoolExecutor(1) as pool:
        with stand.database.superuser() as other, other.transaction():
            # The snapshot of the registry has to wait for this.
            other.execute("LOCK TABLE tillgate.api_token")
            running = pool.submit(function, {})
            until(lambda: secrets_manager.messages, what="it is queued")
            assert secrets_manager.objects == {}
        assert running.result(timeout=30)["is_registry_written"] is True

    assert sorted(json.loads(secrets_manager.messages[0])["event_ids"]) == sorted(accepted)


def test_a_queue_that_is_down_keeps_nothing_from_being_kept_up(
    stand: DeliveryStand,
    function: WiredFunction[object, Mapping[str, Any]],
    secrets_manager: FakeSecretsManager,
) -> None:
    stand.accept(stand.tenant(), 3)
    secrets_manager.is_queue_down = True
    with pytest.raises(QueueUnavailableError):
        function({})
    assert secrets_manager.objects

    secrets_manager.is_queue_down = False
    assert function({})["queued"] == 3
