"""Deliveries that are taken, and to whom they go. What is set aside: test_hooks_quarantine."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.unit.services.hook_endpoints import (
    APP_ID,
    IDLE,
    NOW,
    ONE,
    SOURCE_ID,
    TWO,
    Hooks,
    url,
)
from tests.vendors import (
    SQUARE_KEY,
    shopify_body,
    shopify_headers,
    square_body,
    square_headers,
    standard_body,
    standard_headers,
)
from tillgate.domain.errors import (
    QueueUnavailableError,
    SecretUnavailableError,
    SignatureRefusedError,
    StoreUnavailableError,
)
from tillgate.domain.quarantine import Reason
from tillgate.domain.tenant import endpoint_seal_context
from tillgate.services.cached_registry import CachedRegistry


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


def test_a_signed_delivery_is_stored_under_the_provider_s_key(hooks: Hooks) -> None:
    hooks.add_source("square")

    tally = hooks.accept_square(square_body("sq-1"))

    assert (tally.accepted, tally.duplicates, tally.quarantined) == (1, 0, 0)
    assert tally.tenant_ids == {ONE.tenant_id}
    event, accepted = hooks.events.events[ONE.tenant_id, "square:sq-1"]
    assert (event.source_id, event.type, event.entity_id) == (SOURCE_ID, "payment.updated", "pay-7")
    assert json.loads(event.data) == json.loads(square_body("sq-1"))
    assert accepted.received_at == NOW


def test_each_provider_s_delivery_is_stored(hooks: Hooks) -> None:
    for provider in ("square", "shopify", "standard"):
        hooks.add_source(provider, merchant_id=None)
    standard = standard_body()

    hooks.accept_square(square_body("k"))
    hooks.accept("shopify", shopify_body(), shopify_headers(shopify_body(), webhook_id="k"))
    hooks.accept("standard", standard, standard_headers(standard, sent_at=NOW, message_id="k"))

    assert {key for _, key in hooks.stored()} == {"square:k", "shopify:k", "standard:k"}


def test_a_resend_is_a_duplicate(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.accept_square(square_body("sq-1"))

    tally = hooks.accept_square(square_body("sq-1"))

    assert (tally.accepted, tally.duplicates, tally.quarantined) == (0, 1, 0)
    assert len(hooks.stored()) == 1


def test_a_resend_with_its_keys_in_another_order_is_a_duplicate(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.accept_square(square_body("sq-1"))
    backwards = dict(reversed(list(json.loads(square_body("sq-1")).items())))

    assert hooks.accept_square(json.dumps(backwards, indent=2).encode()).duplicates == 1


def test_an_endpoint_id_may_be_written_in_upper_case(hooks: Hooks) -> None:
    hooks.add_source("square")
    body = square_body()

    tally = hooks.accept(
        "square",
        body,
        square_headers(body, url=url("square", SOURCE_ID)),
        endpoint_id=SOURCE_ID.upper(),
    )

    assert tally.accepted == 1


def test_a_source_without_a_merchant_takes_any(hooks: Hooks) -> None:
    hooks.add_source("square", merchant_id=None)

    assert hooks.accept_square(square_body(merchant_id="M9")).accepted == 1


def test_an_item_without_a_merchant_goes_to_the_source_of_the_url(hooks: Hooks) -> None:
    hooks.add_source("square", merchant_id="M1")

    assert hooks.accept_square(b'{"event_id":"e"}').accepted == 1


def test_an_app_gives_each_merchant_s_event_to_its_tenant(hooks: Hooks) -> None:
    hooks.add_app("square", M1=ONE, M2=TWO)

    first = hooks.accept_square(square_body("a", merchant_id="M1"), endpoint_id=APP_ID)
    second = hooks.accept_square(square_body("b", merchant_id="M2"), endpoint_id=APP_ID)

    assert (first.tenant_ids, second.tenant_ids) == ({ONE.tenant_id}, {TWO.tenant_id})
    assert hooks.stored() == {(ONE.tenant_id, "square:a"), (TWO.tenant_id, "square:b")}
    assert hooks.events.events[TWO.tenant_id, "square:b"][0].source_id == "source-M2"


def test_two_merchants_of_an_app_may_use_one_key(hooks: Hooks) -> None:
    hooks.add_app("square", M1=ONE, M2=TWO)

    for merchant_id in ("M1", "M2"):
        body = square_body("same", merchant_id=merchant_id)
        assert hooks.accept_square(body, endpoint_id=APP_ID).accepted == 1


@pytest.mark.parametrize("secrets", [[SQUARE_KEY, "previous"], ["current", SQUARE_KEY]])
def test_the_current_and_the_previous_secret_are_good(hooks: Hooks, secrets: list[str]) -> None:
    hooks.add_source("square", secrets=secrets)

    assert hooks.accept_square(square_body()).accepted == 1


def test_a_secret_that_is_no_longer_kept_is_refused(hooks: Hooks) -> None:
    hooks.add_source("square", secrets=["current", "previous"])

    with pytest.raises(SignatureRefusedError):
        hooks.accept_square(square_body())


def test_a_secret_that_was_just_replaced_is_good_at_once(hooks: Hooks) -> None:
    now = 1_000.0
    hooks.asked = CachedRegistry(hooks.registry, clock=lambda: now)
    hooks.add_source("square", secrets=["first"])
    with pytest.raises(SignatureRefusedError):
        hooks.accept_square(square_body("before"))
    now += 5
    hooks.add_source("square", secrets=[SQUARE_KEY])

    assert hooks.accept_square(square_body("after")).accepted == 1
    assert hooks.stored() == {(ONE.tenant_id, "square:after")}


def test_what_is_looked_up_anew_is_where_the_delivery_goes(hooks: Hooks) -> None:
    now = 1_000.0
    hooks.asked = CachedRegistry(hooks.registry, clock=lambda: now)
    hooks.add_source("square", secrets=["first"])
    with pytest.raises(SignatureRefusedError):
        hooks.accept_square(square_body("before"))
    hooks.quarantine.items.clear()
    now += 5
    hooks.add_source("square", tenant=IDLE)

    assert hooks.accept_square(square_body("after")).quarantined == 1
    assert hooks.set_aside().reason is Reason.TENANT_SUSPENDED
    assert hooks.set_aside().tenant_id == IDLE.tenant_id


def test_forgeries_cost_a_look_up_in_5_seconds(hooks: Hooks) -> None:
    now = 1_000.0
    hooks.asked = CachedRegistry(hooks.registry, clock=lambda: now)
    hooks.add_source("square")
    for _ in range(20):
        now += 1
        for _ in range(10):
            with pytest.raises(SignatureRefusedError):
                hooks.accept("square", b"{}", {"x-square-hmacsha256-signature": "forged"})

    assert hooks.registry.look_ups == 4
    assert len(hooks.quarantine.items) == 200


def test_a_refusal_that_neither_store_keeps_is_not_given(hooks: Hooks) -> None:
    now = 1_000.0
    hooks.asked = CachedRegistry(hooks.registry, clock=lambda: now)
    hooks.add_source("square")
    hooks.accept_square(square_body())
    now += 5
    hooks.registry.is_down = True

    assert hooks.accept_square(square_body("still-good")).accepted == 1
    hooks.quarantine.is_down = hooks.queue.is_down = True
    with pytest.raises(QueueUnavailableError):
        hooks.accept("square", b"{}", {"x-square-hmacsha256-signature": "of a new secret?"})
    assert not hooks.quarantine.items


def test_a_standard_delivery_that_is_late_is_refused(hooks: Hooks) -> None:
    hooks.add_source("standard", merchant_id=None)
    body = standard_body()
    headers = standard_headers(body, sent_at=NOW - timedelta(seconds=301))

    with pytest.raises(SignatureRefusedError):
        hooks.accept("standard", body, headers)
    assert not hooks.stored()


def test_a_delivery_to_one_endpoint_is_not_good_at_another(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.add_app("square", M1=TWO)
    body = square_body()

    with pytest.raises(SignatureRefusedError):
        hooks.accept(
            "square",
            body,
            square_headers(body, url=url("square", SOURCE_ID)),
            endpoint_id=APP_ID,
        )


def test_a_merchant_in_an_unsigned_header_of_a_forgery_chooses_nothing(hooks: Hooks) -> None:
    hooks.add_app("shopify", **{"two.myshopify.com": TWO})
    body = shopify_body()
    headers = shopify_headers(b"another body", shop="two.myshopify.com")

    with pytest.raises(SignatureRefusedError):
        hooks.accept("shopify", body, headers, endpoint_id=APP_ID)
    assert hooks.set_aside().tenant_id is None


def test_a_suspended_neighbour_does_not_stop_an_app(hooks: Hooks) -> None:
    hooks.add_app("square", M1=ONE, M3=IDLE)
    hooks.accept_square(square_body("a", merchant_id="M3"), endpoint_id=APP_ID)

    assert hooks.accept_square(square_body("b"), endpoint_id=APP_ID).accepted == 1
    assert hooks.set_aside().reason is Reason.TENANT_SUSPENDED


def test_what_cannot_be_stored_is_not_acknowledged(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.events.is_down = hooks.queue.is_down = True

    with pytest.raises(QueueUnavailableError):
        hooks.accept_square(square_body())
    assert not hooks.queue.messages


@pytest.mark.parametrize("endpoint_id", [SOURCE_ID, APP_ID])
def test_a_registry_that_cannot_tell_refuses_nobody(hooks: Hooks, endpoint_id: str) -> None:
    hooks.registry.is_down = True

    with pytest.raises(StoreUnavailableError):
        hooks.accept_square(square_body(), endpoint_id=endpoint_id)


def test_a_secret_sealed_for_another_row_does_not_open(hooks: Hooks) -> None:
    hooks.add_app("square", M1=ONE)
    hooks.add_source("square")
    app, source = hooks.registry.endpoints.values()
    assert app.seal_context == endpoint_seal_context(APP_ID, tenant_id=None)
    stolen = type(app)(
        app.endpoint_id, app.provider, app.notification_url, source.sealed_secrets, None
    )
    hooks.registry.endpoints["square", APP_ID] = stolen

    with pytest.raises(SecretUnavailableError):
        hooks.accept_square(square_body(), endpoint_id=APP_ID)
