from __future__ import annotations

from datetime import date, timedelta

import pytest

from tillgate.domain.key_ring import KEPT_DAYS, made_on, next_kid, standings

DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("kid", "day"),
    [
        ("k2-2026-11-23", DAY),
        ("k10-2026-11-23", DAY),
        ("k1", None),
        ("k2-2026-02-30", None),
        ("k2-2026-11-23x", None),
        ("k-2026-11-23", None),
        ("2026-11-23", None),
        ("k٢-2026-11-23", None),
        ("", None),
    ],
)
def test_a_name_says_when_its_key_was_made(kid: str, day: date | None) -> None:
    assert made_on(kid) == day


@pytest.mark.parametrize(
    ("kids", "kid"),
    [
        (["k1"], "k2-2026-11-23"),
        (["k1", "k2-2026-11-23"], "k3-2026-11-23"),
        (["k8-2026-01-01", "k9-2026-04-01"], "k10-2026-11-23"),
        (["ours", "yours"], "k3-2026-11-23"),
    ],
)
def test_a_new_key_has_a_name_that_no_other_has(kids: list[str], kid: str) -> None:
    assert next_kid(kids, DAY) == kid


def ring(*, ages: list[int]) -> list[str]:
    """Name keys that were made so many days ago; the first is k1."""
    later = [f"k{n}-{DAY - timedelta(days=age)}" for n, age in enumerate(ages[1:], start=2)]
    return ["k1", *later]


def leaving(kids: list[str], rows: dict[str, dict[str, int]] | None = None) -> list[str]:
    return [key.kid for key in standings(kids, rows or {}, DAY) if not key.stays_because]


def test_a_key_leaves_when_what_it_sealed_can_live_no_more() -> None:
    kids = ring(ages=[900, KEPT_DAYS, 30, 20, 10])

    assert leaving(kids) == ["k1"]
    assert leaving(ring(ages=[900, KEPT_DAYS - 1, 30, 20, 10])) == []


def test_the_one_that_seals_and_the_two_before_stay_however_old_they_are() -> None:
    kids = ring(ages=[5_000, 4_000, 3_000, 2_000])

    assert leaving(kids) == ["k1"]
    assert leaving(kids[1:]) == []


def test_a_key_that_a_row_names_stays() -> None:
    kids = ring(ages=[5_000, 4_000, 3_000, 2_000, 1_000])

    assert leaving(kids) == kids[:2]
    assert leaving(kids, {"k1": {"app.sealed_secret": 1}}) == kids[1:2]
    assert leaving(kids, {"k1": {"app.sealed_secret": 0}}) == kids[:2]


def test_a_key_of_which_nobody_knows_when_it_stopped_sealing_stays() -> None:
    assert leaving(["k1", "made by hand", *ring(ages=[0, 5_000, 4_000, 3_000])[1:]]) == [
        "made by hand"
    ]


def test_each_reason_to_stay_is_told() -> None:
    kids = ring(ages=[900, 300, 200, 100])
    first, *_, last = standings(kids, {"k1": {"source.sealed_secret": 2}}, DAY)

    assert first.stays_because == (
        f"something sealed under it may live until {DAY + timedelta(days=KEPT_DAYS - 300)}",
        "2 of source.sealed_secret name it",
    )
    assert (first.rows, first.leaves_on) == (
        {"source.sealed_secret": 2},
        DAY + timedelta(days=KEPT_DAYS - 300),
    )
    assert (last.is_current, last.stays_because) == (True, ("it seals",))
