from __future__ import annotations

import pytest

from tests.fakes import InMemoryAcceptQueue, InMemorySecretStore
from tillgate.domain.errors import StoreUnavailableError
from tillgate.services.health import CheckReadiness


class InMemoryProbe:
    """Implements SchemaProbe; None is a database that gives no answer."""

    def __init__(self, migration: int | None, clock: SteppingClock) -> None:
        self.migration = migration
        self.asked_within: list[float] = []
        self._clock = clock

    def current_migration(self, *, within_seconds: float) -> int:
        self.asked_within.append(within_seconds)
        self._clock.now += 0.0123
        if self.migration is None:
            raise StoreUnavailableError("down")
        return self.migration


class SteppingClock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class CountingSecretStore(InMemorySecretStore):
    reads = 0

    def read(self, secret_id: str) -> str:
        self.reads += 1
        return super().read(secret_id)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def secrets() -> CountingSecretStore:
    return CountingSecretStore({"ring": "{}"})


def check(
    migration: int | None,
    secrets: InMemorySecretStore,
    clock: SteppingClock,
    *,
    queue: InMemoryAcceptQueue | None = None,
) -> CheckReadiness:
    return CheckReadiness(
        probe=InMemoryProbe(migration, clock),
        read_secret=lambda: secrets.read("ring"),
        queue=queue or InMemoryAcceptQueue(),
        expected_migration=4,
        within_seconds=0.8,
        clock=clock,
    )


@pytest.mark.parametrize("migration", [4, 5])
def test_ready_with_this_version_s_schema_or_a_newer_one(
    migration: int, secrets: CountingSecretStore, clock: SteppingClock
) -> None:
    readiness = check(migration, secrets, clock).run()

    assert readiness.is_ready
    assert readiness.current_migration == migration
    assert readiness.database_latency_ms == 12.3


@pytest.mark.parametrize("migration", [0, 3])
def test_not_ready_with_an_older_schema(
    migration: int, secrets: CountingSecretStore, clock: SteppingClock
) -> None:
    readiness = check(migration, secrets, clock).run()

    assert (readiness.database_ok, readiness.migrations_ok) == (True, False)
    assert not readiness.is_ready


def test_not_ready_without_the_database(secrets: CountingSecretStore, clock: SteppingClock) -> None:
    readiness = check(None, secrets, clock).run()

    assert (readiness.database_ok, readiness.migrations_ok) == (False, False)
    assert readiness.current_migration is None
    assert not readiness.is_ready


def test_not_ready_without_the_secrets(clock: SteppingClock) -> None:
    readiness = check(4, InMemorySecretStore(), clock).run()

    assert (readiness.database_ok, readiness.secrets_ok) == (True, False)
    assert not readiness.is_ready


def test_the_database_is_asked_within_its_deadline(
    secrets: CountingSecretStore, clock: SteppingClock
) -> None:
    probe = InMemoryProbe(4, clock)
    CheckReadiness(
        probe=probe,
        read_secret=dict,
        queue=InMemoryAcceptQueue(),
        expected_migration=4,
        within_seconds=0.8,
        clock=clock,
    ).run()

    assert probe.asked_within == [0.8]
    assert secrets.reads == 0


def test_asking_often_reads_the_secret_every_30_seconds_only(
    secrets: CountingSecretStore, clock: SteppingClock
) -> None:
    checking = check(4, secrets, clock)
    for _ in range(10):
        checking.run()
    assert secrets.reads == 1

    clock.now += 30
    checking.run()
    assert secrets.reads == 2


def test_a_secret_that_could_not_be_read_is_tried_for_at_once(
    clock: SteppingClock,
) -> None:
    secrets = CountingSecretStore()
    checking = check(4, secrets, clock)
    assert not checking.run().is_ready

    secrets.secrets["ring"] = "{}"
    assert checking.run().is_ready


def test_without_the_queue_it_is_not_ready(
    secrets: CountingSecretStore, clock: SteppingClock
) -> None:
    queue = InMemoryAcceptQueue()
    queue.is_down = True
    readiness = check(4, secrets, clock, queue=queue).run()

    assert (readiness.database_ok, readiness.queue_ok) == (True, False)
    assert not readiness.is_ready
