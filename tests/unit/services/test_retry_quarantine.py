"""What was set aside is tried again by the same path: stored once, or kept with its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.services.hook_endpoints import (
    APP_ID,
    IDLE,
    NOBODY_ID,
    NOW,
    ONE,
    SOURCE_ID,
    TWO,
    url,
)
from tests.unit.services.quarantine_retries import OTHER_KEY, DownForOne, Retries
from tests.vendors import clover_body, clover_headers, square_body, square_headers, standard_headers
from tillgate.domain.errors import SignatureRefusedError, StoreUnavailableError
from tillgate.domain.quarantine import Reason, only
from tillgate.domain.set_aside import RetryOutcome, SetAsideFilter
from tillgate.domain.tenant import TenantState

if TYPE_CHECKING:
    from tillgate.services.hook_items import Tally

ANY = SetAsideFilter()


@pytest.fixture
def retries() -> Retries:
    return Retries()


def clover(retries: Retries, **merchants: list[str]) -> None:
    """Let Clover deliver updates of these objects, by merchant."""
    updates = {
        merchant: [{"objectId": one, "type": "CREATE", "ts": 1} for one in objects]
        for merchant, objects in merchants.items()
    }
    body = clover_body(**updates)  # type: ignore[arg-type]  # None is called app_id.
    retries.hooks.accept("clover", body, clover_headers(), endpoint_id=APP_ID)


def test_a_mended_secret_lets_a_refused_delivery_in_once(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    refused = retries.refuse_square(square_body("sq-1"))
    assert retries.retry_one(refused).outcome is RetryOutcome.STILL

    retries.hooks.add_source("square")
    first = retries.retry_one(refused)
    second = retries.retry_one(refused)

    assert (first.outcome, first.stored, first.remaining) == (RetryOutcome.STORED, 1, ())
    assert second.outcome is RetryOutcome.GONE
    assert retries.hooks.stored() == {(ONE.tenant_id, "square:sq-1")}
    assert retries.kept.heads == {}


def test_what_was_stored_meanwhile_is_a_duplicate_and_leaves(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    refused = retries.refuse_square(square_body("sq-1"))
    retries.hooks.add_source("square")
    retries.hooks.accept_square(square_body("sq-1"))

    retried = retries.retry_one(refused)

    assert (retried.outcome, retried.stored, retried.duplicates) == (RetryOutcome.STORED, 0, 1)
    assert retries.kept.heads == {}
    assert retries.told == []


def test_an_event_keeps_the_time_of_its_receipt(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    refused = retries.refuse_square(square_body("sq-1"))
    retries.hooks.add_source("square")

    retries.retry_one(refused)

    _, accepted = retries.hooks.events.events[ONE.tenant_id, "square:sq-1"]
    assert accepted.received_at == NOW


@pytest.mark.parametrize(
    ("age", "outcome"),
    [(timedelta(minutes=4), RetryOutcome.STORED), (timedelta(minutes=6), RetryOutcome.STILL)],
)
def test_a_signatures_age_is_that_of_its_receipt(
    retries: Retries, age: timedelta, outcome: RetryOutcome
) -> None:
    retries.hooks.add_source("standard", secrets=["whsec_b3RoZXI="], merchant_id=None)
    body = b'{"type":"order.created","data":{}}'
    headers = standard_headers(body, sent_at=NOW - age)
    with pytest.raises(SignatureRefusedError):
        retries.hooks.accept("standard", body, headers)
    [refused] = retries.take_over()
    retries.hooks.add_source("standard", merchant_id=None)

    assert retries.retry_one(refused).outcome is outcome


def test_a_crash_before_the_end_leaves_it_to_the_next_retry(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    refused = retries.refuse_square(square_body("sq-1"))
    retries.hooks.add_source("square")
    retries.kept.crashes = True
    with pytest.raises(StoreUnavailableError):
        retries.retry_one(refused)
    retries.kept.crashes = False

    assert retries.retry_one(refused).stored == 1
    assert len(retries.told) == 1, "counted once"


def test_a_merchant_that_is_bound_later_gets_its_events(retries: Retries) -> None:
    retries.hooks.add_app("clover", M1=ONE)
    clover(retries, M1=["O:1"], M2=["O:2", "O:3"])
    [unknown] = retries.take_over()
    assert retries.reasons() == [(Reason.MERCHANT_UNKNOWN, None, 2)]
    retries.hooks.add_app_sources(M2=TWO)

    retried = retries.retry_one(unknown)

    assert (retried.stored, retried.duplicates) == (2, 0), "its neighbour's is not met again"
    assert {tenant for tenant, _ in retries.hooks.stored()} == {ONE.tenant_id, TWO.tenant_id}
    [(provider, tally)] = retries.told
    assert (provider, tally.accepted) == ("clover", 2)


@pytest.mark.parametrize("unbound_meanwhile", [False, True])
def test_what_was_one_tenants_goes_to_no_other_that_has_the_merchant_now(
    retries: Retries, *, unbound_meanwhile: bool
) -> None:
    retries.hooks.add_app("clover", M3=IDLE)
    clover(retries, M3=["O:3"])
    [aside] = retries.take_over()
    if unbound_meanwhile:
        del retries.hooks.registry.bound_sources[APP_ID, "M3"]
        retries.retry_one(aside)
        assert retries.reasons() == [(Reason.MERCHANT_UNKNOWN, IDLE.tenant_id, 1)]
    retries.hooks.add_app_sources(M3=TWO)

    retried = retries.retry_one(aside)

    assert retried.outcome is RetryOutcome.STILL
    assert retries.hooks.stored() == set()
    assert retries.reasons() == [(Reason.MERCHANT_MISMATCH, IDLE.tenant_id, 1)]


def test_each_cause_of_a_delivery_is_retried_by_itself(retries: Retries) -> None:
    retries.hooks.add_app("clover", M1=ONE, M3=IDLE)
    clover(retries, M1=["O:1"], M2=["O:2"], M3=["O:3"])
    retries.take_over()
    ids = {head.reason: head.quarantine_id for head in retries.kept.heads.values()}
    retries.hooks.add_app_sources(M2=TWO)

    retried = retries.retry_one(ids[Reason.MERCHANT_UNKNOWN])

    assert (retried.outcome, retried.stored) == (RetryOutcome.STORED, 1)
    assert retries.reasons() == [(Reason.TENANT_SUSPENDED, IDLE.tenant_id, 1)]
    resumed = replace(IDLE, state=TenantState.ACTIVE)
    retries.hooks.add_app_sources(M3=resumed)
    assert retries.retry_one(ids[Reason.TENANT_SUSPENDED]).stored == 1
    assert len(retries.hooks.stored()) == 3


def test_what_was_discarded_stays_so_when_a_neighbour_is_retried(retries: Retries) -> None:
    retries.hooks.add_app("clover", M3=IDLE)
    clover(retries, M2=["O:2"], M3=["O:3"])
    retries.take_over()
    ids = {head.reason: head.quarantine_id for head in retries.kept.heads.values()}
    retries.kept.discard(ANY, ids=[ids[Reason.TENANT_SUSPENDED]], count=1)
    retries.hooks.add_app_sources(M2=TWO, M3=replace(IDLE, state=TenantState.ACTIVE))

    retries.retry_one(ids[Reason.MERCHANT_UNKNOWN])

    assert {tenant for tenant, _ in retries.hooks.stored()} == {TWO.tenant_id}
    assert retries.kept.heads == {}


def test_another_reason_takes_the_place_of_the_first(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY], tenant=IDLE)
    refused = retries.refuse_square(square_body("sq-1"))
    retries.hooks.add_source("square", tenant=IDLE)

    retried = retries.retry_one(refused)

    [remainder] = retried.remaining
    assert retried.outcome is RetryOutcome.STILL
    assert (remainder.quarantine_id, remainder.reason) == (refused, Reason.TENANT_SUSPENDED)
    assert retries.reasons() == [(Reason.TENANT_SUSPENDED, IDLE.tenant_id, 1)]
    assert retries.retry_one(refused).remaining == (remainder,), "and is not doubled"
    assert len(retries.kept.heads) == 1


def test_what_falls_apart_into_several_causes_is_kept_once_for_each(retries: Retries) -> None:
    retries.hooks.add_app("clover", M1=ONE)
    clover(retries, M2=["O:2"], M3=["O:3"], M4=["O:4"])
    [unknown] = retries.take_over()
    retries.hooks.add_app_sources(M2=TWO, M3=IDLE)

    for stored in (1, 0):
        assert retries.retry_one(unknown).stored == stored
        assert retries.reasons() == [
            (Reason.MERCHANT_UNKNOWN, None, 1),
            (Reason.TENANT_SUSPENDED, IDLE.tenant_id, 1),
        ]
    assert unknown in retries.kept.heads


def test_what_was_let_in_by_the_secret_of_its_time_needs_no_other(retries: Retries) -> None:
    retries.hooks.add_app("square", M1=ONE)
    retries.hooks.accept_square(square_body(merchant_id="M2"), endpoint_id=APP_ID)
    [unknown] = retries.take_over()
    key = "square", APP_ID
    endpoint = retries.hooks.registry.endpoints[key]
    sealed = retries.hooks.box.seal(OTHER_KEY.encode(), context=endpoint.seal_context)
    retries.hooks.registry.endpoints[key] = replace(
        endpoint, sealed_secrets=(sealed,), settled_at=NOW + timedelta(days=1)
    )
    retries.hooks.add_app_sources(M2=TWO)

    assert retries.retry_one(unknown).stored == 1


def test_what_was_refused_is_not_let_in_by_a_secret_that_is_newer(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    refused = retries.refuse_square(square_body("sq-1"))
    endpoint = retries.hooks.registry.endpoints["square", SOURCE_ID]
    retries.hooks.registry.endpoints["square", SOURCE_ID] = replace(
        endpoint, settled_at=NOW + timedelta(days=1)
    )

    assert retries.retry_one(refused).outcome is RetryOutcome.STILL


def test_a_cut_sample_cannot_be_tried_and_a_whole_one_can(retries: Retries) -> None:
    for more in ("", "x" * 5_000):
        body = square_body("sq-1", more=more)
        with pytest.raises(SignatureRefusedError):
            retries.hooks.accept("square", body, square_headers(body, url=url("square", SOURCE_ID)))
    whole, cut = retries.take_over()
    retries.hooks.add_source("square")

    assert retries.retry_one(cut).outcome is RetryOutcome.CUT
    assert retries.retry_one(whole).stored == 1
    assert list(retries.kept.heads) == [cut]


def test_an_endpoint_that_still_does_not_exist(retries: Retries) -> None:
    with pytest.raises(SignatureRefusedError):
        retries.hooks.accept("square", b"{}", {}, endpoint_id=NOBODY_ID)
    [sample] = retries.take_over()

    assert retries.retry_one(sample).outcome is RetryOutcome.STILL
    assert retries.reasons() == [(Reason.UNKNOWN_ENDPOINT, None, 1)]


def test_an_item_that_cannot_be_read_yet_leaves_its_neighbours_alone(retries: Retries) -> None:
    retries.hooks.add_app("clover", M1=ONE, M3=IDLE)
    body = json.loads(clover_body(M1=[{"objectId": "O:1", "type": "CREATE", "ts": 1}]))
    body["merchants"]["M1"].append("?")
    body["merchants"]["M3"] = [{"objectId": "O:3", "type": "CREATE", "ts": 1}]
    retries.hooks.accept("clover", json.dumps(body).encode(), clover_headers(), endpoint_id=APP_ID)
    retries.take_over()
    ids = {head.reason: head.quarantine_id for head in retries.kept.heads.values()}

    retried = retries.retry_one(ids[Reason.UNREADABLE])

    assert (retried.stored, retried.duplicates) == (0, 0)
    assert [one.reason for one in retried.remaining] == [Reason.UNREADABLE]
    assert len(retries.kept.heads) == 2


@pytest.mark.parametrize(
    ("mark", "outcome"),
    [
        ("held", RetryOutcome.BUSY),
        ("expired", RetryOutcome.EXPIRED),
        ("damaged", RetryOutcome.UNOPENABLE),
        ("refusing", RetryOutcome.FAILED),
    ],
)
def test_what_cannot_be_tried_is_said_and_kept(
    retries: Retries, mark: str, outcome: RetryOutcome
) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    first = retries.refuse_square(square_body("sq-1"))
    second = retries.refuse_square(square_body("sq-2"))
    retries.hooks.add_source("square")
    getattr(retries.kept, mark).add(first)

    step = retries.retrying.retry([first, second])

    assert [one.outcome for one in step.retried] == [outcome, RetryOutcome.STORED]
    assert list(retries.kept.heads) == [first]


def test_when_the_database_goes_what_was_done_is_told(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    ids = [retries.refuse_square(square_body(f"sq-{n}")) for n in range(2)]
    retries.hooks.add_source("square")
    told = retries.told

    class Falling(list[tuple[str, "Tally"]]):
        def append(self, one: tuple[str, Tally]) -> None:
            told.append(one)
            retries.kept.is_down = True

    retries.told = Falling()
    step = retries.retrying.retry(ids)

    assert [one.outcome for one in step.retried] == [RetryOutcome.STORED, RetryOutcome.UNTRIED]
    with pytest.raises(StoreUnavailableError):
        retries.retrying.retry(ids)


def test_a_call_ends_in_its_time_and_says_where_to_go_on(retries: Retries) -> None:
    retries.hooks.add_source("square", secrets=[OTHER_KEY])
    for n in range(5):
        retries.refuse_square(square_body(f"sq-{n}"))
    retries.seconds_each = 6.0

    steps = []
    after = None
    while True:
        step = retries.retrying.retry_matching(ANY, limit=4, after=after)
        steps.append(len(step.retried))
        if step.next_cursor is None:
            break
        after = next(
            head.place
            for head in retries.kept.heads.values()
            if head.place.cursor() == step.next_cursor
        )

    assert steps == [2, 2, 1], "each is tried once, stored or not"


def test_items_that_a_later_version_names_otherwise_are_not_lost(retries: Retries) -> None:
    retries.hooks.add_app("clover")
    clover(retries, M2=["O:2"])
    [unknown] = retries.take_over()
    retries.kept.opened[unknown] = replace(
        retries.kept.opened[unknown], part=only(["clover:as it was named then"])
    )
    retries.hooks.add_app_sources(M2=TWO)

    assert retries.retry_one(unknown).stored == 1


def test_what_a_second_try_sets_aside_beside_the_first_is_not_lost() -> None:
    retries = Retries()
    registry = DownForOne()
    retries.hooks.registry = retries.kept.registry = registry
    retries.hooks.add_app("clover")
    clover(retries, M2=["O:2"], M3=["O:3"])
    [message] = retries.hooks.queue.messages
    registry.up = True
    retries.hooks.worker().accept(message)
    unknown = retries.take_over()
    retries.hooks.add_app_sources(M2=TWO, M3=TWO)

    retried = retries.retrying.retry(unknown).retried

    assert {one.outcome for one in retried} == {RetryOutcome.STORED}
    assert sum(one.stored for one in retried) == len(retries.hooks.stored()) == 2
    assert retries.kept.heads == {}
