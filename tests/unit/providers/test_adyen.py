from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS, JSON_VALUES, TEXT
from tests.unit.providers.half_valid import NOTIFICATIONS
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import ADYEN_KEY, adyen_body, adyen_item, adyen_signed, mac_base64
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.provider import HookItem, secret_flaw
from tillgate.providers.adyen import Adyen

# From the vendor's own test suite: PROVIDERS.md.
VECTOR_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
VECTOR: dict[str, Any] = {
    "pspReference": "7914073381342284",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "amount": {"value": 1130, "currency": "EUR"},
    "eventCode": "AUTHORISATION",
    "success": "true",
    "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
}
SIGNED = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "eventCode",
    "success",
)
# Adyen's own accounts, references and codes; what a merchant numbers its orders with.
PLAIN = TEXT.filter(lambda text: ":" not in text)


def verifies(body: bytes, key: str = ADYEN_KEY) -> bool:
    return Adyen().verify(hook_request(body, {}), key)


def split(body: bytes) -> list[HookItem]:
    return list(Adyen().split(hook_request(body, {})))


def only(psp: str = "PSP7", account: str = "M1", **more: object) -> HookItem:
    [item] = split(adyen_body(adyen_item(psp, account=account, **more)))
    return item


def test_the_vector_verifies_by_its_own_key_in_either_case() -> None:
    assert verifies(adyen_body(VECTOR), VECTOR_KEY)
    assert verifies(adyen_body(VECTOR), VECTOR_KEY.lower())
    assert not verifies(adyen_body(VECTOR), VECTOR_KEY.replace("4", "5", 1))
    assert not verifies(adyen_body({**VECTOR, "success": "false"}), VECTOR_KEY)


@pytest.mark.parametrize(
    "key",
    ["", " ", "A", "ABC", "0x" + ADYEN_KEY, ADYEN_KEY + "\n", f" {ADYEN_KEY}", "é", "\u0661\u0662"],
)
def test_what_is_no_key_verifies_nothing(key: str) -> None:
    assert not verifies(adyen_body(VECTOR), key)


def test_the_empty_key_is_nobody_s() -> None:
    assert not verifies(adyen_body(adyen_signed(adyen_item(), key="")), "")


@given(
    item=st.fixed_dictionaries(
        {},
        optional={
            "pspReference": PLAIN,
            "originalReference": PLAIN | st.none(),
            "merchantAccountCode": PLAIN,
            "merchantReference": TEXT,
            "amount": st.none()
            | st.fixed_dictionaries(
                {}, optional={"value": st.integers(), "currency": PLAIN | st.none()}
            ),
            "eventCode": PLAIN,
            "success": st.booleans() | PLAIN,
        },
    ),
    key=st.binary(min_size=1, max_size=40).map(bytes.hex),
)
def test_any_signed_notification_verifies_with_its_own_key_only(
    item: dict[str, object], key: str
) -> None:
    body = adyen_body(adyen_signed(item, key=key))

    assert verifies(body, key)
    assert not verifies(body, key + "00ff")


@pytest.mark.parametrize("value", ["1130", "0", "-5", "1.50", "1e3", "9" * 5_000])
def test_an_amount_is_signed_with_the_digits_that_were_sent(value: str) -> None:
    body = adyen_body({**VECTOR, "amount": {"value": 4242, "currency": "EUR"}})
    signed = (
        f"7914073381342284::TestMerchant:TestPayment-1407325143704:{value}:EUR:AUTHORISATION:true"
    )
    signature = mac_base64(bytes.fromhex(VECTOR_KEY), signed.encode())
    given_signature = VECTOR["additionalData"]["hmacSignature"]
    sent = body.replace(b"4242", value.encode()).replace(
        given_signature.encode(), signature.encode()
    )

    assert verifies(sent, VECTOR_KEY)
    assert not verifies(
        sent.replace(value.encode(), b"7" + value.encode().lstrip(b"-")), VECTOR_KEY
    )


def test_success_may_be_a_boolean() -> None:
    assert verifies(adyen_body({**VECTOR, "success": True}), VECTOR_KEY)
    assert not verifies(adyen_body({**VECTOR, "success": False}), VECTOR_KEY)
    assert not verifies(adyen_body({**VECTOR, "success": "True"}), VECTOR_KEY)


@pytest.mark.parametrize("field", SIGNED)
def test_every_signed_field_is_signed(field: str) -> None:
    item = adyen_signed(adyen_item(originalReference="PSP6"))

    assert verifies(adyen_body(item))
    assert not verifies(adyen_body({**item, field: f"{item[field]}x"}))
    assert not verifies(adyen_body({**item, field: None}))


