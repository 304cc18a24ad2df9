from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import VISIBLE_ASCII
from tillgate.domain.errors import IdempotencyKeyInvalidError, IdempotencyKeyRequiredError
from tillgate.domain.idempotency import (
    API_NAMESPACE,
    MAX_KEY_LENGTH,
    idempotency_key,
    stored_key,
    usable_key,
)

KEYS = st.text(VISIBLE_ASCII, min_size=1, max_size=MAX_KEY_LENGTH)


def quoted(key: str) -> str:
    """Write a structured-field string (RFC 8941, section 4.1.6)."""
    return '"' + re.sub(r'(["\\])', r"\\\1", key) + '"'


def key_or_none(header: str) -> str | None:
    try:
        return idempotency_key(header)
    except IdempotencyKeyInvalidError:
        return None


def test_a_missing_header_is_told_apart_from_a_bad_one() -> None:
    with pytest.raises(IdempotencyKeyRequiredError):
        idempotency_key(None)


@pytest.mark.parametrize(
    "key", ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", "a" * 255, "!#$%&'()*+-./:;<=>?@[]^_`{|}~"]
)
def test_bare_and_quoted_are_the_same_key(key: str) -> None:
    assert idempotency_key(key) == idempotency_key(quoted(key)) == key


@given(KEYS)
def test_any_visible_key_can_be_sent_quoted(key: str) -> None:
    assert idempotency_key(quoted(key)) == key


@given(KEYS)
def test_a_bare_key_is_taken_as_it_is_or_refused(key: str) -> None:
    if set(key) & set('",\\'):
        with pytest.raises(IdempotencyKeyInvalidError):
            idempotency_key(key.lstrip('"') + ",")
    else:
        assert idempotency_key(key) == key


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (r'"a\"b"', 'a"b'),
        (r'"a\\b"', "a\\b"),
        (r'"\\\""', '\\"'),
        ('"a,b"', "a,b"),
        ("  k\t", "k"),
        (' "k" ', "k"),
        ("'k'", "'k'"),
    ],
)
def test_escapes_and_outer_spaces_are_no_part_of_the_key(header: str, key: str) -> None:
    assert idempotency_key(header) == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "\t",
        '""',
        '"',
        '" "',
        '"a',
        'a"',
        'a"b',
        '"a"b',
        '"a"b"',
        '"a" "b"',
        '"a", "b"',
        '"a";p=1',
        r'"a\b"',
        r'"a\"',
        '"a b"',
        "a b",
        "a,b",
        "a\\b",
        "a\tb",
        "a\nb",
        "a\n",
        '"a\n"',
        "a\0b",
        "a\x7f",
        "é",
        '"é"',
        "\U0001f600",
        '"\U0001f600"',
        "\u00a0k",
        "\ud800",
    ],
)
def test_what_holds_no_usable_key_is_refused(header: str) -> None:
    with pytest.raises(IdempotencyKeyInvalidError):
        idempotency_key(header)


@pytest.mark.parametrize("write", [str, quoted])
def test_the_longest_key_has_255_characters(write: type[str]) -> None:
    assert idempotency_key(write("k" * 255)) == "k" * 255
    with pytest.raises(IdempotencyKeyInvalidError, match="longer than 255"):
        idempotency_key(write("k" * 256))


def test_escapes_do_not_count_towards_the_length() -> None:
    assert idempotency_key(quoted('"' * 255)) == '"' * 255


@given(st.text(max_size=300))
def test_any_header_gives_a_usable_key_or_is_refused(header: str) -> None:
    key = key_or_none(header)

    assert key is None or re.fullmatch(r"[!-~]{1,255}", key)


@given(st.text('a"\\, \t', max_size=8))
def test_a_key_that_can_be_read_twice_is_read_the_same(header: str) -> None:
    key = key_or_none(header)

    assert key is None or idempotency_key(quoted(key)) == key


@pytest.mark.parametrize("key", ["a,b", 'a"b', "a\\b", '"'])
def test_a_key_in_a_body_needs_no_quoting(key: str) -> None:
    assert usable_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "é", "\0", "k" * 256])
def test_a_key_in_a_body_is_visible_ascii_too(key: str) -> None:
    with pytest.raises(IdempotencyKeyInvalidError):
        usable_key(key)


def test_two_senders_with_one_key_do_not_collide() -> None:
    assert stored_key(API_NAMESPACE, "k") == "api:k"
    assert stored_key("square", "k") == "square:k"
