"""The encoder that is made once writes what Python's own writes."""

from __future__ import annotations

import json
from json import encoder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import JSON_VALUES
from tillgate.domain.json_writer import json_writer

VALUES = [{"b": 1, "a": [None, True, 1.5, "é\n"]}, [], "text", "\ud800", 12, None]


@given(JSON_VALUES, st.booleans(), st.booleans())
def test_it_writes_as_json_dumps_does(
    value: object,
    sort_keys: bool,  # noqa: FBT001  hypothesis' own order.
    ensure_ascii: bool,  # noqa: FBT001  As above.
) -> None:
    write = json_writer(sort_keys=sort_keys, ensure_ascii=ensure_ascii)

    expected = json.dumps(
        value, sort_keys=sort_keys, ensure_ascii=ensure_ascii, separators=(",", ":")
    )

    assert [write(value), write(value)] == [expected, expected]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_without_c_s_encoder_it_writes_the_same(
    value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = json_writer(sort_keys=True)(value)
    monkeypatch.setattr(encoder, "c_make_encoder", None)

    assert json_writer(sort_keys=True)(value) == expected


def test_what_json_cannot_hold_goes_through_default() -> None:
    assert json_writer(default=str)({"at": b"x"}) == '{"at":"b\'x\'"}'


def test_without_default_it_is_refused() -> None:
    with pytest.raises(TypeError):
        json_writer()({"at": b"x"})
