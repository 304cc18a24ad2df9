from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS
from tillgate.domain.errors import InvalidEventError
from tillgate.domain.event import (
    NewEvent,
    batch_from_json,
    batch_item_from_json,
    event_from_json,
    is_storable,
)
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.json_value import dump, parse

SALE: dict[str, Any] = {
    "type": "order.created",
    "data": {"total": 12},
    "occurred_at": "2026-11-23T10:00:00Z",
    "entity_id": "order-17",
    "entity_version": 3,
}


def event(document: object, key: str = "k") -> NewEvent:
    return event_from_json(parse(json.dumps(document).encode()), key=key)


def faults(document: object) -> dict[str, str]:
    with pytest.raises(InvalidEventError) as caught:
        event(document)
    return {fault.pointer: fault.detail for fault in caught.value.faults}


def sale(**changes: object) -> dict[str, Any]:
    return {**SALE, **changes}


def test_every_field_is_kept() -> None:
    made = event(SALE)

    assert (made.key, made.source_id, made.type) == ("api:k", None, "order.created")
    assert (made.data, made.occurred_at) == ('{"total":12}', "2026-11-23T10:00:00Z")
    assert (made.entity_id, made.entity_version) == ("order-17", "3")


def test_type_and_data_are_enough() -> None:
    made = event({"type": "t", "data": {}})

    assert (made.type, made.data) == ("t", "{}")
    assert (made.occurred_at, made.entity_id, made.entity_version) == (None, None, None)


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_what_is_no_object_has_one_fault_at_the_root(document: object) -> None:
    assert faults(document) == {"": "must be an object"}


def test_every_fault_is_named() -> None:
    document = {
        "type": "no spaces",
        "occurred_at": "yesterday",
        "entity_id": "",
        "entity_version": -1,
        "extra": 1,
    }

    assert set(faults(document)) == {
        "/data",
        "/type",
        "/occurred_at",
        "/entity_id",
        "/entity_version",
        "/extra",
    }


@pytest.mark.parametrize("name", ["type", "data"])
def test_a_required_field_that_is_missing_is_named(name: str) -> None:
    document = {other: value for other, value in SALE.items() if other != name}

    assert faults(document) == {f"/{name}": "is required"}


@pytest.mark.parametrize("name", list(SALE))
def test_null_is_refused_everywhere(name: str) -> None:
    assert set(faults(sale(**{name: None}))) == {f"/{name}"}


@pytest.mark.parametrize(
    "kind", ["", "a b", "a/b", "é", "a\n", "t" * 129, "\ud800", 1, True, ["t"], {"t": 1}]
)
def test_a_type_that_does_not_fit_is_refused(kind: object) -> None:
    assert set(faults(sale(type=kind))) == {"/type"}


@pytest.mark.parametrize("kind", ["t", "order.created", "A-z_0.9", "t" * 128, "..", "-"])
def test_a_type_is_1_to_128_plain_characters(kind: str) -> None:
    assert event(sale(type=kind)).type == kind


@pytest.mark.parametrize("data", [[], "{}", 1, True, [{}]])
def test_data_is_an_object(data: object) -> None:
    assert set(faults(sale(data=data))) == {"/data"}


@pytest.mark.parametrize("moment", ["", "2026-11-23", "2026-11-23T10:00:00", 1700000000, True])
def test_occurred_at_is_an_instant(moment: object) -> None:
    assert set(faults(sale(occurred_at=moment))) == {"/occurred_at"}


@pytest.mark.parametrize("entity_id", ["", "x" * 129, "a\0b", "\ud800", 17, True, []])
def test_an_entity_id_that_does_not_fit_is_refused(entity_id: object) -> None:
    assert set(faults(sale(entity_id=entity_id))) == {"/entity_id"}


@pytest.mark.parametrize(
    "entity_id", ["x" * 128, "\U0001f600" * 128, "'; DROP TABLE event; --", "../../etc", " ", "\n"]
)
def test_an_entity_id_is_1_to_128_characters_of_any_kind(entity_id: str) -> None:
    assert event(sale(entity_id=entity_id)).entity_id == entity_id


@pytest.mark.parametrize("version", ["-1", "1.0", "1e2", '"1"', "true", "[]"])
def test_an_entity_version_that_is_no_natural_number_is_refused(version: str) -> None:
    body = f'{{"type":"t","data":{{}},"entity_version":{version}}}'.encode()

    with pytest.raises(InvalidEventError, match="not an event"):
        event_from_json(parse(body), key="k")


@pytest.mark.parametrize("version", [0, 3, 2**63, 10**99])
def test_an_entity_version_keeps_its_digits(version: int) -> None:
    assert event(sale(entity_version=version)).entity_version == str(version)


@pytest.mark.parametrize("data", [{"a": "\ud800"}, {"\udfff": 1}, {"a": [{"b": "x\udc00"}]}])
def test_a_lone_surrogate_in_the_data_is_a_fault_of_the_data(data: object) -> None:
    assert set(faults(sale(data=data))) == {"/data"}


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("a/b", "/a~1b"),
        ("a~b", "/a~0b"),
        ("~1", "/~01"),
        ("", "/"),
        ("x" * 500, "/" + "x" * 128),
        ("\ud800", "/?"),
    ],
)
def test_a_pointer_is_escaped_and_cut(name: str, pointer: str) -> None:
    assert faults(sale(**{name: 1})) == {pointer: "is not a field of an event"}


