"""Strict reading. That the canonical form is one and keeps everything: test_canonical_json."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import ANY_BODY
from tillgate.domain.errors import InvalidJsonError
from tillgate.domain.json_value import MAX_DEPTH, Number, parse


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b'{"a":1,}',
        b"[1,]",
        b"[,1]",
        b'{"a" 1}',
        b"{a:1}",
        b"undefined",
        b"True",
        b'"tab\tinside"',
        b'"line\ninside"',
        b'"\x00"',
        b'"\\x41"',
        b'"\\u12"',
        b'"open',
        b"\x0b1",
        b"\xc2\xa01",
        b"// comment\n1",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        parse(body)


@pytest.mark.parametrize("number", ["01", "+1", "1.", ".5", "1e", "0x10", "1_000", "--1", "\u0661"])
def test_what_is_not_a_json_number_is_refused(number: str) -> None:
    with pytest.raises(InvalidJsonError):
        parse(f'{{"a":{number}}}'.encode())


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_python_s_own_constants_are_refused(constant: str) -> None:
    with pytest.raises(InvalidJsonError, match="is not JSON"):
        parse(f'{{"a":[{constant}]}}'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"\xff"}',
        b'{"a":"\xc0\x80"}',  # An overlong NUL.
        b'{"a":"\xed\xa0\x80"}',  # A surrogate in UTF-8.
        b'{"a":"\xf4\x90\x80\x80"}',  # Beyond U+10FFFF.
        '{"a":1}'.encode("utf-16"),
        '{"a":"é"}'.encode("latin-1"),
    ],
)
def test_what_is_not_utf_8_is_refused_as_that(body: bytes) -> None:
    with pytest.raises(InvalidJsonError, match="not UTF-8"):
        parse(body)


def test_a_byte_order_mark_is_refused() -> None:
    with pytest.raises(InvalidJsonError, match="not JSON"):
        parse(b'\xef\xbb\xbf{"a":1}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'[{"b":{"a":1,"\\u0061":2}}]',
        b'{"":0,"":0}',
        b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    ],
)
def test_duplicate_keys_are_refused_however_they_are_written(body: bytes) -> None:
    with pytest.raises(InvalidJsonError, match="same key twice"):
        parse(body)


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


def test_the_deepest_allowed_nesting_is_read() -> None:
    value = parse(nested(MAX_DEPTH))

    for _ in range(MAX_DEPTH):
        assert isinstance(value, list)
        value = value[0] if value else None
    assert value is None


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 10_000, 200_000])
def test_deeper_nesting_is_refused_as_that(depth: int) -> None:
    with pytest.raises(InvalidJsonError, match="nested deeper than 64"):
        parse(nested(depth))


def test_depth_counts_objects_and_arrays_alike() -> None:
    fits = ('{"a":[' * 32 + "1" + "]}" * 32).encode()

    assert isinstance(parse(fits), dict)
    with pytest.raises(InvalidJsonError, match="nested deeper than 64"):
        parse(b"[" + fits + b"]")


def test_a_deep_value_in_the_last_member_is_found() -> None:
    body = b'{"a":[' + b"[]," * 100 + nested(MAX_DEPTH) + b"]}"

    with pytest.raises(InvalidJsonError, match="nested deeper than 64"):
        parse(body)


def test_depth_10_000_that_never_closes_is_refused() -> None:
    with pytest.raises(InvalidJsonError):
        parse(b"[" * 10_000)


@pytest.mark.parametrize("brackets", ["[" * 100_000, "{" * 100_000, '\\"[{' * 1_000])
def test_brackets_inside_strings_are_no_nesting(brackets: str) -> None:
    assert parse(f'{{"a":"{brackets}"}}'.encode()) == {"a": brackets.replace("\\", "")}


def test_many_shallow_containers_are_no_nesting() -> None:
    assert parse(b"[" + b"[]," * 10_000 + b"{}]") == [*([[]] * 10_000), {}]


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0",
        "-0.0",
        "1.0",
        "12.10",
        "1e308",
        "1E+400",
        "1e-400",
        "1.7976931348623157e308",
        "9" * 400,
        "-" + "8" * 10_000,
        "0." + "3" * 5_000,
    ],
)
def test_a_number_stays_as_it_was_written(text: str) -> None:
    assert parse(text.encode()) == Number(text.encode())


@pytest.mark.parametrize(
    "other", [Number(b"1.0"), Number(b"1.00"), Number(b"1e0"), Number(b"01"), 1, "1"]
)
def test_a_number_equals_only_what_is_written_the_same(other: object) -> None:
    assert Number(b"1") != other
    assert hash(Number(b"1")) == hash(Number(b"1"))


def test_white_space_around_and_inside_is_no_part_of_the_value() -> None:
    assert parse(b' \t\r\n{ "a" :\n[ 1 , 2 ]\t} ') == {"a": [Number(b"1"), Number(b"2")]}


def test_nul_and_surrogates_are_read_from_their_escapes() -> None:
    assert parse(b'"\\u0000"') == "\0"
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert parse(b'"\\ud800"') == "\ud800"


@given(ANY_BODY)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    refused = False
    try:
        value = parse(body)
    except InvalidJsonError:
        refused = True

    assert refused or value == plain_json(body)


@given(st.text('[]{}",:0e.-\\u \n', max_size=40))
def test_what_python_refuses_is_refused(text: str) -> None:
    try:
        expected = plain_json(text.encode())
    except ValueError:
        with pytest.raises(InvalidJsonError):
            parse(text.encode())
    else:
        assert parse(text.encode()) == expected


def plain_json(body: bytes) -> object:
    """Read as Python does, with the same numbers and the same refusals."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("duplicate")
        return dict(pairs)

    def number(text: str) -> Number:
        return Number(text.encode())

    def constant(name: str) -> object:
        raise ValueError(name)

    return json.loads(
        body.decode(),
        parse_int=number,
        parse_float=number,
        parse_constant=constant,
        object_pairs_hook=unique,
    )


def test_python_reads_every_number_that_is_kept() -> None:
    assert math.copysign(1, float("-0.0")) == -1
    assert float(Number(b"1e400").text) == math.inf
