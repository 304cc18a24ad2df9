"""One key, many connections at once: one event, and everyone is told the same."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.dice import seeded
from tests.integration.events import NOW, event
from tests.integration.integrity import faults
from tests.integration.polling import until
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.event import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.domain.event import Accepted, NewEvent
    from tillgate.domain.tenant import TenantId

CONNECTIONS = 64
CROSSING = 8
ROUNDS = [pytest.param(8, id="8rounds"), pytest.param(200, id="200rounds", marks=pytest.mark.proof)]

_WAITING = """
    SELECT count(*) FROM pg_locks
    WHERE relation = 'tillgate.ingest_key'::regclass AND NOT granted
"""


class Crowd:
    """Ingest connections, all open, each with a thread of its own."""

    def __init__(self, database: TestDatabase, stack: ExitStack, size: int) -> None:
        self.size = size
        self._databases = [
            Database(lambda: database.url("ingest"), max_uses=1_000_000) for _ in range(size)
        ]
        for connection in self._databases:
            stack.callback(connection.close)
        self._stores = [PostgresEventStore(one, within_seconds=20) for one in self._databases]
        self._threads = stack.enter_context(ThreadPoolExecutor(size))
        self._barrier = threading.Barrier(size)
        self.pids = self._backends()

    def accept(
        self, tenant: TenantId, batches: Sequence[Sequence[NewEvent]]
    ) -> list[list[Accepted]]:
        """Let each connection send its batch, all released together."""

        def send(store: PostgresEventStore, batch: Sequence[NewEvent]) -> list[Accepted]:
            self._barrier.wait(20)
            return store.accept(tenant, batch, received_at=NOW)

        return list(self._threads.map(send, self._stores, batches))

    def accept_overlapping(
        self, tenant: TenantId, batches: Sequence[Sequence[NewEvent]], *, gate: Connection
    ) -> list[list[Accepted]]:
        """As ``accept``, but held at the table until all are inside, so that all overlap."""
        with ThreadPoolExecutor(1) as runner, gate.transaction():
            gate.execute("LOCK TABLE tillgate.ingest_key IN ACCESS EXCLUSIVE MODE")
            answers = runner.submit(self.accept, tenant, batches)
            until(
                lambda: gate.execute(_WAITING).fetchone() == (self.size,),
                what=f"{self.size} calls wait at the gate",
            )
            gate.execute("COMMIT")
            gate.execute("BEGIN")
            return answers.result(30)

    def is_whole(self) -> bool:
        """Tell that no connection had to be replaced: none failed and was tried again."""
        return self._backends() == self.pids

    def _backends(self) -> list[object]:
        return [
            one.rows("SELECT pg_backend_pid()", within_seconds=20)[0][0] for one in self._databases
        ]


@pytest.fixture(scope="module")
def crowd(database: TestDatabase) -> Iterator[Crowd]:
    with ExitStack() as stack:
        yield Crowd(database, stack, CONNECTIONS)


class Stored(NamedTuple):
    event_id: str
    data: str
    is_pending: bool


def stored(superuser: Connection, tenant: TenantId, key: str) -> list[Stored]:
    return [
        Stored(*row)
        for row in superuser.execute(
            "SELECT e.event_id::text, e.data, d.state IS NOT NULL FROM tillgate.event AS e"
            " LEFT JOIN tillgate.delivery AS d USING (tenant_id, event_id)"
            " WHERE e.tenant_id = %s AND e.idempotency_key = %s",
            (tenant, key),
        )
    ]


def in_each_way(
    crowd: Crowd, tenant: TenantId, superuser: Connection, n: int
) -> Callable[[Sequence[Sequence[NewEvent]]], list[list[Accepted]]]:
    """Every other round all calls are held until they overlap; in the rest they just race."""
    if n % 2:
        return lambda batches: crowd.accept_overlapping(tenant, batches, gate=superuser)
    return lambda batches: crowd.accept(tenant, batches)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_same_event_at_once_is_stored_once_and_known_to_all(
    database: TestDatabase, tenant: TenantId, crowd: Crowd, rounds: int
) -> None:
    with database.superuser() as superuser:
        for n in range(rounds):
            accept = in_each_way(crowd, tenant, superuser, n)
            answers = [answer for [answer] in accept([[event(f"k{n}")]] * CONNECTIONS)]

            outcomes = sorted(answer.outcome for answer in answers)
            assert outcomes == [Outcome.DUPLICATE] * (CONNECTIONS - 1) + [Outcome.NEW]
            [row] = stored(superuser, tenant, f"k{n}")
            assert {answer.event_id for answer in answers} == {row.event_id}
            assert len({answer.received_at for answer in answers}) == 1
            assert row.is_pending
        assert faults(superuser) == []
    assert crowd.is_whole()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_differing_events_at_once_leave_the_one_that_was_told_new(
    database: TestDatabase, tenant: TenantId, crowd: Crowd, rounds: int
) -> None:
    payloads = [f'{{"from":{sender}}}' for sender in range(CONNECTIONS)]
    with database.superuser() as superuser:
        for n in range(rounds):
            accept = in_each_way(crowd, tenant, superuser, n)
            answers = [answer for [answer] in accept([[event(f"k{n}", data)] for data in payloads])]

            outcomes = [answer.outcome for answer in answers]
            assert sorted(outcomes) == [Outcome.CONFLICT] * (CONNECTIONS - 1) + [Outcome.NEW]
            [row] = stored(superuser, tenant, f"k{n}")
            assert row.data == payloads[outcomes.index(Outcome.NEW)]
            assert {answer.event_id for answer in answers} == {row.event_id}
        assert faults(superuser) == []
    assert crowd.is_whole()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rounds", ROUNDS)
def test_batches_that_cross_never_deadlock(
    database: TestDatabase, tenant: TenantId, rounds: int
) -> None:
    dice = seeded(16)
    log = database.server.log_path
    before = log.stat().st_size
    with ExitStack() as stack, database.superuser() as superuser:
        crossing = Crowd(database, stack, CROSSING)
        for n in range(rounds):
            keys = [f"{n}-{i}" for i in range(60)]
            # Two in opposite order, the rest shuffled, each with a key twice.
            orders = [keys, keys[::-1], *(dice.sample(keys, 60) for _ in range(CROSSING - 2))]
            batches = [[event(key) for key in [*order, order[0]]] for order in orders]

            accept = in_each_way(crossing, tenant, superuser, n)
            answers = accept(batches)

            told = [answer for batch in answers for answer in batch]
            assert sum(answer.outcome is Outcome.NEW for answer in told) == len(keys)
            by_key = {
                (sent.key, answer.event_id)
                for batch, replies in zip(batches, answers, strict=True)
                for sent, answer in zip(batch, replies, strict=True)
            }
            assert len(by_key) == len(keys)
        assert faults(superuser) == []
        # A deadlock would hide behind the adapter's second try, on another connection.
        assert crossing.is_whole()
    with log.open("rb") as lines:
        lines.seek(before)
        assert b"deadlock detected" not in lines.read()


def test_first_is_new_then_duplicate_then_conflict(
    database: TestDatabase, tenant: TenantId
) -> None:
    with ExitStack() as stack:
        crowd = Crowd(database, stack, 1)
        [[first]] = crowd.accept(tenant, [[event("k")]])
        [[again]] = crowd.accept(tenant, [[event("k")]])
        [[other]] = crowd.accept(tenant, [[event("k", '{"total":12.1}')]])
    assert [first.outcome, again.outcome, other.outcome] == [
        Outcome.NEW, Outcome.DUPLICATE, Outcome.CONFLICT,
    ]  # fmt: skip
    assert first.event_id == again.event_id == other.event_id
    assert first.received_at == again.received_at == other.received_at == NOW


def test_in_one_batch_the_first_of_a_key_wins(database: TestDatabase, tenant: TenantId) -> None:
    key = uuid.uuid4().hex
    batch = [
        event("other"), event(key, '{"n":1}'), event(key, '{"n":1}'), event(key, '{"n":2}'),
        event("other"),
    ]  # fmt: skip
    with ExitStack() as stack, database.superuser() as superuser:
        [answers] = Crowd(database, stack, 1).accept(tenant, [batch])

        assert [answer.outcome for answer in answers] == [
            Outcome.NEW, Outcome.NEW, Outcome.DUPLICATE, Outcome.CONFLICT, Outcome.DUPLICATE,
        ]  # fmt: skip
        assert len({answer.event_id for answer in answers[1:4]}) == 1
        assert [row.data for row in stored(superuser, tenant, key)] == ['{"n":1}']


def test_a_batch_of_old_and_new_keys_answers_each_in_its_place(
    database: TestDatabase, tenant: TenantId
) -> None:
    with ExitStack() as stack:
        crowd = Crowd(database, stack, 1)
        [first] = crowd.accept(tenant, [[event("b"), event("d", '{"n":1}')]])
        [second] = crowd.accept(
            tenant, [[event("e"), event("d", '{"n":2}'), event("c"), event("b"), event("a")]]
        )
    assert [answer.outcome for answer in second] == [
        Outcome.NEW, Outcome.CONFLICT, Outcome.NEW, Outcome.DUPLICATE, Outcome.NEW,
    ]  # fmt: skip
    assert second[1].event_id == first[1].event_id
    assert second[3].event_id == first[0].event_id


def test_ids_and_times_follow_the_order_of_a_batch_and_of_calls(
    database: TestDatabase, tenant: TenantId
) -> None:
    dice = seeded(18)
    with ExitStack() as stack:
        crowd = Crowd(database, stack, 1)
        [first] = crowd.accept(tenant, [[event(f"{dice.random()}") for _ in range(500)]])
        [then] = crowd.accept(tenant, [[event(f"{dice.random()}") for _ in range(500)]])
    ids = [answer.event_id for answer in first]
    assert ids == sorted(set(ids))
    with database.superuser() as superuser:
        told = superuser.execute(
            "SELECT event_id::text, stored_at FROM tillgate.event WHERE tenant_id = %s"
            " ORDER BY stored_at",
            (tenant,),
        ).fetchall()
    assert len({stored_at for _, stored_at in told}) == len(told)
    assert [event_id for event_id, _ in told] == [*ids, *(answer.event_id for answer in then)]
    assert first[-1].event_id < then[0].event_id
