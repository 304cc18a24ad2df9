"""Events of our own API that were set aside, tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.services.hook_endpoints import (
    IDLE,
    NOW,
    ONE,
)
from tests.unit.services.quarantine_retries import Retries, of_events
from tillgate.domain.event import NewEvent
from tillgate.domain.quarantine import Reason
from tillgate.domain.set_aside import RetryOutcome
from tillgate.domain.tenant import TenantState


@pytest.fixture
def retries() -> Retries:
    return Retries()


def test_events_of_a_resumed_tenant_are_stored(retries: Retries) -> None:
    item = of_events(IDLE, Reason.TENANT_SUSPENDED, "a", "b")
    retries.kept.put(item)
    retries.kept.tenants[IDLE.tenant_id] = TenantState.SUSPENDED
    assert retries.retry_one(item.quarantine_id).outcome is RetryOutcome.STILL

    retries.kept.tenants[IDLE.tenant_id] = TenantState.ACTIVE
    retried = retries.retry_one(item.quarantine_id)

    assert (retried.outcome, retried.stored) == (RetryOutcome.STORED, 2)
    assert retries.hooks.stored() == {(IDLE.tenant_id, "api:a"), (IDLE.tenant_id, "api:b")}


def test_of_events_those_stay_whose_key_is_anothers(retries: Retries) -> None:
    item = of_events(ONE, Reason.CONFLICT_AFTER_QUEUED, "a", "b")
    other = NewEvent(key="api:a", fingerprint="bb", source_id=None, type="t", data="{}")
    retries.hooks.events.accept(ONE.tenant_id, [other], received_at=NOW)
    retries.kept.put(item)
    retries.kept.tenants[ONE.tenant_id] = TenantState.ACTIVE

    first = retries.retry_one(item.quarantine_id)
    second = retries.retry_one(item.quarantine_id)

    assert (first.stored, [one.events for one in first.remaining]) == (1, [1])
    assert (second.stored, second.duplicates) == (0, 0)
    assert retries.reasons() == [(Reason.CONFLICT_AFTER_QUEUED, ONE.tenant_id, 1)]


def test_events_that_are_none_of_ours_are_kept(retries: Retries) -> None:
    item = replace(of_events(ONE, Reason.TOKEN_REVOKED, "a"), content=b'[{"key": 1}]')
    retries.kept.put(item)

    assert retries.retry_one(item.quarantine_id).outcome is RetryOutcome.FAILED
    assert list(retries.kept.heads) == [item.quarantine_id]
