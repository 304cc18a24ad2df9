"""What cannot be accepted as it stands is kept, each with its reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import InMemoryQuarantine
from tests.unit.services.hook_endpoints import (
    APP_ID,
    IDLE,
    NOBODY_ID,
    NOW,
    ONE,
    SOURCE_ID,
    TWO,
    Hooks,
    url,
)
from tests.vendors import (
    shopify_body,
    shopify_headers,
    square_body,
    square_headers,
    standard_headers,
)
from tillgate.domain.errors import QueueUnavailableError, SignatureRefusedError
from tillgate.domain.quarantine import (
    KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY,
    KEPT_PER_ENDPOINT_A_DAY,
    DailyQuota,
    Quarantined,
    Reason,
)


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


def refused(hooks: Hooks, provider: str, body: bytes, endpoint_id: str) -> str:
    with pytest.raises(SignatureRefusedError) as caught:
        hooks.accept(provider, body, {"x-canary": "kept"}, endpoint_id=endpoint_id)
    return str(caught.value)


def test_a_refused_delivery_to_a_known_endpoint_is_kept_whole(hooks: Hooks) -> None:
    hooks.add_source("square")
    body = b"x" * 10_000

    refused(hooks, "square", body, SOURCE_ID)

    item = hooks.set_aside()
    assert item.reason is Reason.SIGNATURE_REFUSED
    assert (item.endpoint_id, item.tenant_id) == (SOURCE_ID, ONE.tenant_id)
    assert (item.content, item.headers) == (body, {"x-canary": "kept"})
    assert (item.rid, item.received_at, item.provider) == ("rid-1", NOW, "square")
    assert item.quota == KEPT_PER_ENDPOINT_A_DAY
    assert item.quota == DailyQuota(deliveries=10_000, sealed_bytes=2**30)


def test_of_an_unknown_endpoint_s_delivery_4_kb_are_kept(hooks: Hooks) -> None:
    refused(hooks, "square", b"x" * 4_097, NOBODY_ID)

    item = hooks.set_aside()
    assert item.reason is Reason.UNKNOWN_ENDPOINT
    assert (item.endpoint_id, item.tenant_id, item.provider) == (None, None, "square")
    assert item.content == b"x" * 4_096
    assert item.quota == KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY
    assert item.quota == DailyQuota(deliveries=1_000, sealed_bytes=2**24)


def test_an_unknown_provider_s_name_is_not_taken_for_one(hooks: Hooks) -> None:
    refused(hooks, "x" * 500, b"{}", SOURCE_ID)

    assert hooks.set_aside().provider == "unknown"


def test_every_refusal_says_the_same(hooks: Hooks) -> None:
    hooks.add_source("square")

    assert (
        refused(hooks, "square", b"{}", SOURCE_ID)
        == refused(hooks, "square", b"{}", NOBODY_ID)
        == refused(hooks, "nobody", b"{}", SOURCE_ID)
        == refused(hooks, "shopify", b"{}", SOURCE_ID)
    )


class FullQuarantine(InMemoryQuarantine):
    """The day's quota is used up."""

    def put(self, item: Quarantined) -> bool:
        return item.quota is None and super().put(item)


def test_beyond_the_day_s_quota_a_refusal_is_still_a_refusal() -> None:
    hooks = Hooks(quarantine=FullQuarantine())
    hooks.add_source("square")

    assert refused(hooks, "square", b"{}", SOURCE_ID)
    assert refused(hooks, "square", b"{}", NOBODY_ID)


