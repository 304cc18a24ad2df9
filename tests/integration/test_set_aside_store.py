"""The quarantine as the operator's role sees it: listed, opened, discarded, and no more."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.integration.quarantine_world import OTHER_KEY, RECEIVED, World
from tillgate.adapters.postgres import set_aside as adapter
from tillgate.adapters.postgres.quarantine import quarantine_seal_context
from tillgate.domain.quarantine import WHOLE, Quarantined, Reason
from tillgate.domain.set_aside import OpenedDelivery, SetAsideFilter

if TYPE_CHECKING:
    from tests.integration.quarantine_world import Connect
    from tests.integration.testdatabase import TestDatabase


@pytest.fixture
def world(database: TestDatabase, connect: Connect) -> World:
    return World(database, connect)


def test_the_operators_role_stores_nothing_but_what_is_in_quarantine(
    world: World, database: TestDatabase
) -> None:
    tenant = world.tenant()
    item = {
        "key": "api:k", "fingerprint": "00" * 32, "type": "t", "data": "{}",
        "received_at": "2026-11-23T10:00:00Z",
    }  # fmt: skip
    with database.as_role("admin") as admin, pytest.raises(psycopg.errors.NoDataFound):
        admin.execute(
            "SELECT tillgate.quarantine_accept(gen_random_uuid(), %s, %s)",
            (tenant, json.dumps([item])),
        )
    assert world.stored(tenant) == []


def test_a_list_goes_from_the_newest_receipt_back_and_a_retry_the_other_way(
    world: World,
) -> None:
    tenant, endpoint = world.tenant(), str(uuid.uuid4())
    for n in range(3):
        world.quarantine.put(
            Quarantined(
                quarantine_id=str(uuid.uuid4()),
                reason=Reason.UNREADABLE,
                provider="square",
                endpoint_id=endpoint,
                tenant_id=tenant,
                received_at=RECEIVED + timedelta(hours=n),
                rid=f"rid-{n}",
                content=b"{}",
                headers={},
                events=n + 1,
            )
        )
    chosen = SetAsideFilter(tenant_id=tenant)

    first = world.set_aside.page(chosen, limit=2, before=None)
    rest = world.set_aside.page(chosen, limit=2, before=first[-1].place)
    onward = world.set_aside.next(chosen, limit=2, after=None)
    end = world.set_aside.next(chosen, limit=2, after=onward[-1])
    [group] = world.set_aside.plan(chosen)

    assert [head.rid for head in (*first, *rest)] == ["rid-2", "rid-1", "rid-0"]
    assert [*onward, *end] == [head.place for head in (*rest, *first[::-1])]
    assert (group.count, group.events, group.endpoint_id) == (3, 6, endpoint)
    assert group.slug is not None
    for narrowed in (
        replace(chosen, endpoint_id=str(uuid.uuid4())), replace(chosen, provider="toast"),
        replace(chosen, reason=Reason.KEY_CONFLICT), replace(chosen, until=RECEIVED),
        replace(chosen, since=RECEIVED + timedelta(hours=3)),
    ):  # fmt: skip
        assert world.set_aside.page(narrowed, limit=9, before=None) == []
        assert world.set_aside.plan(narrowed) == []
        assert world.set_aside.next(narrowed, limit=9, after=None) == []


def test_only_as_many_as_were_confirmed_are_discarded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_DISCARDED", 2)
    tenant = world.tenant()
    source = world.square(tenant, key=OTHER_KEY)
    ids = [world.deliver_square(source, f"sq-{n}")[0] for n in range(5)]
    chosen = SetAsideFilter(tenant_id=tenant, reason=Reason.SIGNATURE_REFUSED)
    discard = world.set_aside.discard

    wrong = [discard(chosen, ids=None, count=count) for count in (1, 4, 6)]
    by_ids = discard(SetAsideFilter(), ids=ids[:1], count=1)
    steps = [discard(chosen, ids=None, count=count) for count in (4, 2)]

    assert wrong == [None, None, None]
    assert by_ids == 1
    assert steps == [2, 2]
    assert world.kept(tenant) == []


def test_what_an_older_version_sealed_still_opens(world: World) -> None:
    quarantine_id = str(uuid.uuid4())
    sealed = world.box.seal(
        json.dumps({"content-type": "text/plain"}).encode() + b"\nbody\nof it",
        context=quarantine_seal_context(quarantine_id),
    )
    with world.database.as_role("ingest") as ingest:
        ingest.execute(
            "SELECT tillgate.quarantine_put(%s, NULL, %s, 'square', 'unreadable', 'rid', now(),"
            " now() + interval '1 day', %s, NULL, NULL)",
            (quarantine_id, str(uuid.uuid4()), sealed),
        )

    found = world.set_aside.open(quarantine_id)

    assert found is not None
    head, opened = found
    assert head.events == 1
    assert opened == OpenedDelivery(
        headers={"content-type": "text/plain"}, content=b"body\nof it",
        part=WHOLE, address=None, is_cut=False,
    )  # fmt: skip
