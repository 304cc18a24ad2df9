"""What may follow what: no ring that lost a needed key, no token that locks its holders out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.rotation_stand import NOW, OLD_TOKEN, RING, RotationStand
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.key_ring import KEPT_DAYS
from tillgate.domain.rotation import Step


@pytest.fixture
def stand() -> RotationStand:
    return RotationStand()


@pytest.mark.parametrize("step", [Step.TEST, Step.FINISH])
@pytest.mark.parametrize(
    ("ring", "code"),
    [
        ({"k2-2026-11-23": "two"}, "key-needed"),
        ({"k1": "other", "k2-2026-11-23": "two"}, "key-changed"),
        ({"k2-2026-11-23": "two", "k1": "one"}, "ring-differs"),
        ({"k1": "one", "k2": "two", "k3": "three"}, "ring-differs"),
        ({"k1": "one", "ключ": "two"}, "seal-broken"),
        ([], "no-ring"),
    ],
)
def test_a_ring_that_would_lose_or_change_a_key_never_becomes_current(
    stand: RotationStand, step: Step, ring: object, code: str
) -> None:
    version = stand.begin("arn:ring", json.dumps(ring))

    assert stand.refusal(step, "arn:ring", version) == code
    assert stand.ring() == RING


@pytest.mark.parametrize("step", [Step.TEST, Step.FINISH])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"token": "short"}, "token-malformed"),
        ({"token": "with a space in it, and long enough for a token"}, "token-malformed"),
        ({"token": "n" * 48}, "previous-differs"),
        (
            {"token": "n" * 48, "previous": {"token": "x", "good_until": "2027-01-01T00:00:00Z"}},
            "previous-differs",
        ),
        (
            {
                "token": "n" * 48,
                "previous": {"token": OLD_TOKEN, "good_until": "2026-11-29T03:59:59Z"},
            },
            "overlap-short",
        ),
        ({}, "no-token"),
    ],
)
def test_a_token_that_would_lock_its_holders_out_never_becomes_current(
    stand: RotationStand, step: Step, value: object, code: str
) -> None:
    version = stand.begin("arn:op", json.dumps(value))

    assert stand.refusal(step, "arn:op", version) == code
    assert json.loads(stand.secrets.current["arn:op"]) == {"token": OLD_TOKEN}


def old_ring(stand: RotationStand) -> list[str]:
    """Give the ring five keys, of which the first two stopped sealing long ago."""
    days = [NOW.date() - timedelta(days=age) for age in (KEPT_DAYS + 9, KEPT_DAYS, 180, 90)]
    kids = ["k1", *(f"k{n}-{day}" for n, day in enumerate(days, start=2))]
    stand.secrets.current["arn:ring"] = json.dumps({kid: f"text of {kid}" for kid in kids})
    return kids


def test_keys_leave_that_nothing_can_need_and_the_line_says_which(stand: RotationStand) -> None:
    kids = old_ring(stand)
    stand.rows.add("app.sealed_secret", kids[1])
    version = stand.secrets.begin_rotation("arn:ring")

    said = stand.rotate.run(Step.CREATE, "arn:ring", version)
    for step in (Step.SET, Step.TEST, Step.FINISH):
        stand.rotate.run(step, "arn:ring", version)

    assert said["dropped"] == ["k1"]
    assert said["made"] == "k6-2026-11-23"
    assert list(stand.ring()) == [*kids[1:], "k6-2026-11-23"]
    assert not any(text in str(said) for text in stand.ring().values())


def test_no_key_leaves_while_nobody_can_tell_what_names_it(stand: RotationStand) -> None:
    kids = old_ring(stand)
    stand.rows.is_down = True
    version = stand.secrets.begin_rotation("arn:ring")

    said = stand.rotate.run(Step.CREATE, "arn:ring", version)
    stand.rotate.run(Step.FINISH, "arn:ring", version)

    assert (said["dropped"], said["is_unused_known"]) == ([], False)
    assert list(stand.ring()) == [*kids, "k6-2026-11-23"]


def test_a_key_that_was_named_after_all_stops_the_rotation_that_drops_it(
    stand: RotationStand,
) -> None:
    kids = old_ring(stand)
    version = stand.secrets.begin_rotation("arn:ring")
    assert stand.rotate.run(Step.CREATE, "arn:ring", version)["dropped"] == kids[:2]
    stand.rows.add("source.sealed_secret", "k1")

    assert stand.refusal(Step.FINISH, "arn:ring", version) == "key-needed"
    stand.rows.is_down = True
    with pytest.raises(StoreUnavailableError):
        stand.rotate.run(Step.FINISH, "arn:ring", version)
    assert len(stand.ring()) == 5
