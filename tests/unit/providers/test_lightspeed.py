from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS, TEXT
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import (
    LIGHTSPEED_SECRET,
    lightspeed_body,
    lightspeed_headers,
    lightspeed_payload,
    mac_base64,
    mac_hex,
)
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.json_value import dump
from tillgate.providers.lightspeed import Lightspeed

if TYPE_CHECKING:
    from tillgate.domain.provider import HookItem

BODY = lightspeed_body()
MAC = mac_hex(LIGHTSPEED_SECRET.encode(), BODY)
# RFC 4231, test case 2: what HMAC-SHA256 is, whoever uses it.
RFC_4231 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def verifies(signature: str, *, body: bytes = BODY, secret: str = LIGHTSPEED_SECRET) -> bool:
    return Lightspeed().verify(hook_request(body, {"x-signature": signature}), secret)


def split(body: bytes) -> HookItem:
    [item] = Lightspeed().split(hook_request(body, {}))
    return item


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_rfc_s_vector_verifies() -> None:
    signature, body = f"signature={RFC_4231},algorithm=HMAC-SHA256", b"what do ya want for nothing?"

    assert verifies(signature, body=body, secret="Jefe")
    assert not verifies(signature, body=body + b" ", secret="Jefe")
    assert not verifies(signature, body=body, secret="jefe")


@pytest.mark.parametrize(
    "signature",
    [
        f"signature={MAC},algorithm=HMAC-SHA256",
        f"signature={MAC}, algorithm=HMAC-SHA256",
        f"algorithm=HMAC-SHA256,signature={MAC}",
        f"  algorithm=HMAC-SHA256 ,  signature={MAC} ",
        f"signature={MAC.upper()},algorithm=HMAC-SHA256",
    ],
)
def test_the_parts_may_stand_in_either_order_with_spaces_around_them(signature: str) -> None:
    assert verifies(signature)


SHA1 = hmac.new(LIGHTSPEED_SECRET.encode(), BODY, hashlib.sha1).hexdigest()


@pytest.mark.parametrize(
    "signature",
    [
        "",
        MAC,
        f"signature={MAC}",
        f"signature={MAC},algorithm=",
        f"signature={MAC},algorithm=HMAC-SHA1",
        f"signature={SHA1},algorithm=HMAC-SHA1",
        f"signature={SHA1},algorithm=HMAC-SHA256",
        f"signature={MAC},algorithm=none",
        f"signature={MAC};algorithm=HMAC-SHA256",
        f"signature={MAC},algorithm=HMAC-SHA1,algorithm=HMAC-SHA256",
        f"signature=00,signature={MAC},algorithm=HMAC-SHA256",
        "signature=,algorithm=HMAC-SHA256",
        f"signature={mac_base64(LIGHTSPEED_SECRET.encode(), BODY)},algorithm=HMAC-SHA256",
        f"signature=\ud800{MAC},algorithm=HMAC-SHA256",
    ],
)
def test_another_algorithm_or_form_is_refused(signature: str) -> None:
    assert not verifies(signature)


@given(st.data())
def test_one_changed_byte_is_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(BODY) - 1))
    changed = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]

    assert not verifies(lightspeed_headers(BODY)["x-signature"], body=changed)


def test_a_form_is_one_event() -> None:
    item = split(BODY)

    assert item.key == "corner:" + sha256("sale.update:sale-7:4")
    assert (item.type, item.merchant_id) == ("sale.update", "corner")
    assert (item.entity_id, item.entity_version) == ("sale-7", "4")


def test_what_is_stored_is_the_form_with_its_payload_read() -> None:
    item = split(BODY)

    assert dump(item.data) == (
        '{"domain_prefix":"corner","environment":"prod","payload":{"id":"sale-7","note":'
        '"crème & sugar","total_price":12.1,"version":4},"retailer_id":"b8ca3a64-f8f4",'
        '"type":"sale.update"}'
    )
    assert item.identity == item.data["payload"]


