from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tests.strategies import JSON_OBJECTS, TEXT
from tests.unit.providers.hook_requests import NOW, hook_request
from tests.vendors import STANDARD_SECRET, standard_body, standard_headers
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.providers.standard import Standard

SECRETS = st.binary(min_size=1, max_size=64).map(
    lambda key: "whsec_" + base64.b64encode(key).decode()
)


def verifies(body: bytes, headers: dict[str, str], *, at: datetime = NOW) -> bool:
    return Standard().verify(hook_request(body, headers, at=at), STANDARD_SECRET)


def test_the_specification_s_vector_verifies() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }

    assert verifies(b'{"test": 2432232314}', headers, at=datetime.fromtimestamp(1614265330, UTC))


@given(TEXT, SECRETS, st.text("abc_-0123456789", min_size=1))
def test_what_the_reference_library_signs_verifies(body: str, secret: str, message: str) -> None:
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, NOW, body),
    }

    assert Standard().verify(hook_request(body.encode(), headers), secret)
    assert not Standard().verify(hook_request(body.encode() + b" ", headers), secret)


@given(more=JSON_OBJECTS, secret=SECRETS, honest=st.booleans())
def test_the_reference_library_agrees(
    more: dict[str, object], secret: str, *, honest: bool
) -> None:
    now = datetime.now(UTC)
    body = json.dumps(more).encode()
    headers = standard_headers(body, sent_at=now, secret=secret)
    sent = body if honest else body + b" "

    assert Standard().verify(hook_request(sent, headers, at=now), secret) is honest
    assert library_verifies(sent, headers, secret) is honest


def library_verifies(body: bytes, headers: dict[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_the_time_of_sending_may_be_five_minutes_off(seconds: int) -> None:
    headers = standard_headers(b"{}", sent_at=NOW + timedelta(seconds=seconds))

    assert verifies(b"{}", headers)


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_an_older_or_later_delivery_is_refused_well_signed_or_not(seconds: int) -> None:
    headers = standard_headers(b"{}", sent_at=NOW + timedelta(seconds=seconds))

    assert not verifies(b"{}", headers)


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        "x",
        "-1",
        "+1",
        "1e9",
        "1795428000.0",
        " 1795428000",
        "1795428000 ",
        "\u0661",
        "9" * 5_000,
    ],
)
def test_a_malformed_timestamp_is_refused(timestamp: str) -> None:
    headers = standard_headers(b"{}", sent_at=NOW) | {"webhook-timestamp": timestamp}

    assert not verifies(b"{}", headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed_and_signed(name: str) -> None:
    headers = standard_headers(b"{}", sent_at=NOW)
    without = {other: value for other, value in headers.items() if other != name}

    assert not verifies(b"{}", without)
    assert not verifies(b"{}", {**headers, name: ""})
    assert not verifies(b"{}", {**headers, name: headers[name] + "0"})


def test_one_good_signature_among_several_is_enough() -> None:
    headers = standard_headers(b"{}", sent_at=NOW)
    good = headers["webhook-signature"]

    for several in (f"v1,AAAA {good}", f"{good} v1,AAAA", f"v1a,xyz {good}", f"v2,{good} {good}"):
        assert verifies(b"{}", {**headers, "webhook-signature": several})


def test_another_algorithm_is_refused() -> None:
    headers = standard_headers(b"{}", sent_at=NOW)
    mac = headers["webhook-signature"].removeprefix("v1,")

    for other in (f"v1a,{mac}", f"v2,{mac}", f"V1,{mac}", mac, f"v1 {mac}", f"v1={mac}", ","):
        assert not verifies(b"{}", {**headers, "webhook-signature": other})


@pytest.mark.parametrize("secret", ["whsec_!", "whsec_abc", "not base64 at all", "\u00e9"])
def test_a_secret_that_is_no_base64_signs_nothing(secret: str) -> None:
    request = hook_request(b"{}", standard_headers(b"{}", sent_at=NOW))

    assert not Standard().verify(request, secret)


def test_the_prefix_of_the_secret_may_be_left_out() -> None:
    request = hook_request(b"{}", standard_headers(b"{}", sent_at=NOW))

    assert Standard().verify(request, STANDARD_SECRET.removeprefix("whsec_"))


def test_the_message_id_is_the_key() -> None:
    body = standard_body(timestamp="2026-11-23T09:59:00Z")

    [item] = Standard().split(hook_request(body, standard_headers(body, sent_at=NOW)))

    assert (item.key, item.type, item.entity_id) == ("msg-1", "order.paid", "o-5")
    assert item.occurred_at == "2026-11-23T09:59:00Z"
    assert item.merchant_id is None
    assert item.data == item.identity


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff"])
def test_what_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Standard().split(hook_request(body, {}))
