from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.signatures import decoded_base64, hmac_sha256, matches_base64

MAC = hmac_sha256(b"key", b"message")


def test_the_mac_is_that_of_rfc_4231() -> None:
    # Test case 2.
    mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?")

    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_base64_matches_its_own_text() -> None:
    assert matches_base64(MAC, base64.b64encode(MAC).decode())


@pytest.mark.parametrize(
    "signature",
    [
        "",
        MAC.hex(),
        base64.b64encode(MAC).decode().rstrip("="),
        base64.b64encode(MAC).decode() + "=",
        base64.b64encode(MAC[:-1]).decode(),
        "sha256=" + base64.b64encode(MAC).decode(),
    ],
)
def test_nothing_else_matches_base64(signature: str) -> None:
    assert matches_base64(MAC, signature) is False


@given(st.text())
def test_any_text_is_compared_and_never_raises(signature: str) -> None:
    assert matches_base64(MAC, signature) is False


@given(st.binary())
def test_base64_is_decoded(content: bytes) -> None:
    assert decoded_base64(base64.b64encode(content).decode()) == content


@pytest.mark.parametrize("text", ["a", "ab", "a===", "!!!!", "ab-_", "é", "ab\n=", "\ud800"])
def test_what_is_not_base64_is_none(text: str) -> None:
    assert decoded_base64(text) is None
