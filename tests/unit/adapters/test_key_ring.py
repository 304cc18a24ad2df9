from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.adapters.key_ring import KeyRingSecretBox
from tillgate.domain.errors import SecretUnavailableError

SECRET = b"whsec_a vendor's secret"


class Ring:
    """A key ring that is kept elsewhere; counts how often it is read."""

    def __init__(self, **keys: str) -> None:
        self.keys = keys
        self.reads = 0
        self.is_lost = False
        self.now = 1_000.0

    def __call__(self) -> str:
        self.reads += 1
        if self.is_lost:
            raise SecretUnavailableError("Secrets Manager is down")
        return json.dumps(self.keys)


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_in_its_place(plain: bytes, context: str) -> None:
    box = KeyRingSecretBox(Ring(k1="one"))

    assert box.open(box.seal(plain, context=context), context=context) == plain


def test_another_sandbox_opens_it_too() -> None:
    sealed = KeyRingSecretBox(Ring(k1="one")).seal(SECRET, context="c")

    assert KeyRingSecretBox(Ring(k1="one")).open(sealed, context="c") == SECRET


def test_two_sealings_of_one_secret_look_nothing_alike() -> None:
    box = KeyRingSecretBox(Ring(k1="one"))

    one, other = box.seal(SECRET, context="c"), box.seal(SECRET, context="c")

    assert one != other
    assert SECRET not in one


@pytest.mark.parametrize("context", ["", "C", "c ", "endpoint:other:id"])
def test_another_context_is_refused(context: str) -> None:
    box = KeyRingSecretBox(Ring(k1="one"))
    sealed = box.seal(SECRET, context="c")

    with pytest.raises(SecretUnavailableError, match="does not open here"):
        box.open(sealed, context=context)


def test_any_flipped_bit_is_refused() -> None:
    box = KeyRingSecretBox(Ring(k1="one", k2="two"))
    sealed = box.seal(SECRET, context="c")

    for at in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(SecretUnavailableError):
            box.open(bytes(flipped), context="c")


def test_anything_cut_off_or_added_is_refused() -> None:
    box = KeyRingSecretBox(Ring(k1="one"))
    sealed = box.seal(SECRET, context="c")

    for broken in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0"]:
        with pytest.raises(SecretUnavailableError):
            box.open(broken, context="c")


@given(st.binary(max_size=80))
def test_bytes_that_nobody_sealed_are_refused(sealed: bytes) -> None:
    with pytest.raises(SecretUnavailableError):
        KeyRingSecretBox(Ring(k1="one")).open(sealed, context="c")


def test_after_a_rotation_old_secrets_open_and_new_ones_use_the_new_key() -> None:
    ring = Ring(k1="one")
    old = KeyRingSecretBox(ring).seal(SECRET, context="c")
    ring.keys["k2"] = "two"
    box = KeyRingSecretBox(ring)

    new = box.seal(SECRET, context="c")

    assert box.kids == ("k1", "k2")
    assert box.open(old, context="c") == box.open(new, context="c") == SECRET
    assert (old[2:4], new[2:4]) == (b"k1", b"k2")


def test_a_key_added_since_is_read_once() -> None:
    ring = Ring(k1="one")
    box = KeyRingSecretBox(ring)
    box.open(box.seal(SECRET, context="c"), context="c")
    assert ring.reads == 1

    ring.keys["k2"] = "two"
    sealed = KeyRingSecretBox(Ring(k1="one", k2="two")).seal(SECRET, context="c")
    for _ in range(3):
        assert box.open(sealed, context="c") == SECRET
    assert ring.reads == 2


def test_a_key_that_was_taken_away_opens_nothing() -> None:
    sealed = KeyRingSecretBox(Ring(gone="x")).seal(SECRET, context="c")
    box = KeyRingSecretBox(Ring(k1="one"))

    with pytest.raises(SecretUnavailableError, match="no key 'gone'"):
        box.open(sealed, context="c")


