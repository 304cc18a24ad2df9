"""Out of quarantine and into the tenants' events: once, whoever tries and whatever breaks."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.quarantine_world import KEY, OTHER_KEY, RECEIVED, World
from tillgate.adapters.postgres.claimed_delivery import PostgresClaimedDelivery
from tillgate.domain.errors import SealBrokenError, StoreUnavailableError
from tillgate.domain.quarantine import Quarantined, Reason
from tillgate.domain.set_aside import RetryOutcome, SetAsideFilter, Standing

if TYPE_CHECKING:
    from tests.integration.quarantine_world import Connect
    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def world(database: TestDatabase, connect: Connect) -> World:
    return World(database, connect)


def test_a_mended_secret_lets_what_was_refused_in_once(world: World) -> None:
    tenant = world.tenant()
    source = world.square(tenant, key=OTHER_KEY)
    [refused] = world.deliver_square(source)
    [still] = world.retry(refused)
    world.operator.set_source_secret(source.source_id, secret=KEY)

    [first] = world.retry(refused)
    [second] = world.retry(refused)

    assert (still.outcome, [one.quarantine_id for one in still.remaining]) == (
        RetryOutcome.STILL, [refused],
    )  # fmt: skip
    assert (first.outcome, first.stored) == (RetryOutcome.STORED, 1)
    assert second.outcome is RetryOutcome.GONE
    assert world.stored(tenant) == [("sq-1", RECEIVED, source.source_id)]
    assert world.kept(tenant) == []
    assert [(provider, tally.accepted) for provider, tally in world.told] == [("square", 1)]


def test_what_the_vendor_sent_again_meanwhile_is_a_duplicate(world: World) -> None:
    tenant = world.tenant()
    source = world.square(tenant, key=OTHER_KEY)
    [refused] = world.deliver_square(source)
    world.operator.set_source_secret(source.source_id, secret=KEY)
    assert world.deliver_square(source) == []

    [retried] = world.retry(refused)

    assert (retried.outcome, retried.stored, retried.duplicates) == (RetryOutcome.STORED, 0, 1)
    assert len(world.stored(tenant)) == 1
    assert world.kept(tenant) == []


def test_a_crash_before_the_commit_leaves_all_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = world.tenant()
    source = world.square(tenant, key=OTHER_KEY)
    [refused] = world.deliver_square(source)
    world.operator.set_source_secret(source.source_id, secret=KEY)
    settle = PostgresClaimedDelivery.settle

    def settle_and_die(self: PostgresClaimedDelivery, remaining: object) -> None:
        settle(self, remaining)  # type: ignore[arg-type]  # As it was called.
        world.run("SELECT pg_terminate_backend(%s)", self._cursor.connection.info.backend_pid)

    with monkeypatch.context() as dying:
        dying.setattr(PostgresClaimedDelivery, "settle", settle_and_die)
        with pytest.raises(StoreUnavailableError):
            world.retry(refused)
    assert world.stored(tenant) == []
    assert world.kept(tenant) == [("signature-refused", 1)]

    [retried] = world.retry(refused)

    assert (retried.stored, retried.duplicates) == (1, 0)
    assert len(world.stored(tenant)) == 1


def test_two_operators_at_once_do_nothing_twice(world: World) -> None:
    tenant = world.tenant()
    source = world.square(tenant, key=OTHER_KEY)
    ids = [world.deliver_square(source, f"sq-{n}")[0] for n in range(8)]
    world.operator.set_source_secret(source.source_id, secret=KEY)
    operators = [world.retrying(world.another_set_aside()) for _ in range(3)]

    with ThreadPoolExecutor(len(operators)) as threads:
        steps = list(threads.map(lambda operator: operator.retry(ids).retried, operators))

    outcomes = [one.outcome for step in steps for one in step]
    assert set(outcomes) <= {RetryOutcome.STORED, RetryOutcome.BUSY, RetryOutcome.GONE}
    assert sum(one.stored for step in steps for one in step) == len(ids)
    assert sum(one.duplicates for step in steps for one in step) == 0
    assert len(world.stored(tenant)) == len(ids)


def test_what_somebody_tries_now_is_busy_and_waited_for_by_nobody(world: World) -> None:
    source = world.square(world.tenant(), key=OTHER_KEY)
    [refused] = world.deliver_square(source)

    with world.another_set_aside().claim(refused) as claimed:
        assert not isinstance(claimed, Standing)
        [retried] = world.retry(refused)

    assert retried.outcome is RetryOutcome.BUSY


def test_a_merchant_that_is_bound_later_gets_its_events(world: World) -> None:
    one, two = world.tenant(), world.tenant()
    app_id = world.app_with(M1=one)
    [unknown] = world.deliver_clover(app_id, "M1", "M2", "M3")
    assert len(world.stored(one)) == 1
    world.bind(app_id, two, "M2")

    [first] = world.retry(unknown)
    [second] = world.retry(unknown)

    assert (first.outcome, first.stored, first.duplicates) == (RetryOutcome.STILL, 1, 0)
    assert [(r.quarantine_id, r.reason, r.events) for r in first.remaining] == [
        (unknown, Reason.MERCHANT_UNKNOWN, 1)
    ]
    assert (second.stored, second.duplicates) == (0, 0), "what is left is all that is left"
    assert (len(world.stored(one)), len(world.stored(two))) == (1, 1)


def test_a_suspended_tenants_events_are_stored_once_it_is_resumed(world: World) -> None:
    tenant = world.tenant()
    source = world.square(tenant)
    world.operator.suspend_tenant(tenant)
    [suspended] = world.deliver_square(source)
    [still] = world.retry(suspended)
    world.operator.resume_tenant(tenant)

    [retried] = world.retry(suspended)

    assert still.outcome is RetryOutcome.STILL
    assert (retried.outcome, retried.stored) == (RetryOutcome.STORED, 1)


def test_events_of_our_own_api_go_to_their_tenant(world: World) -> None:
    tenant = world.tenant()
    item = {
        "key": "api:k", "fingerprint": "00" * 32, "source_id": None, "type": "order.created",
        "occurred_at": None, "entity_id": "é", "entity_version": "3", "data": '{"n":1.10}',
    }  # fmt: skip
    put = Quarantined(
        quarantine_id=str(uuid.uuid4()), reason=Reason.TOKEN_REVOKED, provider="api",
        endpoint_id=None, tenant_id=tenant, received_at=RECEIVED, rid="rid-1",
        content=json.dumps([item, {**item, "key": "api:l"}]).encode(), headers={}, events=2,
    )  # fmt: skip
    world.quarantine.put(put)
    chosen = SetAsideFilter(tenant_id=tenant)
    assert world.retrying().retry_matching(chosen).retried == (), "whose token was revoked"

    step = world.retrying().retry_matching(replace(chosen, reason=Reason.TOKEN_REVOKED))

    assert [(one.outcome, one.stored) for one in step.retried] == [(RetryOutcome.STORED, 2)]
    assert [key for key, *_ in world.stored(tenant)] == ["k", "l"]


def test_what_does_not_open_is_said_and_kept(world: World) -> None:
    tenant = world.tenant()
    source = world.square(tenant, key=OTHER_KEY)
    [damaged] = world.deliver_square(source, "sq-1")
    [moved] = world.deliver_square(source, "sq-2")
    world.run(
        "UPDATE tillgate.quarantine SET sealed_content = set_byte(sealed_content, 40, 7)"
        " WHERE quarantine_id = %s",
        damaged,
    )
    world.run(
        "UPDATE tillgate.quarantine SET quarantine_id = gen_random_uuid(), rid = 'moved'"
        " WHERE quarantine_id = %s",
        moved,
    )
    world.operator.set_source_secret(source.source_id, secret=KEY)

    step = world.retrying().retry_matching(SetAsideFilter(tenant_id=tenant))

    assert {one.outcome for one in step.retried} == {RetryOutcome.UNOPENABLE}
    assert len(world.kept(tenant)) == 2
    with pytest.raises(SealBrokenError):
        world.set_aside.open(damaged)


def test_what_has_expired_is_not_tried_nor_seen(world: World) -> None:
    tenant = world.tenant()
    [refused] = world.deliver_square(world.square(tenant, key=OTHER_KEY))
    world.run(
        "UPDATE tillgate.quarantine SET expires_at = now() - interval '1 s'"
        " WHERE quarantine_id = %s",
        refused,
    )
    chosen = SetAsideFilter(tenant_id=tenant)

    assert [one.outcome for one in world.retry(refused)] == [RetryOutcome.EXPIRED]
    assert world.set_aside.find(refused) is None
    assert world.set_aside.page(chosen, limit=10, before=None) == []
    assert world.set_aside.plan(chosen) == []
    assert world.set_aside.discard(chosen, ids=[refused], count=1) is None


def test_what_is_split_keeps_its_time_and_its_end(world: World) -> None:
    one, two = world.tenant(), world.tenant()
    app_id = world.app_with()
    [unknown] = world.deliver_clover(app_id, "M1", "M2")
    before = world.set_aside.find(unknown)
    assert before is not None
    for tenant, merchant in ((one, "M1"), (two, "M2")):
        world.bind(app_id, tenant, merchant)
        world.operator.suspend_tenant(tenant)

    [retried] = world.retry(unknown)

    found = [world.set_aside.open(remainder.quarantine_id) for remainder in retried.remaining]
    heads = [pair[0] for pair in found if pair is not None]
    assert {head.tenant_id for head in heads} == {one, two}
    assert {(head.received_at, head.expires_at, head.rid) for head in heads} == {
        (before.received_at, before.expires_at, before.rid)
    }
    assert len({pair[1].content for pair in found if pair is not None}) == 1