def test_a_refusal_to_a_known_endpoint_that_cannot_be_kept_is_not_given(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.quarantine.is_down = hooks.queue.is_down = True

    with pytest.raises(QueueUnavailableError):
        hooks.accept("square", b"{}", {})


def test_a_refusal_to_an_endpoint_that_does_not_exist_is_given_kept_or_not(hooks: Hooks) -> None:
    hooks.quarantine.is_down = hooks.queue.is_down = True

    with pytest.raises(SignatureRefusedError) as caught:
        hooks.accept("square", b"{}", {}, endpoint_id=NOBODY_ID)
    assert caught.value.cause == "unknown-endpoint, not kept"


@pytest.mark.parametrize(
    "endpoint_id",
    [
        "",
        "..",
        "../../v1/events",
        "%2e%2e%2f",
        "' OR '1'='1",
        "1; DROP TABLE tillgate.event",
        SOURCE_ID + "\n",
        SOURCE_ID + "\0",
        " " + SOURCE_ID,
        SOURCE_ID.replace("-", ""),
        "{" + SOURCE_ID + "}",
        "urn:uuid:" + SOURCE_ID,
        SOURCE_ID.replace("a", "\u0430"),
        SOURCE_ID.replace("0", "\u0660"),
        "x" * 10_000,
    ],
)
def test_what_is_no_uuid_is_an_unknown_endpoint_and_not_looked_up(
    hooks: Hooks, endpoint_id: str
) -> None:
    hooks.add_source("square")
    body = square_body()
    headers = square_headers(body, url=url("square", SOURCE_ID))

    with pytest.raises(SignatureRefusedError):
        hooks.accept("square", body, headers, endpoint_id=endpoint_id)
    assert hooks.registry.look_ups == 0
    assert hooks.set_aside().endpoint_id is None


@pytest.mark.parametrize("provider", ["", "Square", "square ", "square/x", "../square", "unknown"])
def test_what_is_no_provider_is_refused_and_not_looked_up(hooks: Hooks, provider: str) -> None:
    hooks.add_source("square")

    refused(hooks, provider, b"{}", SOURCE_ID)
    assert hooks.registry.look_ups == 0


def test_another_merchant_s_event_on_a_source_s_url(hooks: Hooks) -> None:
    hooks.add_source("square", merchant_id="M1")

    tally = hooks.accept_square(square_body(merchant_id="M2"))

    assert (tally.accepted, tally.quarantined) == (0, 1)
    assert hooks.set_aside().reason is Reason.MERCHANT_MISMATCH
    assert hooks.set_aside().tenant_id == ONE.tenant_id
    assert not hooks.stored()


def test_an_unsigned_shop_header_that_points_elsewhere_on_a_source_s_url(hooks: Hooks) -> None:
    hooks.add_source("shopify", merchant_id="one.myshopify.com")
    body = shopify_body()

    tally = hooks.accept("shopify", body, shopify_headers(body, shop="two.myshopify.com"))

    assert tally.quarantined == 1
    assert hooks.set_aside().reason is Reason.MERCHANT_MISMATCH
    assert not hooks.stored()


@pytest.mark.parametrize("merchant_id", ["M9", "", "M1 ", "m1", "M1\0", "x" * 256, "\u202eM1"])
def test_a_merchant_that_no_source_is_bound_for(hooks: Hooks, merchant_id: str) -> None:
    hooks.add_app("square", M1=ONE, M2=TWO)

    tally = hooks.accept_square(square_body(merchant_id=merchant_id), endpoint_id=APP_ID)

    assert (tally.accepted, tally.quarantined, tally.tenant_ids) == (0, 1, set())
    assert hooks.set_aside().reason is Reason.MERCHANT_UNKNOWN
    assert (hooks.set_aside().endpoint_id, hooks.set_aside().tenant_id) == (APP_ID, None)


def test_a_key_that_is_another_event_s(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.accept_square(square_body("sq-1"))
    changed = square_body("sq-1", more="x")

    tally = hooks.accept_square(changed)

    assert (tally.accepted, tally.duplicates, tally.quarantined) == (0, 0, 1)
    assert hooks.set_aside().reason is Reason.KEY_CONFLICT
    assert hooks.set_aside().tenant_id == ONE.tenant_id
    assert hooks.set_aside().content == changed
    assert len(hooks.stored()) == 1


def test_a_suspended_tenant_s_event(hooks: Hooks) -> None:
    hooks.add_source("square", tenant=IDLE)

    tally = hooks.accept_square(square_body())

    assert (tally.quarantined, tally.tenant_ids) == (1, {IDLE.tenant_id})
    assert hooks.set_aside().reason is Reason.TENANT_SUSPENDED
    assert not hooks.stored()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"event_id":"a","event_id":"a"}',
        b'{"event_id":NaN}',
        b"[" * 10_000,
        b"{}",
        b'{"event_id":""}',
        b'{"event_id":"a b"}',
        b'{"event_id":"\xc3\xa9"}',
        b'{"event_id":"' + b"k" * 256 + b'"}',
        b'{"event_id":"k","type":"a\\u0000b"}',
        b'{"event_id":"k","type":"' + b"t" * 129 + b'"}',
        b'{"event_id":"k","data":{"x":"\\ud800"}}',
    ],
)
def test_a_signed_body_that_is_no_event(hooks: Hooks, body: bytes) -> None:
    hooks.add_source("square")

    tally = hooks.accept_square(body)

    assert (tally.accepted, tally.quarantined) == (0, 1)
    assert hooks.set_aside().reason is Reason.UNREADABLE
    assert hooks.set_aside().content == body
    assert hooks.set_aside().quota is None


