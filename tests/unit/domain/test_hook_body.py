from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tillgate.domain.errors import UnreadableDeliveryError
from tillgate.domain.hook_body import (
    identifier,
    integer_text,
    json_object,
    member,
    occurred_at,
    text,
)

if TYPE_CHECKING:
    from tillgate.domain.json_value import JsonValue

VENDOR: dict[str, JsonValue] = json_object(
    b'{"name":"x","number":17,"minus":-1,"part":1.5,"exp":1e2,"flag":true,"none":null,'
    b'"object":{"a":"b"},"list":[1],"empty":"","long":' + b"9" * 101 + b","
    b'"at":"2026-11-23T10:00:00Z","day":"2026-11-23"}'
)
NAMES = [*VENDOR, "absent"]


@pytest.mark.parametrize("name", NAMES)
def test_only_a_string_is_text(name: str) -> None:
    strings = {"name": "x", "at": "2026-11-23T10:00:00Z", "day": "2026-11-23"}

    assert text(VENDOR, name) == strings.get(name, "")


@pytest.mark.parametrize("name", NAMES)
def test_only_a_natural_number_has_digits(name: str) -> None:
    assert integer_text(VENDOR, name) == ("17" if name == "number" else None)


@pytest.mark.parametrize("name", NAMES)
def test_only_an_object_has_members(name: str) -> None:
    assert member(VENDOR, name) == ({"a": "b"} if name == "object" else {})


@pytest.mark.parametrize("name", NAMES)
def test_only_an_instant_occurs(name: str) -> None:
    assert occurred_at(VENDOR, name) == ("2026-11-23T10:00:00Z" if name == "at" else None)


@pytest.mark.parametrize(("name", "found"), [("name", "x"), ("number", "17"), ("flag", None)])
def test_an_identifier_is_text_or_a_natural_number(name: str, found: str | None) -> None:
    assert identifier(VENDOR, name) == found


@pytest.mark.parametrize("body", [b"", b"null", b"[{}]", b'"{}"', b"{}{}", b"\xef\xbb\xbf{}"])
def test_a_body_is_one_object(body: bytes) -> None:
    with pytest.raises(UnreadableDeliveryError):
        json_object(body)
