"""HTTP.md's order of checks: 401, 403, 429, 415, 413, key, JSON, schema; the first is answered."""

from __future__ import annotations

import itertools

import pytest

from tests.contract.wired_ingest import (
    MAX_BODY_BYTES,
    ONE,
    TWO,
    WiredIngest,
    event_body,
    headers,
)
from tillgate.domain.tenant import RateLimit

# In the contract's order. What each answers with, and what of the request is spoilt.
ANSWERS = {
    "token": (401, "unauthenticated"),
    "tenant": (403, "tenant-mismatch"),
    "suspended": (403, "tenant-suspended"),
    "rate": (429, "rate-limited"),
    "media": (415, "unsupported-media-type"),
    "size": (413, "payload-too-large"),
    "key": (400, "idempotency-key-invalid"),
    "no key": (400, "idempotency-key-required"),
    "json": (400, "invalid-json"),
    "schema": (422, "invalid-event"),
}
ORDER = list(ANSWERS)
# No request can have both: there is one token, and one key or none.
EXCLUSIVE = [{"token", "suspended"}, {"key", "no key"}, {"json", "schema"}]


def together(faults: set[str]) -> bool:
    return not any(pair <= faults for pair in EXCLUSIVE)


def ingest_with(faults: set[str]) -> WiredIngest:
    """Give an ingest in which the tenant has sent what it may, where that is a fault."""
    if "rate" not in faults:
        return WiredIngest()
    ingest = WiredIngest(limit=RateLimit(1, 1))
    ingest.limits.take(ONE.tenant_id, 1)
    return ingest


def spoilt_headers(faults: set[str], **changes: str | None) -> dict[str, str]:
    if "token" in faults:
        changes["authorization"] = "Bearer nobody"
    if "suspended" in faults:
        changes["authorization"] = "Bearer tg_live_idle"
    if "tenant" in faults:
        changes["x_tenant_id"] = TWO.tenant_id
    if "media" in faults:
        changes["content_type"] = "text/plain"
    if "key" in faults:
        changes["idempotency_key"] = "a b"
    if "no key" in faults:
        changes["idempotency_key"] = None
    return headers(**changes)


def spoilt_body(faults: set[str], good: bytes) -> bytes:
    body = b"{" if "json" in faults else b"{}" if "schema" in faults else good
    return body.ljust(MAX_BODY_BYTES + 1) if "size" in faults else body


@pytest.mark.parametrize("fault", ORDER)
def test_each_fault_alone_has_its_answer(fault: str) -> None:
    answer = ingest_with({fault}).post(spoilt_body({fault}, event_body()), spoilt_headers({fault}))

    assert answer.problem == ANSWERS[fault]


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in itertools.combinations(ORDER, 2) if together(set(pair))],
)
def test_of_two_faults_the_first_in_the_contract_s_order_is_answered(
    first: str, second: str
) -> None:
    faults = {first, second}

    answer = ingest_with(faults).post(spoilt_body(faults, event_body()), spoilt_headers(faults))

    assert answer.problem == ANSWERS[first]


@pytest.mark.parametrize("first", ORDER)
def test_all_that_can_be_wrong_after_a_fault_changes_nothing(first: str) -> None:
    faults = {first}
    for later in ORDER[ORDER.index(first) + 1 :]:
        if together(faults | {later}):
            faults.add(later)

    answer = ingest_with(faults).post(spoilt_body(faults, event_body()), spoilt_headers(faults))

    assert answer.problem == ANSWERS[first]


BATCH_ORDER = [fault for fault in ORDER if "key" not in fault]


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in itertools.combinations(BATCH_ORDER, 2) if together(set(pair))],
)
def test_a_batch_is_checked_in_the_same_order(first: str, second: str) -> None:
    faults = {first, second}
    good = b'{"events":[{"idempotency_key":"k","type":"t","data":{}}]}'

    answer = ingest_with(faults).post(
        spoilt_body(faults, good),
        spoilt_headers(faults, idempotency_key=None),
        path="/v1/events/batch",
    )

    assert answer.problem == ANSWERS[first]


@pytest.mark.parametrize("fault", [fault for fault in ORDER if fault != "token"])
def test_every_fault_is_found_before_the_store_is_asked(fault: str) -> None:
    ingest = ingest_with({fault})
    ingest.events.is_down = True

    answer = ingest.post(spoilt_body({fault}, event_body()), spoilt_headers({fault}))

    assert answer.problem == ANSWERS[fault]


@pytest.mark.parametrize("is_queue_down", [False, True])
@pytest.mark.parametrize("fault", ORDER)
def test_every_fault_is_the_sender_s_own_with_the_database_down_and_nothing_is_queued(
    fault: str, *, is_queue_down: bool
) -> None:
    ingest = ingest_with({fault})
    spoilt = spoilt_body({fault}, event_body()), spoilt_headers({fault})
    ingest.post(*spoilt)
    ingest.take_down()
    ingest.queue.is_down = is_queue_down

    assert ingest.post(*spoilt).problem == ANSWERS[fault]
    assert not ingest.queue.messages
