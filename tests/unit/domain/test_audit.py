from __future__ import annotations

import uuid

import pytest

from tillgate.domain.audit import (
    Action,
    Deed,
    Detail,
    claimed_name,
    cursor_after,
    entry_before,
    host_of,
)

ENTRY_ID = "01a207d9-2607-7716-9e0b-6a4f1d2c8b35"


@pytest.mark.parametrize(
    "details",
    [{}, {"count": 3, "by_ids": True, "app_id": None}, {"hint": "tg_live_4f9Q"}, {"x": "a:b-c.d"}],
)
def test_details_are_numbers_flags_and_words_of_ours(details: dict[str, Detail]) -> None:
    assert Deed(Action.TOKEN_REVOKED, details=details).details == details


@pytest.mark.parametrize(
    "details",
    [
        {"name": "Café au lait"},
        {"url": "https://example.com/path"},
        {"text": "x" * 129},
        {"text": "a\n"},
        {"Name": 1},
        {"a b": 1},
        {f"n{'a' * n}": n for n in range(17)},
    ],
)
def test_details_take_no_text_that_a_caller_may_have_written(details: dict[str, Detail]) -> None:
    with pytest.raises(ValueError, match="words of our own"):
        Deed(Action.TOKEN_REVOKED, details=details)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://abc.supabase.co/rest?key=s3cret", "abc.supabase.co"),
        ("http://127.0.0.1:8000/", "127.0.0.1"),
        ("http://[::1]:8000/", "::1"),
        ("https://user:s3cret@example.com", "example.com"),
        ("https://a!b" + "c" * 200, "a_b" + "c" * 125),
        ("nothing", ""),
    ],
)
def test_of_an_address_the_host_alone_is_told(url: str, host: str) -> None:
    assert host_of(url) == host
    assert Deed(Action.DESTINATION_CHANGED, details={"host": host_of(url)}).details["host"] == host


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("alice@example.com", "alice@example.com"),
        (" DOMAIN\\alice ", "DOMAIN_alice"),
        ("a\r\nb<c>", "a__b_c_"),
        ("x" * 65, "x" * 64),
    ],
)
def test_claimed_name_is_made_fit_and_never_refused(text: str | None, name: str | None) -> None:
    assert claimed_name(text) == name


def test_cursor_names_the_entry_after_which_it_goes_on() -> None:
    for entry_id in (ENTRY_ID, str(uuid.UUID(int=0)), str(uuid.UUID(int=2**128 - 1))):
        assert entry_before(cursor_after(entry_id)) == entry_id


@pytest.mark.parametrize(
    "cursor", ["", "a1_", ENTRY_ID, "e1_AZoH2SYHdxaeC2pPHSyLNQ", "a1_" + "é" * 22]
)
def test_what_is_no_cursor_of_ours_names_none(cursor: str) -> None:
    assert entry_before(cursor) is None
