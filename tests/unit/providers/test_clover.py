from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import ANY_BODY, ANY_TEXT, JSON_VALUES, TEXT
from tests.unit.providers.hook_requests import hook_request
from tests.vendors import (
    CLOVER_CODE,
    clover_body,
    clover_handshake,
    clover_headers,
    clover_update,
)
from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.provider import Hook, HookItem
from tillgate.providers.clover import Clover

# As the vendor's page has it.
PAGE_EXAMPLE = b"""{"appId": "DRKVJT2ZRRRSC", "merchants": {"XYZVJT2ZRRRSC": [
  {"objectId": "O:GHIVJT2ABCRSC", "type": "CREATE", "ts": 1537970958000},
  {"objectId": "O:GHIVJT2ABCRSC", "type": "UPDATE", "ts": 1536156558000}],
 "MRKVJT2ZRRRSC": [{"objectId": "O:JKLVJT2ABCRSC", "type": "CREATE", "ts": 1537970958000}]}}"""
ODD_TIMES: tuple[object, ...] = (-1, 1.5, 1e3, "1", None, [])


def verifies(headers: dict[str, str], code: str = CLOVER_CODE) -> bool:
    return Clover().verify(hook_request(clover_body(), headers), code)


def split(body: bytes) -> list[HookItem]:
    return list(Clover().split(hook_request(body, {})))


def only(update: object) -> HookItem:
    [item] = split(clover_body(M1=[update]))
    return item


def handshake(body: bytes, headers: dict[str, str] | None = None) -> str | None:
    hook = Hook(
        hook_id=str(uuid.uuid4()),
        provider="clover",
        endpoint_id="x",
        headers=headers or {},
        body=body,
        received_at=datetime(2026, 11, 23, tzinfo=UTC),
        rid="r",
    )
    found = Clover().handshake(hook)
    return found.code if found is not None else None


def test_the_code_is_good() -> None:
    assert verifies(clover_headers())


@pytest.mark.parametrize(
    "code",
    ["", " ", CLOVER_CODE[:-1], CLOVER_CODE + "0", CLOVER_CODE.upper(), "é", "\ud800", "A" * 9_000],
)
def test_another_code_is_refused(code: str) -> None:
    assert not verifies(clover_headers(code=code))


@pytest.mark.parametrize("secret", [CLOVER_CODE, ""])
def test_no_code_is_refused_whatever_the_secret(secret: str) -> None:
    assert not verifies({}, secret)
    assert not verifies(clover_headers(code=""), secret)


@given(code=TEXT.filter(bool), other=ANY_TEXT)
def test_a_code_is_good_for_its_own_secret_only(code: str, other: str) -> None:
    assert verifies(clover_headers(code=code), code)
    assert verifies(clover_headers(code=other), code) is (other == code)


def test_each_update_of_each_merchant_is_an_event() -> None:
    items = split(PAGE_EXAMPLE)

    assert [(item.merchant_id, item.type) for item in items] == [
        ("XYZVJT2ZRRRSC", "order.create"),
        ("XYZVJT2ZRRRSC", "order.update"),
        ("MRKVJT2ZRRRSC", "order.create"),
    ]
    assert items[1].key == "DRKVJT2ZRRRSC:XYZVJT2ZRRRSC:O:GHIVJT2ABCRSC:UPDATE:1536156558000"
    assert (items[1].entity_id, items[1].entity_version) == ("O:GHIVJT2ABCRSC", "1536156558000")
    assert items[1].occurred_at == "2018-09-05T14:09:18.000Z"


def test_an_event_s_data_is_the_envelope_with_its_update_alone() -> None:
    update = clover_update("P:PAY1", type_="UPDATE")
    other = clover_update("O:OTHER")

    item = split(clover_body(M1=[other, update], M2=[other]))[1]

    assert item.data.keys() == {"appId", "merchants"}
    assert item.data == item.identity
    assert split(clover_body(M1=[update]))[0].data == item.data


def test_an_update_that_comes_twice_is_twice_the_same_event() -> None:
    first, second = split(clover_body(M1=[clover_update(), clover_update()]))

    assert (first.key, first.identity) == (second.key, second.identity)


@pytest.mark.parametrize("change", [{"ts": 1}, {"type_": "UPDATE"}, {"object_id": "I:ORDER7"}])
def test_another_change_has_another_key(change: dict[str, Any]) -> None:
    assert only(clover_update(**change)).key != only(clover_update()).key


def test_another_app_or_merchant_has_another_key() -> None:
    [here] = split(clover_body())
    [elsewhere] = split(clover_body(M2=[clover_update()]))
    [by_another] = split(clover_body(app_id="APP2"))

    assert len({here.key, elsewhere.key, by_another.key}) == 3


@pytest.mark.parametrize(
    ("object_id", "kind"),
    [
        ("A:1", "app"),
        ("C:1", "customer"),
        ("CA:1", "cash_adjustment"),
        ("E:1", "employee"),
        ("I:1", "item"),
        ("IC:1", "category"),
        ("IG:1", "modifier_group"),
        ("IM:1", "modifier"),
        ("M:1", "merchant"),
        ("O:1", "order"),
        ("P:1", "payment"),
        ("SH:1", "service_hour"),
        ("XY:1", "xy"),
        ("o:1", "o"),
        ("O:1:2", "order"),
        (":1", "unknown"),
        ("O", "unknown"),
    ],
)
def test_the_prefix_is_the_kind_and_an_unknown_one_its_own(object_id: str, kind: str) -> None:
    item = only(clover_update(object_id, type_="DELETE"))

    assert (item.type, item.entity_id) == (f"{kind}.delete", object_id)