@pytest.mark.parametrize("field", ["entity_id", "version", "created_at"])
def test_a_convenience_that_does_not_fit_is_left_out(hooks: Hooks, field: str) -> None:
    document = json.loads(square_body("sq-1"))
    document["data"]["id"] = "x\0" if field == "entity_id" else "pay-7"
    document["data"]["object"]["payment"]["version"] = -1 if field == "version" else 4
    document["created_at"] = "soon" if field == "created_at" else "2026-11-23T10:00:00Z"
    hooks.add_source("square")

    assert hooks.accept_square(json.dumps(document).encode()).accepted == 1
    event, _ = hooks.events.events[ONE.tenant_id, "square:sq-1"]
    kept = {"entity_id": event.entity_id, "version": event.entity_version}
    kept["created_at"] = event.occurred_at
    assert [name for name, value in kept.items() if value is None] == [field]


def test_what_cannot_be_kept_is_not_acknowledged(hooks: Hooks) -> None:
    hooks.add_source("square")
    hooks.quarantine.is_down = hooks.queue.is_down = True

    with pytest.raises(QueueUnavailableError):
        hooks.accept_square(b"[]")
    with pytest.raises(QueueUnavailableError):
        hooks.accept_square(square_body(merchant_id="M2"))


def test_an_unreadable_delivery_to_an_app_is_no_tenant_s(hooks: Hooks) -> None:
    hooks.add_app("square", M1=ONE)

    hooks.accept_square(b"[]", endpoint_id=APP_ID)

    assert hooks.set_aside().tenant_id is None


@given(st.text(max_size=300))
def test_any_message_id_is_a_key_or_unreadable(message_id: str) -> None:
    hooks = Hooks()
    hooks.add_source("shopify", merchant_id=None)
    body = shopify_body()

    tally = hooks.accept("shopify", body, shopify_headers(body, webhook_id=message_id))

    assert tally.accepted + tally.quarantined == 1
    assert len(hooks.stored()) == tally.accepted
    assert len(hooks.quarantine.items) == tally.quarantined


def test_a_standard_delivery_without_an_id_is_refused(hooks: Hooks) -> None:
    hooks.add_source("standard", merchant_id=None)
    headers = standard_headers(b"{}", sent_at=NOW, message_id="")

    with pytest.raises(SignatureRefusedError):
        hooks.accept("standard", b"{}", headers)


def test_a_signed_delivery_whose_unsigned_header_names_another_tenants_shop(hooks: Hooks) -> None:
    hooks.add_app("shopify", **{"one.myshopify.com": ONE, "two.myshopify.com": TWO})
    body = shopify_body()

    for shop in ("one.myshopify.com", "two.myshopify.com"):
        headers = shopify_headers(body, webhook_id="captured", shop=shop)
        tally = hooks.accept("shopify", body, headers, endpoint_id=APP_ID)
        assert (tally.accepted, tally.quarantined) == (0, 1)

    assert hooks.stored() == set()
    assert [item.reason for item in hooks.quarantine.items] == [Reason.MERCHANT_UNKNOWN] * 2