def test_the_same_name_with_another_key_opens_nothing() -> None:
    sealed = KeyRingSecretBox(Ring(k1="one")).seal(SECRET, context="c")

    with pytest.raises(SecretUnavailableError):
        KeyRingSecretBox(Ring(k1="other")).open(sealed, context="c")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"k1"', "1", "{}"])
def test_what_is_no_ring_is_told(text: str) -> None:
    with pytest.raises(SecretUnavailableError, match="key ring"):
        KeyRingSecretBox(lambda: text).seal(SECRET, context="c")


@pytest.mark.parametrize("kid", ["кл", "k" * 256])
def test_a_name_that_could_not_be_read_back_seals_nothing(kid: str) -> None:
    with pytest.raises(SecretUnavailableError, match="key's name"):
        KeyRingSecretBox(Ring(**{kid: "one"})).seal(SECRET, context="c")


@pytest.mark.parametrize("kid", ["", "k", "k" * 255])
def test_any_other_name_is_read_back(kid: str) -> None:
    box = KeyRingSecretBox(Ring(**{kid: "one"}))

    assert box.open(box.seal(SECRET, context="c"), context="c") == SECRET


def test_a_ring_that_becomes_unreadable_does_not_lose_the_old_one() -> None:
    ring = Ring(k1="one")
    box = KeyRingSecretBox(ring)
    sealed = box.seal(SECRET, context="c")
    ring.keys = {}

    with pytest.raises(SecretUnavailableError):
        box.reload()
    assert box.open(sealed, context="c") == SECRET


def aging(ring: Ring) -> KeyRingSecretBox:
    return KeyRingSecretBox(ring, clock=lambda: ring.now)


def test_a_new_key_seals_five_minutes_later_at_the_latest() -> None:
    ring = Ring(k1="one")
    box = aging(ring)
    box.seal(SECRET, context="c")
    ring.keys["k2"] = "two"

    ring.now += 299
    assert box.seal(SECRET, context="c")[2:4] == b"k1"
    ring.now += 1
    assert box.seal(SECRET, context="c")[2:4] == b"k2"
    assert ring.reads == 2


def test_a_key_that_was_taken_out_opens_nothing_five_minutes_later() -> None:
    ring = Ring(k1="one", k2="two")
    old = KeyRingSecretBox(Ring(k1="one")).seal(SECRET, context="c")
    box = aging(ring)
    assert box.open(old, context="c") == SECRET
    del ring.keys["k1"]
    ring.now += 300

    with pytest.raises(SecretUnavailableError, match="no key 'k1'"):
        box.open(old, context="c")


def test_a_ring_is_read_no_more_often_than_each_five_minutes() -> None:
    ring = Ring(k1="one")
    box = aging(ring)
    for _ in range(100):
        box.open(box.seal(SECRET, context="c"), context="c")
        ring.now += 3

    assert ring.reads == 1


def test_without_secrets_manager_the_old_ring_serves_and_is_asked_for_each_minute() -> None:
    ring = Ring(k1="one")
    box = aging(ring)
    box.seal(SECRET, context="c")
    ring.is_lost = True
    ring.now += 300
    for _ in range(60):
        assert box.open(box.seal(SECRET, context="c"), context="c") == SECRET
        ring.now += 1
    assert ring.reads == 2

    ring.is_lost, ring.keys["k2"] = False, "two"
    assert box.kids == ("k1", "k2")


def test_a_clock_that_was_set_back_keeps_no_ring_for_ever() -> None:
    ring = Ring(k1="one")
    box = aging(ring)
    box.seal(SECRET, context="c")
    ring.keys["k2"] = "two"
    ring.now -= 86_400

    assert box.seal(SECRET, context="c")[2:4] == b"k2"


def test_a_second_look_may_give_up_sooner_than_the_first() -> None:
    first, second = Ring(k1="one"), Ring(k1="one", k2="two")
    box = KeyRingSecretBox(first, read_again=second, clock=lambda: first.now)
    box.seal(SECRET, context="c")
    first.now += 300

    assert box.kids == ("k1", "k2")
    assert (first.reads, second.reads) == (1, 1)