@pytest.mark.parametrize(
    ("ts", "occurred_at"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1795428000007, "2026-11-23T10:00:00.007Z"),
        (253402300799999, "9999-12-31T23:59:59.999Z"),
        (253402300800000, None),
        (10**30, None),
        (10**99, None),
    ],
)
def test_the_time_is_milliseconds_since_1970(ts: int, occurred_at: str | None) -> None:
    item = only(clover_update(ts=ts))

    assert (item.occurred_at, item.entity_version) == (occurred_at, str(ts))
    assert item.key.endswith(f":{ts}")


@pytest.mark.parametrize(
    "update",
    [
        None,
        7,
        "O:1",
        [],
        {},
        {"objectId": "O:1", "type": "CREATE"},
        {"objectId": "O:1", "ts": 1},
        {"type": "CREATE", "ts": 1},
        {"objectId": 1, "type": "CREATE", "ts": 1},
        {"objectId": "O:1", "type": None, "ts": 1},
        *({"objectId": "O:1", "type": "CREATE", "ts": ts} for ts in ODD_TIMES),
        {"objectId": "O:1", "type": "CREATE", "ts": 10**100},
    ],
)
def test_an_update_that_cannot_be_read_has_no_key_and_its_neighbours_do(update: object) -> None:
    before, broken, after, other = split(
        clover_body(M1=[clover_update("O:A"), update, clover_update("O:B")], M2=[clover_update()])
    )

    assert broken.key == ""
    assert all(item.key for item in (before, after, other))


@pytest.mark.parametrize("updates", [None, 7, "x", {}, {"objectId": "O:1"}])
def test_what_is_no_list_of_updates_harms_no_other_merchant(updates: object) -> None:
    broken, other = split(clover_body(M1=updates, M2=[clover_update()]))

    assert (broken.key, broken.merchant_id) == ("", "M1")
    assert (bool(other.key), other.merchant_id) == (True, "M2")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"appId":"A","appId":"A"}',
        b"{}",
        b'{"appId":"A"}',
        b'{"appId":"A","merchants":{}}',
        b'{"appId":"A","merchants":[]}',
        b'{"appId":"A","merchants":{"M1":[]}}',
        b'{"merchants":{"M1":[{"objectId":"O:1","type":"CREATE","ts":1}]}}',
        b'{"appId":1,"merchants":{"M1":[{"objectId":"O:1","type":"CREATE","ts":1}]}}',
        clover_handshake(),
    ],
)
def test_what_holds_no_updates_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        split(body)


@given(app_id=JSON_VALUES, merchants=st.dictionaries(TEXT, JSON_VALUES, max_size=4))
def test_any_envelope_gives_items_or_cannot_be_read(
    app_id: object, merchants: dict[str, object]
) -> None:
    items, unreadable = [], False
    try:
        items = split(json.dumps({"appId": app_id, "merchants": merchants}).encode())
    except UnreadableDeliveryError:
        unreadable = True

    assert bool(items) is not unreadable


ODD_UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "objectId": JSON_VALUES | st.sampled_from(["O:1", ":", "O:\ud800", "É:1"]),
        "type": JSON_VALUES | st.sampled_from(["CREATE", "\u0130"]),
        "ts": JSON_VALUES | st.integers(),
    },
)


@given(st.lists(ODD_UPDATES | JSON_VALUES, min_size=1, max_size=5))
def test_as_many_items_come_out_as_updates_went_in(updates: list[object]) -> None:
    items = split(clover_body(M1=updates))

    assert [item.data for item in items] == [
        split(clover_body(M1=[update]))[0].data for update in updates
    ]


def test_a_handshake_is_its_code() -> None:
    assert handshake(clover_handshake()) == "ce7643c1-83ea-4218-abe6-da876c9c7a0a"


def test_what_carries_the_header_is_a_delivery() -> None:
    assert handshake(clover_handshake(), clover_headers()) is None
    assert handshake(clover_handshake(), clover_headers(code="")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'["verificationCode"]',
        b'{"verificationCode":null}',
        b'{"verificationCode":7}',
        b'{"verificationCode":""}',
        b'{"verificationCode":["a"]}',
        b'{"verificationCode":"a","verificationCode":"b"}',
        clover_handshake("a" * 65),
        clover_handshake("<script>"),
        clover_handshake("a b"),
        clover_handshake("a\n"),
        clover_handshake("\u0661"),
        clover_handshake("\ud800"),
        clover_handshake("\x1b[2J"),
        clover_handshake().ljust(1025),
        clover_body(),
    ],
)
def test_what_is_no_handshake_is_none(body: bytes) -> None:
    assert handshake(body) is None


@given(ANY_BODY | ANY_TEXT.map(clover_handshake))
def test_any_body_is_a_handshake_or_none(body: bytes) -> None:
    code = handshake(body)

    assert code is None or (1 <= len(code) <= 64 and code.isascii() and code.isprintable())