@pytest.mark.parametrize("amount", [None, {}, {"value": 1131, "currency": "EUR"}, {"value": 1130}])
def test_the_amount_is_signed(amount: object) -> None:
    assert not verifies(adyen_body({**adyen_signed(adyen_item()), "amount": amount}))


@given(JSON_OBJECTS)
def test_nothing_else_is_signed(more: dict[str, object]) -> None:
    item = adyen_signed(adyen_item())
    others = {name: value for name, value in more.items() if name not in item}

    assert verifies(adyen_body({**item, **others, "eventDate": "another"}))


@pytest.mark.parametrize(
    "field", ["pspReference", "originalReference", "merchantAccountCode", "eventCode", "success"]
)
def test_a_colon_stands_in_the_merchant_s_reference_only(field: str) -> None:
    assert verifies(adyen_body(adyen_signed(adyen_item(merchantReference="a:b:c::"))))
    assert not verifies(adyen_body(adyen_signed(adyen_item(**{field: "a:b"}))))
    assert not verifies(
        adyen_body(adyen_signed(adyen_item(amount={"value": 1, "currency": "E:R"})))
    )
    assert not verifies(adyen_body(adyen_signed(adyen_item(amount={"value": "1:1"}))))


def test_a_signature_says_no_other_account_than_it_was_made_for() -> None:
    # Numbered by its own merchant so that the text reads as another's, one field further on.
    mine = adyen_signed(adyen_item("PSP7", account="Mine", merchantReference="Victim:order-7"))
    forged = {
        **mine,
        "pspReference": "PSP7:",
        "originalReference": "Mine",
        "merchantAccountCode": "Victim",
        "merchantReference": "order-7",
    }

    assert verifies(adyen_body(mine))
    assert adyen_signed(forged)["additionalData"] == mine["additionalData"]
    assert not verifies(adyen_body(forged))


@given(st.data())
def test_the_signed_text_can_be_taken_apart_in_one_way_only(data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.sampled_from(["", "a", "b"]), min_size=8, max_size=11))

    def drawn() -> dict[str, object]:
        """Join neighbours with colons until there are eight fields."""
        parts = list(pieces)
        while len(parts) > 8:
            at = data.draw(st.integers(0, len(parts) - 2))
            parts[at : at + 2] = [":".join(parts[at : at + 2])]
        psp, original, account, reference, value, currency, code, success = parts
        return adyen_signed({
            "pspReference": psp, "originalReference": original, "merchantAccountCode": account,
            "merchantReference": reference, "amount": {"value": value, "currency": currency},
            "eventCode": code, "success": success,
        })  # fmt: skip

    one, other = drawn(), drawn()
    assert one["additionalData"] == other["additionalData"]
    assume(one != other)
    assert not (verifies(adyen_body(one)) and verifies(adyen_body(other)))


UNSIGNED: list[object] = [
    None, 7, "x", [], {}, adyen_item(),
    {**adyen_item(), "additionalData": None},
    {**adyen_item(), "additionalData": {"hmacSignature": ""}},
    {**adyen_item(), "additionalData": {"hmacSignature": None}},
    {**adyen_item(), "additionalData": {"hmacSignature": ["A" * 44]}},
    {**adyen_item(), "additionalData": [{"hmacSignature": "A" * 44}]},
    {**adyen_item(), "hmacSignature": "A" * 44},
    adyen_signed(adyen_item(), key="AB" * 32),
]  # fmt: skip


@pytest.mark.parametrize("broken", UNSIGNED)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_unsigned_notification_refuses_them_all(broken: object, place: int) -> None:
    items: list[object] = [adyen_signed(adyen_item("A")), adyen_signed(adyen_item("B"))]

    assert verifies(adyen_body(*items))
    items.insert(place, broken)
    assert not verifies(adyen_body(*items))


def test_a_signature_is_good_for_its_own_notification_only() -> None:
    one, other = adyen_signed(adyen_item("A")), adyen_signed(adyen_item("B"))

    assert not verifies(adyen_body({**one, "additionalData": other["additionalData"]}))


NO_DELIVERY = [
    b"",
    b"no json",
    b"\xff\xfe{}",
    b"[]",
    b"{}",
    b'{"notificationItems":null}',
    b'{"notificationItems":[]}',
    b'{"notificationItems":{}}',
    b'{"notificationItems":{"NotificationRequestItem":{}}}',
    b'{"notificationItems":"x"}',
    b'{"notificationItems":[],"notificationItems":[{}]}',
    b'{"notificationItems":' + b"[" * 10_000,
    b'{"type":"balancePlatform.transfer.created","data":{}}',
]


@pytest.mark.parametrize("body", NO_DELIVERY)
def test_what_holds_no_notifications_is_refused_and_cannot_be_read(body: bytes) -> None:
    assert not verifies(body)
    with pytest.raises(UnreadableDeliveryError):
        split(body)


