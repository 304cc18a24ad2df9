from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS
from tests.unit.providers.hook_requests import NOW, hook_request
from tests.vendors import STRIPE_SECRET, stripe_body, stripe_headers
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.provider import secret_flaw
from tillgate.providers.stripe import Stripe

SIGNATURE = "stripe-signature"
# Computed by two independent implementations: PROVIDERS.md.
VECTOR_SECRET = "whsec_test_secret"
VECTOR_BODY = b'{"id":"evt_test_1","object":"event","type":"payment_intent.succeeded"}'
VECTOR_MAC = "871acfe933554b446cc41d791076dd56a10c0553cc61aafbeb881d0082b45043"
VECTOR = {SIGNATURE: f"t=1700000000,v1={VECTOR_MAC}"}
VECTOR_AT = datetime.fromtimestamp(1_700_000_000, UTC)


def verifies(body: bytes, signature: str, *, at: datetime = NOW) -> bool:
    return Stripe().verify(hook_request(body, {SIGNATURE: signature}, at=at), STRIPE_SECRET)


def signed(body: bytes, *, seconds: float = 0) -> str:
    return stripe_headers(body, sent_at=NOW + timedelta(seconds=seconds))[SIGNATURE]


def test_the_vector_verifies() -> None:
    assert Stripe().verify(hook_request(VECTOR_BODY, VECTOR, at=VECTOR_AT), VECTOR_SECRET)


@pytest.mark.parametrize("secret", ["test_secret", "whsec_", "", "whsec_test_secre"])
def test_the_secret_is_used_with_its_prefix(secret: str) -> None:
    assert not Stripe().verify(hook_request(VECTOR_BODY, VECTOR, at=VECTOR_AT), secret)


@given(JSON_OBJECTS, st.data())
def test_one_changed_byte_is_refused(more: dict[str, object], data: st.DataObject) -> None:
    body = stripe_body(more=more)
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    assert verifies(body, signed(body))
    assert not verifies(changed, signed(body))


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_the_time_of_sending_may_be_five_minutes_off(seconds: int) -> None:
    assert verifies(b"{}", signed(b"{}", seconds=seconds))


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_an_older_or_later_delivery_is_refused_well_signed_or_not(seconds: int) -> None:
    assert not verifies(b"{}", signed(b"{}", seconds=seconds))


@pytest.mark.parametrize(
    "timestamp",
    ["", "x", "-1", "+1795428000", "1e9", "1795428000.0", "1795428001", "\u0661", "9" * 5_000],
)
def test_another_or_malformed_timestamp_is_refused(timestamp: str) -> None:
    assert not verifies(b"{}", signed(b"{}").replace("1795428000", timestamp))


def test_one_good_signature_among_several_is_enough() -> None:
    good = signed(b"{}")
    t, v1 = good.split(",")

    for several in (
        f"{t},v1=00,{v1}",
        f"{good},v1=00",
        f"{v1},{t}",
        f"{t}, {v1}",
        f"{t},v0=1,{v1}",
    ):
        assert verifies(b"{}", several)


def test_another_scheme_is_refused() -> None:
    t, v1 = signed(b"{}").split(",")
    mac = v1.removeprefix("v1=")

    for other in (f"v0={mac}", f"v2={mac}", f"V1={mac}", mac, f"v1:{mac}", "v1", "v1=", ""):
        assert not verifies(b"{}", f"{t},{other}")


def test_without_a_time_of_sending_it_is_refused() -> None:
    _, v1 = signed(b"{}").split(",")

    assert not verifies(b"{}", v1)


def test_a_delivery_is_one_event() -> None:
    [item] = Stripe().split(hook_request(stripe_body("evt_9"), {}))

    assert (item.key, item.type) == ("evt_9", "payment_intent.succeeded")
    assert (item.merchant_id, item.entity_id) == ("acct_1", "pi_7")
    assert item.occurred_at == "2026-11-23T09:59:58Z"
    assert "pending_webhooks" in item.data


def test_a_resend_is_the_same_event_though_fewer_endpoints_are_to_take_it() -> None:
    first, again, other = (
        Stripe().split(hook_request(body, {}))[0].identity
        for body in (stripe_body(pending_webhooks=2), stripe_body(), stripe_body(livemode=True))
    )

    assert first == again
    assert first != other


def test_an_event_of_the_account_s_own_names_no_merchant() -> None:
    assert Stripe().split(hook_request(VECTOR_BODY, {}))[0].merchant_id is None


@pytest.mark.parametrize("created", ["1e3", "-1", '"soon"', "9" * 30, "1.5", "null"])
def test_a_time_that_is_none_is_left_out(created: str) -> None:
    body = f'{{"id":"e","created":{created}}}'.encode()

    assert Stripe().split(hook_request(body, {}))[0].occurred_at is None


def test_what_is_missing_or_of_another_kind_is_left_out() -> None:
    [item] = Stripe().split(hook_request(b'{"id":1,"type":{},"account":[],"data":"x"}', {}))

    assert (item.key, item.type, item.merchant_id, item.entity_id) == ("", "unknown", None, None)


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b'{"a":1,"a":2}'])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Stripe().split(hook_request(body, {}))


@pytest.mark.parametrize("secret", [VECTOR_SECRET, STRIPE_SECRET, "whsec_" + "0f" * 32])
def test_a_secret_of_stripe_s_is_taken(secret: str) -> None:
    assert secret_flaw(Stripe(), secret) is None


@pytest.mark.parametrize("secret", ["", "whsec_", "sk_live_x", "we_1", "whsec_a b", "xwhsec_a"])
def test_what_is_another_thing_of_stripe_s_is_not(secret: str) -> None:
    assert secret_flaw(Stripe(), secret) == Stripe.secret_form


def test_a_secret_made_here_looks_as_stripe_s() -> None:
    made = {Stripe().new_secret() for _ in range(2)}

    assert len(made) == 2
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9_-]{43}", secret) for secret in made)
