"""What the vendors' documents and SDKs say of signatures, held against the simulators."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import stripe
from Adyen.util import generate_notification_sig
from hypothesis import given
from hypothesis import strategies as st
from square.utils.webhooks_helper import verify_signature
from standardwebhooks import Webhook

from ops.simulators import SIMULATORS
from ops.simulators.adyen import item_signature
from ops.simulators.simulator import Delivery, Sending, Unsigned

URL = "https://pos.example.com/v1/hooks/x/1"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SHOWN_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


def signature_of(
    provider: str,
    body: bytes,
    *,
    secret: str,
    url: str = "",
    at: datetime = AT,
    headers: dict[str, str] | None = None,
) -> str:
    simulator = SIMULATORS[provider]
    request = Unsigned(body=body, headers=headers or {})
    sending = Sending(secret=secret, notification_url=url, at=at)
    return simulator.signature(request, sending)[simulator.signature_header]


def sent(provider: str, *, secret: str, note: str, at: datetime = AT, items: int = 1) -> Delivery:
    simulator = SIMULATORS[provider]
    merchants = [name for name in [simulator.merchant_example] if name]
    return simulator.delivery(
        secret=secret, notification_url=URL, merchants=merchants, key="k-1", at=at,
        marker=note, items=items,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "url", "body", "signature"),
    [
        (
            "Ibxx_5AKakO-3qeNVR61Dw",
            "https://webhook.site/679a4f3a-dcfa-49ee-bac5-9d0edad886b9",
            (
                b'{"merchant_id":"MLEFBHHSJGVHD","type":"webhooks.test_notification",'
                b'"event_id":"ac3ac95b-f97d-458c-a6e6-18981597e05f",'
                b'"created_at":"2022-07-13T20:30:59.037339943Z",'
                b'"data":{"type":"webhooks","id":"bc368e64-01aa-407e-b46e-3231809b1129"}}'
            ),
            "GF4YkrJgGBDZ9NIYbNXBnMzqb2HoL4RW/S6vkZ9/2N4=",
        ),
        (
            "signature-key",
            "https://webhook.site/webhooks",
            b'{"data":{"type":"webhooks","id":">id<"}}',
            "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U=",
        ),
    ],
)
def test_square_s_vectors(key: str, url: str, body: bytes, signature: str) -> None:
    assert signature_of("square", body, secret=key, url=url) == signature


def test_shopify_s_vector() -> None:
    body = b'{"id":820982911946154508,"email":"jon@example.com","total_price":"403.00"}'

    signature = signature_of("shopify", body, secret="hush")
    assert signature == "U1ccMjH2FYDvXHngNSLFAi0QhStcm696l5sTvIkdLr8="


def test_toast_s_vector() -> None:
    body = (
        b'{"timestamp":"2018-08-31T20:27:47.000Z","eventCategory":"stock",'
        b'"eventType":"out_of_stock","guid":"f3a1c5a0-7c3f-4d2e-9b7a-1f0d2c3b4a59",'
        b'"details":{"restaurantGuid":"0a1b2c3d-1111-2222-3333-444455556666"}}'
    )

    signature = signature_of("toast", body, secret="toast-secret")
    assert signature == "bPWMSONwdgqUY6g1qXSiLrJmIImlhCKNBKW7GfaEQbk="


def test_zettle_s_vector() -> None:
    key = "zLzClQLQN8yfH8aEjONeXzgJRAHR0zpD7RonFCpizujCUCectBlln0vFArTbLPYa"
    body = b'{"payload":"{\\"data\\":\\"payload\\"}","timestamp":"2021-04-19T13:17:56.585Z"}'

    signature = signature_of("zettle", body, secret=key)
    assert signature == "d56fda929734a5a2e59fd20aa64ff4177fe7a0760ff8c41b21e97b5eb9aabff2"


def test_stripe_s_vector() -> None:
    body = b'{"id":"evt_test_1","object":"event","type":"payment_intent.succeeded"}'
    at = datetime.fromtimestamp(1_700_000_000, UTC)

    assert signature_of("stripe", body, secret="whsec_test_secret", at=at) == (
        "t=1700000000,v1=871acfe933554b446cc41d791076dd56a10c0553cc61aafbeb881d0082b45043"
    )


def test_adyen_s_vector() -> None:
    item = {
        "pspReference": "7914073381342284",
        "merchantAccountCode": "TestMerchant",
        "merchantReference": "TestPayment-1407325143704",
        "amount": {"value": 1130, "currency": "EUR"},
        "eventCode": "AUTHORISATION",
        "success": "true",
    }
    key = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"

    assert item_signature(item, secret=key) == "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="


def test_standard_webhooks_vector() -> None:
    signature = signature_of(
        "standard",
        b'{"test": 2432232314}',
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        at=datetime.fromtimestamp(1_614_265_330, UTC),
        headers={"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek"},
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(SHOWN_TEXT)
def test_square_s_sdk_takes_what_is_sent(note: str) -> None:
    delivery = sent("square", secret="k" * 22, note=note)

    assert verify_signature(
        request_body=delivery.body.decode(),
        signature_header=delivery.headers["x-square-hmacsha256-signature"],
        signature_key="k" * 22,
        notification_url=URL,
    )


@given(SHOWN_TEXT)
def test_stripe_s_sdk_takes_what_is_sent_and_sent_again(note: str) -> None:
    first = sent("stripe", secret="whsec_s", note=note)
    later = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    again = SIMULATORS["stripe"].resend(first, attempt=2, at=later)

    for delivery, at in ((first, AT), (again, later)):
        assert delivery.headers["Stripe-Signature"] == (
            stripe.WebhookSignature.generate_signature_header(
                delivery.body.decode(), "whsec_s", int(at.timestamp())
            )
        )


@given(SHOWN_TEXT, st.integers(1, 3))
def test_adyen_s_sdk_signs_every_item_the_same(note: str, items: int) -> None:
    delivery = sent("adyen", secret="AB" * 32, note=note, items=items)

    wrapped = json.loads(delivery.body)["notificationItems"]
    assert len(wrapped) == items
    for one in wrapped:
        item = one["NotificationRequestItem"]
        oracle = generate_notification_sig(item, "AB" * 32)
        assert item["additionalData"]["hmacSignature"] == oracle.decode()


@given(SHOWN_TEXT)
def test_the_reference_library_signs_standard_webhooks_the_same(note: str) -> None:
    secret = SIMULATORS["standard"].new_secret()
    delivery = sent("standard", secret=secret, note=note)

    oracle = Webhook(secret).sign(delivery.headers["webhook-id"], AT, delivery.body.decode())
    assert delivery.headers["webhook-signature"] == oracle


def test_lightspeed_names_the_algorithm_beside_the_signature() -> None:
    # From `printf "payload=%%7B%%7D" | openssl dgst -sha256 -hmac s3cret`.
    assert signature_of("lightspeed", b"payload=%7B%7D", secret="s3cret") == (
        "signature=b7171c5ffb73c8d79ff2fac93db3b7ec3c39cea7737b329851bc163303313104,algorithm=HMAC-SHA256"
    )


def test_sumup_signs_the_body_in_hex() -> None:
    # From `printf '{"id":"1"}' | openssl dgst -sha256 -hmac s3cret`.
    assert (
        signature_of("sumup", b'{"id":"1"}', secret="s3cret")
        == "06988fa1cf02b8383043f7f2735f723f7bb350950d9214409cde13490d6a6373"
    )


def test_clover_sends_the_code_itself() -> None:
    assert signature_of("clover", b"{}", secret="the-code") == "the-code"