@given(st.lists(NOTIFICATIONS | JSON_VALUES, min_size=1, max_size=4))
def test_any_notifications_are_refused_and_come_out_one_by_one(items: list[Any]) -> None:
    body = adyen_body(*items)

    assert not verifies(body)
    assert len(split(body)) == len(items)


@given(st.lists(st.dictionaries(TEXT, JSON_VALUES, max_size=2) | JSON_VALUES, min_size=1))
def test_any_list_is_refused_and_comes_out_one_by_one(items: list[Any]) -> None:
    body = json.dumps({"notificationItems": items}).encode()

    assert not verifies(body)
    assert {item.key for item in split(body)} == {""}


@pytest.mark.parametrize("field", SIGNED)
@pytest.mark.parametrize("value", [7, 1.5, ["PSP7"], {"a": 1}, [], {}])
def test_a_field_of_another_kind_is_not_what_was_signed(field: str, value: object) -> None:
    item = adyen_signed({**adyen_item(), field: ""})

    assert verifies(adyen_body(item))
    assert not verifies(adyen_body({**item, field: value}))


@pytest.mark.parametrize("field", SIGNED[:-1])
def test_a_signed_field_that_no_text_can_carry_is_answered(field: str) -> None:
    body = adyen_body(adyen_signed(adyen_item(**{field: "\ud800"})))

    assert verifies(body)
    assert len(split(body)) == 1


def test_a_notification_is_one_event() -> None:
    notification = adyen_signed(adyen_item("PSP9", reason="ok"))

    [item] = split(adyen_body(notification))

    assert item.key == "PSP9:AUTHORISATION:true:2026-11-23T10:59:58+01:00"
    assert (item.type, item.merchant_id, item.entity_id) == ("AUTHORISATION", "M1", "PSP9")
    assert (item.occurred_at, item.entity_version) == ("2026-11-23T10:59:58+01:00", None)
    assert item.data.keys() == notification.keys()
    assert item.identity == {
        "pspReference": "PSP9",
        "originalReference": "",
        "merchantAccountCode": "M1",
        "merchantReference": "order-7",
        "value": "1130",
        "currency": "EUR",
        "eventCode": "AUTHORISATION",
        "success": "true",
    }


def test_a_resend_is_the_same_event_whatever_changed_outside_the_signature() -> None:
    before, after = only(reason="a", success="true"), only(reason="b", success=True)

    assert (before.key, before.identity) == (after.key, after.identity)
    assert before.data != after.data


@pytest.mark.parametrize(
    "change",
    [{"psp": "other"}, {"eventCode": "CAPTURE"}, {"success": "false"}, {"eventDate": "2026-11-24"}],
)
def test_another_notification_has_another_key(change: dict[str, Any]) -> None:
    assert only(**change).key != only().key


def test_another_amount_under_the_same_key_is_another_event() -> None:
    more = only(amount={"value": 1131, "currency": "EUR"})

    assert (more.key == only().key, more.identity == only().identity) == (True, False)


@pytest.mark.parametrize("field", ["pspReference", "eventCode", "success", "eventDate"])
@pytest.mark.parametrize("value", [None, "", [], 7])
def test_without_all_of_its_key_it_cannot_be_read_and_its_neighbour_can(
    field: str, value: object
) -> None:
    broken, whole = split(adyen_body({**adyen_item(), field: value}, adyen_item("B")))

    assert (broken.key, bool(whole.key)) == ("", True)


def test_a_date_that_is_none_is_left_out_and_stays_in_the_key() -> None:
    item = only(eventDate="yesterday")

    assert (item.occurred_at, item.key) == (None, "PSP7:AUTHORISATION:true:yesterday")


def test_a_notification_of_no_account_is_nobody_s() -> None:
    assert only(account="").merchant_id is None


@pytest.mark.parametrize("secret", [ADYEN_KEY, ADYEN_KEY.lower(), "AB" * 16, "0f" * 256])
def test_a_key_is_hexadecimal(secret: str) -> None:
    assert secret_flaw(Adyen(), secret) is None


@pytest.mark.parametrize(
    "secret", ["", "AB" * 15, ADYEN_KEY[:-1], ADYEN_KEY + "\n", "G" * 64, "é" * 64]
)
def test_what_is_not_is_told_so(secret: str) -> None:
    assert "hexadecimal" in (secret_flaw(Adyen(), secret) or "")


def test_a_key_that_is_made_here_looks_as_adyen_s() -> None:
    made = Adyen().new_secret()

    assert re.fullmatch(r"[0-9A-F]{64}", made)
    assert made != Adyen().new_secret()