@given(JSON_OBJECTS)
def test_data_is_kept_as_a_json_value(data: dict[str, Any]) -> None:
    kept = json.loads(event(sale(data=data)).data)

    assert repr(kept) == repr(json.loads(json.dumps(data, sort_keys=True)))


@given(JSON_OBJECTS)
def test_the_same_event_written_otherwise_has_the_same_fingerprint(data: dict[str, Any]) -> None:
    backwards = dict(reversed(list(sale(data=data).items())))
    other = event_from_json(parse(json.dumps(backwards, indent=1).encode()), key="other")

    assert other.fingerprint == event(sale(data=data)).fingerprint


HEADS = st.fixed_dictionaries(
    {"type": st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True)},
    optional={
        "occurred_at": st.sampled_from(["2026-11-23T10:00:00Z", "2016-12-31t23:59:60.5+01:00"]),
        "entity_id": st.text(
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
            min_size=1,
            max_size=128,
        ),
        "entity_version": st.integers(0, 10**99),
    },
)


@given(HEADS)
def test_a_fingerprint_is_made_of_the_canonical_texts(head: dict[str, Any]) -> None:
    canonical = dump(parse(json.dumps(head).encode()))

    assert event({**head, "data": {"a": 1}}).fingerprint == fingerprint(canonical, '{"a":1}')


@pytest.mark.parametrize(
    "change",
    [
        {"type": "order.updated"},
        {"data": {"total": 12.0}},
        {"data": {"total": "12"}},
        {"data": {"total": 12, "tip": None}},
        {"occurred_at": "2026-11-23T10:00:00.0Z"},
        {"entity_id": "order-18"},
        {"entity_version": 4},
    ],
)
def test_any_change_is_another_event(change: dict[str, object]) -> None:
    assert event(sale(**change)).fingerprint != event(SALE).fingerprint


def test_an_absent_field_is_not_the_same_as_any_value() -> None:
    without = {name: SALE[name] for name in ("type", "data")}

    assert event(without).fingerprint != event(SALE).fingerprint


def test_data_cannot_pass_for_a_head() -> None:
    one = event({"type": "t", "data": {"entity_id": "x"}})
    other = event({"type": "t", "data": {}, "entity_id": "x"})

    assert one.fingerprint != other.fingerprint


def test_an_item_of_a_batch_is_the_same_event_as_the_single_call_s() -> None:
    item = batch_item_from_json(parse(json.dumps(sale(idempotency_key="k")).encode()))

    assert item == event(SALE)


@pytest.mark.parametrize("key", [None, "", "a b", "é", "k" * 256, 1, ["k"], {}, "\ud800", "\0"])
def test_an_item_without_a_usable_key_is_refused_at_its_key(key: object) -> None:
    with pytest.raises(InvalidEventError) as caught:
        batch_item_from_json(parse(json.dumps(sale(idempotency_key=key)).encode()))
    assert [fault.pointer for fault in caught.value.faults] == ["/idempotency_key"]


def test_an_item_s_faults_are_all_named() -> None:
    with pytest.raises(InvalidEventError) as caught:
        batch_item_from_json({"data": "x", "more": None})
    assert {fault.pointer for fault in caught.value.faults} == {
        "/idempotency_key",
        "/type",
        "/data",
        "/more",
    }


@pytest.mark.parametrize("count", [1, 500])
def test_an_envelope_holds_1_to_500_items_of_any_kind(count: int) -> None:
    body = json.dumps({"events": [None] * count}).encode()

    assert batch_from_json(parse(body)) == [None] * count


@pytest.mark.parametrize(
    ("envelope", "pointers"),
    [
        ([], [""]),
        ({}, ["/events"]),
        ({"events": None}, ["/events"]),
        ({"events": {}}, ["/events"]),
        ({"events": []}, ["/events"]),
        ({"events": [1] * 501}, ["/events"]),
        ({"events": [1], "more": 1}, ["/more"]),
        ({"a": 1, "b": 1}, ["/a", "/b", "/events"]),
    ],
)
def test_an_envelope_that_does_not_fit_is_refused(envelope: object, pointers: list[str]) -> None:
    with pytest.raises(InvalidEventError) as caught:
        batch_from_json(parse(json.dumps(envelope).encode()))
    assert [fault.pointer for fault in caught.value.faults] == pointers


@pytest.mark.parametrize(("text", "storable"), [("é\n", True), ("\0", False), ("\udc80", False)])
def test_a_text_column_holds_neither_nul_nor_lone_surrogates(text: str, *, storable: bool) -> None:
    assert is_storable(text) is storable


def test_what_is_stored_is_canonical() -> None:
    body = b'{"data": {"b": 1.10, "a": [ ]}, "type": "t"}'
    made = event_from_json(parse(body), key="k")

    assert made.data == '{"a":[],"b":1.10}' == dump(parse(made.data.encode()))
