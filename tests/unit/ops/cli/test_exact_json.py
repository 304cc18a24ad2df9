from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.exact_json import UnreadableJsonError, parse, printable, render

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "number", ["12.10", "-0.0", "0", "1e308", "1E+2", "1.0", "9" * 400, "9" * 5000, "0.1e-999"]
)
def test_a_number_stays_as_it_was_written(number: str) -> None:
    assert render(parse(f'{{"n":{number}}}')) == f'{{"n":{number}}}'


@given(value=JSON_VALUES, indent=st.sampled_from([None, 2]))
def test_what_is_rendered_is_the_same_json_value(value: object, indent: int | None) -> None:
    text = json.dumps(value)

    assert json.loads(render(parse(text), indent=indent)) == value


@given(text=st.text())
def test_no_text_holds_what_a_terminal_acts_on(text: str) -> None:
    assert printable(text).isprintable()


@pytest.mark.parametrize("text", ["", "{", "NaN", "[Infinity]", "<html>", "[" * 100_000])
def test_what_is_not_json_is_said(text: str) -> None:
    with pytest.raises(UnreadableJsonError):
        parse(text)


def test_people_get_indented_json() -> None:
    assert render(parse('{"a":[1,{}],"b":[]}'), indent=2) == (
        '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}'
    )
