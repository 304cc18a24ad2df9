"""Hooks by way of the accept queue: from a vendor's request to what is kept of it at last."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.unit.services.hook_endpoints import IDLE, NOW, ONE, SOURCE_ID, Hooks
from tests.vendors import SQUARE_KEY, square_body, standard_body, standard_headers
from tillgate.domain.errors import SealBrokenError, SignatureRefusedError, StoreUnavailableError
from tillgate.domain.quarantine import KEPT_PER_ENDPOINT_A_DAY, Reason

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.queued import QueuedHook


from tests.unit.services.queued_hooks import counts, taken

FORGED = {"x-square-hmacsha256-signature": "forged"}
SECOND = timedelta(seconds=1)


@pytest.fixture
def hooks() -> Hooks:
    made = Hooks()
    made.add_source("square")
    return made


def secret_set(hooks: Hooks, at: datetime, *, to: str = "another key") -> None:
    """Replace the source's secret; ``at`` is when."""
    hooks.add_source("square", secrets=[to])
    endpoint = hooks.registry.endpoints["square", SOURCE_ID]
    hooks.registry.endpoints["square", SOURCE_ID] = replace(endpoint, settled_at=at)


def put_square(hooks: Hooks, body: bytes | None = None) -> QueuedHook:
    """Send a delivery while the events cannot be stored; give what was queued."""
    hooks.events.is_down = True
    assert hooks.accept_square(body or square_body("sq-1")).queued == 1
    hooks.bring_up()
    return taken(hooks)


def put_forged(hooks: Hooks, body: bytes = b"{}") -> QueuedHook:
    hooks.quarantine.is_down = True
    with pytest.raises(SignatureRefusedError):
        hooks.accept("square", body, FORGED)
    hooks.bring_up()
    return taken(hooks)


def test_a_queued_delivery_is_stored_once_however_often_it_comes(hooks: Hooks) -> None:
    queued = put_square(hooks)

    assert [counts(hooks, queued) for _ in range(3)] == [(1, 0, 0), (0, 1, 0), (0, 1, 0)]
    assert hooks.stored() == {(ONE.tenant_id, "square:sq-1")}
    assert hooks.events.events[ONE.tenant_id, "square:sq-1"][1].received_at == NOW


def test_a_conflict_that_came_about_meanwhile_is_set_aside_once(hooks: Hooks) -> None:
    queued = put_square(hooks, square_body("sq-1", more=1))
    hooks.accept_square(square_body("sq-1"))

    assert [counts(hooks, queued) for _ in range(3)] == [(0, 0, 1)] * 3
    assert hooks.worker().accept(queued).conflicts == 1
    assert hooks.set_aside().reason is Reason.CONFLICT_AFTER_QUEUED
    assert hooks.set_aside().content == queued.hook.body
    assert hooks.set_aside().quota is None


def test_a_secret_replaced_since_it_came_was_right_then(hooks: Hooks) -> None:
    queued = put_square(hooks)
    secret_set(hooks, NOW + timedelta(microseconds=1))

    assert counts(hooks, queued) == (1, 0, 0)


@pytest.mark.parametrize("at", [NOW, NOW - SECOND])
def test_a_secret_replaced_before_it_came_is_set_aside_without_a_quota(
    hooks: Hooks, at: datetime
) -> None:
    queued = put_square(hooks)
    secret_set(hooks, at)

    assert [counts(hooks, queued) for _ in range(2)] == [(0, 0, 1)] * 2
    assert hooks.worker().accept(queued).conflicts == 0
    item = hooks.set_aside()
    assert (item.reason, item.quota) == (Reason.SIGNATURE_REFUSED, None)
    assert (item.tenant_id, item.content) == (ONE.tenant_id, queued.hook.body)
    assert not hooks.stored()


def test_when_it_is_not_known_since_when_the_secret_is_it_is_not_let_in(hooks: Hooks) -> None:
    queued = put_square(hooks)
    hooks.add_source("square", secrets=["another key"])

    assert counts(hooks, queued) == (0, 0, 1)
    assert not hooks.stored()


def test_a_refused_delivery_whose_secret_is_right_by_now_is_stored(hooks: Hooks) -> None:
    secret_set(hooks, NOW - SECOND)
    hooks.quarantine.is_down = True
    with pytest.raises(SignatureRefusedError):
        hooks.accept_square(square_body("sq-1"))
    queued = taken(hooks)
    assert queued.is_refused
    hooks.bring_up()
    secret_set(hooks, NOW - SECOND, to=SQUARE_KEY)

    assert counts(hooks, queued) == (1, 0, 0)
    assert not hooks.quarantine.items


