from __future__ import annotations

import pytest

from tests.unit.services.deliveries import (
    NOW,
    TENANT,
    InMemoryDeliveryStore,
    ScriptedPosApi,
    ScriptedUpstream,
    World,
    access,
    event_id,
)
from tillgate.domain.delivery import (
    AttemptOutcome,
    Delivered,
    DestinationKind,
    GaveUp,
    RetryLater,
    SendResult,
    Settled,
)
from tillgate.domain.enrichment import PosObject
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.metrics import DELIVERIES, RETRY_ATTEMPTS, Recorder
from tillgate.services.counted_delivery import (
    CountedDeliveryStore,
    CountedPosApi,
    CountedUpstream,
    retry_reason,
)

ATTEMPT = "44444444-4444-4444-8444-444444444444"


def series(recorder: Recorder) -> dict[str, int]:
    increment = recorder.unflushed()
    return {} if increment is None else increment.series


def settled(number: int, outcome: AttemptOutcome) -> Settled:
    return Settled(event_id=event_id(number), outcome=outcome)


def store_of(world: World) -> tuple[CountedDeliveryStore, InMemoryDeliveryStore, Recorder]:
    recorder = Recorder()
    return CountedDeliveryStore(world.store, recorder, now=world.now), world.store, recorder


def test_deliveries_are_counted_as_they_are_settled() -> None:
    world = World(4)
    store, _, recorder = store_of(world)
    world.pass_time(3)
    store.begin(TENANT, [event_id(n) for n in range(4)], attempt_id=ATTEMPT, at=NOW)

    store.record(
        TENANT,
        attempts=(),
        settled=[
            settled(0, AttemptOutcome.DELIVERED),
            settled(1, AttemptOutcome.DELIVERED),
            settled(2, AttemptOutcome.GAVE_UP),
            settled(3, AttemptOutcome.RETRY_LATER),
        ],
        is_well=True,
    )

    counted = series(recorder)
    lag = {name: number for name, number in counted.items() if name.startswith("delivery_lag")}
    assert lag == {
        "delivery_lag_seconds|supabase|5.0": 2,
        "delivery_lag_seconds|supabase|sum": 6_000_000,
    }
    assert {name: number for name, number in counted.items() if name not in lag} == {
        "deliveries_total|supabase|delivered": 2,
        "deliveries_total|supabase|gave_up": 1,
        "deliveries_total|supabase|retry_later": 1,
    }


def test_what_could_not_be_written_down_is_not_counted() -> None:
    store, inner, recorder = store_of(World(1))
    store.begin(TENANT, [event_id(0)], attempt_id=ATTEMPT, at=NOW)
    inner.is_down_after = 0

    with pytest.raises(StoreUnavailableError):
        store.record(
            TENANT, attempts=(), settled=[settled(0, AttemptOutcome.DELIVERED)], is_well=True
        )

    assert series(recorder) == {}


def test_a_tenant_without_a_destination_has_none() -> None:
    world = World(1)
    world.store.destination = None
    store, _, recorder = store_of(world)
    store.begin(TENANT, [event_id(0)], attempt_id=ATTEMPT, at=NOW)

    store.record(TENANT, attempts=(), settled=[settled(0, AttemptOutcome.GAVE_UP)], is_well=None)

    assert series(recorder) == {"deliveries_total|none|gave_up": 1}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Delivered(201), {"upstream_requests_total|supabase": 1}),
        (GaveUp("http-400", 400), {"upstream_requests_total|supabase": 1}),
        (GaveUp("bad-address"), {}),
        (
            RetryLater("http-503", 503),
            {
                "upstream_requests_total|supabase": 1,
                "retry_attempts_total|supabase|server-error": 1,
            },
        ),
    ],
)
def test_requests_are_counted_and_by_their_reason_those_that_are_made_again(
    result: SendResult, expected: dict[str, int]
) -> None:
    world, recorder = World(1), Recorder()
    inner = ScriptedUpstream(world, answer=lambda _ids: result)
    assert world.store.destination is not None

    given = CountedUpstream(inner, recorder).send(
        world.store.destination, "secret", list(world.store.pending.values())
    )

    assert given is result
    assert inner.requests == [(event_id(0),)]
    assert series(recorder) == expected


def test_a_vendor_s_api_is_a_target_of_its_own() -> None:
    world, recorder = World(1), Recorder()
    world.name({0: "O1"})
    api = CountedPosApi(ScriptedPosApi(world, answer=lambda _one: RetryLater("timeout")), recorder)

    api.fetch(access(), "token", PosObject("M1", "O1"), within_seconds=1)

    named = api.named_in(next(iter(world.store.pending.values())))
    assert named == PosObject("M1", "O1")
    assert series(recorder) == {
        "upstream_requests_total|clover": 1,
        "retry_attempts_total|clover|timeout": 1,
    }


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RetryLater("timeout"), "timeout"),
        (RetryLater("connection-refused"), "connection"),
        (RetryLater("made-up"), "connection"),
        (RetryLater("unexpected-answer", 204), "unexpected-answer"),
        (RetryLater("http-302", 302), "redirect"),
        (RetryLater("http-409", 409), "client-error"),
        (RetryLater("http-429", 429, 30), "rate-limited"),
        (RetryLater("http-500", 500), "server-error"),
        (RetryLater("http-599", 599), "server-error"),
    ],
)
def test_every_reason_is_one_of_a_few(result: RetryLater, reason: str) -> None:
    assert retry_reason(result) == reason
    [_, reasons] = RETRY_ATTEMPTS.labels
    assert reasons.bounded(reason) == reason


def test_every_kind_and_outcome_is_among_the_labels() -> None:
    kinds, outcomes = DELIVERIES.labels

    assert {kind.value for kind in DestinationKind} < (kinds.values or set())
    assert {outcome.value for outcome in AttemptOutcome} == set(outcomes.values or ())
