from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate, pairwise, takewhile

import pytest

from stacks.constructs.work_queue import MAX_RECEIVES
from tillgate.domain.provider import Hook
from tillgate.domain.queued import (
    LONGEST_UNTRIED_SECONDS,
    MAX_OWN_FAILURES,
    QueuedEvents,
    QueuedHook,
    retry_seconds,
)
from tillgate.domain.tenant import TenantId

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LONGEST = 900
HOUR = 3_600


def receives_within(seconds: int) -> int:
    """Count how often a message is received that is never stored."""
    waits = accumulate(retry_seconds(count) for count in range(1, 10_000))
    return 1 + sum(1 for _ in takewhile(lambda at: at <= seconds, waits))


def test_the_first_retries_are_soon_and_each_is_twice_as_late() -> None:
    assert [retry_seconds(count) for count in range(1, 11)] == [
        5, 10, 20, 40, 80, 160, 320, 640, 900, 900,
    ]  # fmt: skip


def test_waiting_only_grows_and_never_beyond_the_longest() -> None:
    waits = [retry_seconds(count) for count in range(1, 2_000)]

    assert all(one <= next_one for one, next_one in pairwise(waits))
    assert max(waits) == LONGEST


@pytest.mark.parametrize("count", [-1, 0])
def test_a_count_that_cannot_be_waits_as_the_first(count: int) -> None:
    assert retry_seconds(count) == retry_seconds(1)


def test_a_count_of_any_size_is_no_trouble() -> None:
    assert retry_seconds(10**9) == LONGEST


def test_an_outage_of_12_hours_is_fewer_than_60_receives() -> None:
    assert receives_within(12 * HOUR) < 60


def test_an_outage_of_a_week_does_not_lead_to_the_dead_letter_queue() -> None:
    assert receives_within(7 * 24 * HOUR) < MAX_RECEIVES


def test_a_trouble_of_its_own_is_waited_out_for_three_days() -> None:
    tried_for = sum(retry_seconds(count) for count in range(1, MAX_OWN_FAILURES))

    assert 3 * 24 * HOUR < tried_for < 4 * 24 * HOUR
    assert MAX_OWN_FAILURES < MAX_RECEIVES


def test_after_an_outage_of_12_hours_more_than_two_days_are_left_to_mend_a_trouble() -> None:
    used_up = receives_within(12 * HOUR)
    left = sum(retry_seconds(count) for count in range(used_up, MAX_OWN_FAILURES))

    assert left > 2 * 24 * HOUR


def test_what_was_not_tried_is_out_of_sight_for_a_minute_at_most() -> None:
    assert LONGEST_UNTRIED_SECONDS == 60


def events_of(tenant_id: str) -> QueuedEvents:
    return QueuedEvents(
        message_id="m",
        tenant_id=TenantId(tenant_id),
        token_digest=b"",
        received_at=NOW,
        rid="r",
        events=(),
    )


def hook_of(endpoint_id: str, *, is_refused: bool = False) -> QueuedHook:
    hook = Hook(
        hook_id="m",
        provider="square",
        endpoint_id=endpoint_id,
        headers={},
        body=b"",
        received_at=NOW,
        rid="r",
    )
    return QueuedHook(hook=hook, is_refused=is_refused)


def test_a_backlog_is_its_tenant_s_or_its_endpoint_s_and_forgeries_are_one() -> None:
    assert events_of("tenant-1").group == "tenant-1"
    assert hook_of("AAAA-1").group == hook_of("aaaa-1").group == "aaaa-1"
    refused = [hook_of(endpoint_id, is_refused=True).group for endpoint_id in ("a", "b")]
    assert refused == ["refused", "refused"]