def test_a_refused_delivery_that_is_wrong_still_is_kept_within_the_quota(hooks: Hooks) -> None:
    queued = put_forged(hooks, b"whole" * 2_000)

    assert [counts(hooks, queued) for _ in range(3)] == [(0, 0, 1)] * 3
    item = hooks.set_aside()
    assert (item.reason, item.quota) == (Reason.SIGNATURE_REFUSED, KEPT_PER_ENDPOINT_A_DAY)
    assert item.content == b"whole" * 2_000


def test_a_forgery_is_not_let_in_because_the_secret_was_replaced_since(hooks: Hooks) -> None:
    queued = put_forged(hooks, square_body("forged"))
    secret_set(hooks, NOW + SECOND)

    assert counts(hooks, queued) == (0, 0, 1)
    assert not hooks.stored()


def test_an_endpoint_that_is_gone_leaves_its_delivery_in_quarantine_whole(hooks: Hooks) -> None:
    queued = put_square(hooks, square_body("sq-1", more="x" * 5_000))
    hooks.registry.endpoints.clear()

    assert [counts(hooks, queued) for _ in range(2)] == [(0, 0, 1)] * 2
    item = hooks.set_aside()
    assert (item.reason, item.quota) == (Reason.UNKNOWN_ENDPOINT, None)
    assert (item.endpoint_id, item.tenant_id) == (None, None)
    assert item.content == queued.hook.body


def test_a_provider_that_is_gone_leaves_its_delivery_in_quarantine(hooks: Hooks) -> None:
    queued = put_square(hooks)
    hooks.providers = {}

    assert counts(hooks, queued) == (0, 0, 1)
    assert (hooks.set_aside().provider, hooks.set_aside().content) == ("unknown", queued.hook.body)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda hooks: hooks.add_source("square", tenant=IDLE), Reason.TENANT_SUSPENDED),
        (lambda hooks: hooks.add_source("square", merchant_id="M2"), Reason.MERCHANT_MISMATCH),
    ],
)
def test_what_changed_meanwhile_counts(hooks: Hooks, change: object, reason: Reason) -> None:
    queued = put_square(hooks)
    assert callable(change)
    change(hooks)

    assert [counts(hooks, queued) for _ in range(2)] == [(0, 0, 1)] * 2
    assert hooks.set_aside().reason is reason
    assert hooks.worker().accept(queued).conflicts == 0


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=12), timedelta(days=13)])
def test_a_standard_delivery_s_age_is_that_on_arrival(age: timedelta) -> None:
    hooks = Hooks()
    hooks.add_source("standard", merchant_id=None)
    body = standard_body()
    sent = standard_headers(body, sent_at=NOW - timedelta(seconds=299))
    hooks.events.is_down = True
    assert hooks.accept("standard", body, sent).queued == 1
    hooks.bring_up()
    queued = taken(hooks)
    # However long it waited, it is the arrival that is judged; and late on arrival is late.
    late = replace(queued, hook=replace(queued.hook, received_at=NOW + 2 * SECOND + age))

    assert counts(hooks, queued) == (1, 0, 0)
    assert counts(hooks, late) == (0, 0, 1)


@pytest.mark.parametrize("what", ["registry", "events"])
def test_a_delivery_that_cannot_be_stored_yet_comes_again(hooks: Hooks, what: str) -> None:
    queued = put_square(hooks)
    getattr(hooks, what).is_down = True

    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            hooks.worker().accept(queued)
    hooks.bring_up()
    assert counts(hooks, queued) == (1, 0, 0)
    assert not hooks.quarantine.items


def test_a_delivery_that_cannot_be_set_aside_yet_comes_again(hooks: Hooks) -> None:
    queued = put_forged(hooks)
    hooks.quarantine.is_down = True

    with pytest.raises(StoreUnavailableError):
        hooks.worker().accept(queued)
    hooks.bring_up()
    assert counts(hooks, queued) == (0, 0, 1)


def test_a_secret_that_does_not_open_any_more_refuses_nobody(hooks: Hooks) -> None:
    queued = put_square(hooks)
    endpoint = hooks.registry.endpoints["square", SOURCE_ID]
    hooks.registry.endpoints["square", SOURCE_ID] = replace(endpoint, sealed_secrets=(b"other",))

    with pytest.raises(SealBrokenError):
        hooks.worker().accept(queued)
    assert not hooks.quarantine.items
