"""One canonical text for one value, and nothing lost on the way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_OBJECTS, JSON_VALUES
from tillgate.domain.idempotency import fingerprint
from tillgate.domain.json_value import LoneSurrogateError, dump, parse

if TYPE_CHECKING:
    from random import Random


def canonical(text: str) -> str:
    return dump(parse(text.encode()))


@given(JSON_VALUES)
def test_python_reads_the_same_value_from_the_canonical_text(value: object) -> None:
    text = canonical(json.dumps(value))

    # By their texts: -0.0 equals 0.0, and must still be -0.0.
    assert repr(json.loads(text)) == repr(json.loads(json.dumps(value, sort_keys=True)))


@given(JSON_VALUES)
def test_the_canonical_text_is_its_own(value: object) -> None:
    text = canonical(json.dumps(value))

    assert canonical(text) == text


@given(value=JSON_VALUES, indent=st.sampled_from([None, 1, 4]), ensure_ascii=st.booleans())
def test_spacing_and_escapes_are_no_part_of_the_value(
    value: object, indent: int | None, *, ensure_ascii: bool
) -> None:
    written = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)

    assert canonical(written) == canonical(json.dumps(value))


@given(JSON_OBJECTS, st.randoms())
def test_the_order_of_keys_is_no_part_of_the_value(value: dict[str, Any], shuffler: Random) -> None:
    members = list(value.items())
    shuffler.shuffle(members)

    assert canonical(json.dumps(dict(members))) == canonical(json.dumps(value))


def test_keys_stand_in_the_order_of_their_code_points() -> None:
    # UTF-16 would put the emoji, a surrogate pair, before U+FF5E.
    text = canonical('{"\U0001f600":1,"\uff5e":2,"b":3,"B":4,"":5,"\u00e9":6}')

    assert text == '{"":5,"B":4,"b":3,"\u00e9":6,"\uff5e":2,"\U0001f600":1}'


@pytest.mark.parametrize("one", ["1", "1.0", "1.00", "1e0", "1E0", "10e-1"])
@pytest.mark.parametrize("other", ["1", "1.0", "1.00", "1e0", "1E0", "10e-1"])
def test_numbers_compare_as_written(one: str, other: str) -> None:
    same = fingerprint(canonical(f"[{one}]")) == fingerprint(canonical(f"[{other}]"))

    assert same == (one == other)


@pytest.mark.parametrize(
    "number", ["9" * 400, "-" + "7" * 10_000, "-0.0", "1e308", "1e400", "1E-7", "12.10"]
)
def test_numbers_are_written_as_they_came(number: str) -> None:
    assert canonical(f' {{"n": {number} }} ') == f'{{"n":{number}}}'


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r'"\u0000"', r'"\u0000"'),
        (r'"\u001F"', r'"\u001f"'),
        (r'"\/"', '"/"'),
        (r'"\u0022\u005c"', r'"\"\\"'),
        (r'"\b\f\n\r\t"', r'"\b\f\n\r\t"'),
        (r'"\u007f\u2028\u00e9"', '"\x7f\u2028\u00e9"'),
        (r'"\ud83d\ude00"', '"\U0001f600"'),
        ("[]", "[]"),
        ('{"a":{}}', '{"a":{}}'),
        ("[true,false,null]", "[true,false,null]"),
    ],
)
def test_every_value_has_one_way_to_be_written(written: str, text: str) -> None:
    assert canonical(written) == text


def test_a_string_that_looks_like_a_number_stays_a_string() -> None:
    assert canonical('["1",1,"1.0"]') == '["1",1,"1.0"]'


@pytest.mark.parametrize("body", [r'"\ud800"', r'["\udfff"]', r'{"\udc00":1}', r'"\ude00\ud83d"'])
def test_a_lone_surrogate_cannot_be_written(body: str) -> None:
    with pytest.raises(LoneSurrogateError):
        canonical(body)


def test_what_is_no_json_value_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no JSON value"):
        dump({"a": set()})  # type: ignore[dict-item]  # On purpose.


@given(st.lists(JSON_OBJECTS, min_size=1, max_size=3), st.lists(JSON_OBJECTS, max_size=3))
def test_a_fingerprint_tells_texts_and_their_borders_apart(
    ones: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    texts = [canonical(json.dumps(one)) for one in ones]
    other_texts = [canonical(json.dumps(other)) for other in others]

    assert (fingerprint(*texts) == fingerprint(*other_texts)) == (texts == other_texts)


def test_two_texts_are_not_one() -> None:
    assert fingerprint("1", "2") != fingerprint("12")


def test_a_fingerprint_is_a_sha_256_in_hex() -> None:
    assert fingerprint("{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