FORMS = st.dictionaries(TEXT.filter(lambda name: name != "payload"), TEXT, max_size=8)
# What stands in a form as it is, and escapes of either case.
RAW = st.lists(
    st.sampled_from([*"aZ+=_-. \r\n\t\x00;?/:@!'", "=a0", "=\n", "%0D", "%0a", "%3D", "%e2%82%ac"])
)


@given(FORMS, st.data())
def test_a_form_reads_as_python_s_own_library_reads_it(
    form: dict[str, str], data: st.DataObject
) -> None:
    raw = "".join(data.draw(RAW))
    body = urlencode({**form, "payload": "{}"}) + f"&payload.raw={raw}"
    expected = dict(parse_qsl(body, keep_blank_values=True, strict_parsing=True, errors="strict"))

    assert split(body.encode()).data == {**expected, "payload": {}}


@given(payload=JSON_OBJECTS, more=TEXT)
def test_every_character_comes_through(payload: dict[str, object], more: str) -> None:
    item = split(lightspeed_body(lightspeed_payload(sale=payload, more=more), other=more))

    assert item.data["other"] == more
    assert isinstance(item.identity, dict)
    assert item.identity["more"] == more


def test_another_version_type_or_shop_is_another_event() -> None:
    keys = {
        split(body).key
        for body in (
            BODY,
            lightspeed_body(lightspeed_payload(version=5)),
            lightspeed_body(lightspeed_payload("sale-8")),
            lightspeed_body(type="product.update"),
            lightspeed_body(domain_prefix="other"),
        )
    }

    assert len(keys) == 5


@pytest.mark.parametrize(
    "payload",
    ['{"id":"a"}', '{"version":3}', '{"id":"","version":3}', '{"id":"a","version":null}', "{}"],
)
def test_without_id_or_version_it_is_told_by_all_of_it(payload: str) -> None:
    spaced = payload.replace(":", " : ")

    assert split(lightspeed_body(payload)).key == f"corner:{sha256(f'sale.update:{payload}')}"
    assert split(lightspeed_body(spaced)).key == split(lightspeed_body(payload)).key


def test_only_the_payload_is_promised() -> None:
    item = split(urlencode({"payload": '{"id":"a","version":1}'}).encode())

    assert (item.key, item.type) == (sha256("unknown:a:1"), "unknown")
    assert (item.merchant_id, item.occurred_at) == (None, None)


def test_a_time_of_the_last_change_is_when_it_occurred_where_it_is_one() -> None:
    for updated_at, occurred_at in (
        ("2026-11-23T09:59:58Z", "2026-11-23T09:59:58Z"),
        ("2026-11-23 09:59:58", None),
    ):
        body = lightspeed_body(lightspeed_payload(updated_at=updated_at))
        assert split(body).occurred_at == occurred_at


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"payload",
        b"type=sale.update",
        b"payload=",
        b"payload=[]",
        b"payload={",
        b"payload={}&",
        b"payload={}&&type=x",
        b"payload={}&type",
        b"payload={}&payload={}",
        b"payload={}&type=a&type=a",
        b"payload={}&type=%",
        b"payload={}&type=%4",
        b"payload={}&type=%zz",
        b"payload={}&type=%ff",
        b"payload={}&type=\xff",
        b"payload=%7B%22a%22%3A1%2C%22a%22%3A2%7D",
        b"payload=%7B%22a%22%3A%22%5Cud800%22%7D",
        b"payload={}" + b"&a=1" * 10_000,
        b"payload={}" + b"".join(b"&a%d=1" % n for n in range(60)),
        b"payload=" + b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
        b"\x00",
    ],
)
def test_what_is_no_form_with_a_payload_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        Lightspeed().split(hook_request(body, {}))


@given(st.binary(max_size=60) | st.text("payload={}&%=+0Af\u00e9", max_size=40).map(str.encode))
def test_any_body_is_split_or_cannot_be_read(body: bytes) -> None:
    try:
        items = Lightspeed().split(hook_request(body, {}))
    except UnreadableDeliveryError:
        items = []

    assert len(items) <= 1
