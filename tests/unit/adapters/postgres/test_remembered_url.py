"""Where the database is, remembered; with a real one: tests/integration/test_connection.py."""

from __future__ import annotations

import pytest

from tillgate.adapters.postgres.connection import READ_AGAIN_SECONDS, RememberedUrl
from tillgate.domain.errors import SecretUnavailableError


class Kept:
    """A secret that a test changes, with the clock by which it is read."""

    def __init__(self) -> None:
        self.url = "postgresql://first"
        self.is_down = False
        self.reads = 0
        self.now = 1_000_000.0

    def read(self) -> str:
        self.reads += 1
        if self.is_down:
            raise SecretUnavailableError("down")
        return self.url

    def remembered(self) -> RememberedUrl:
        return RememberedUrl(self.read, clock=lambda: self.now)


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_it_is_read_once_for_ever(kept: Kept) -> None:
    url = kept.remembered()
    for _ in range(3):
        assert url.get() == "postgresql://first"
        kept.now += 86_400
        kept.is_down = True
    assert kept.reads == 1


def test_it_is_not_known_until_it_was_read(kept: Kept) -> None:
    url = kept.remembered()
    kept.is_down = True
    for _ in range(2):
        with pytest.raises(SecretUnavailableError):
            url.get()
    kept.is_down = False
    assert url.get() == "postgresql://first"


def test_another_one_is_seen_when_it_is_read_again(kept: Kept) -> None:
    url = kept.remembered()
    url.get()
    kept.now += READ_AGAIN_SECONDS
    assert url.read_again() is False
    kept.url = "postgresql://second"
    assert url.read_again() is False
    kept.now += READ_AGAIN_SECONDS
    assert url.read_again() is True
    assert url.get() == "postgresql://second"


def test_a_doubtful_one_is_read_again_before_its_next_use(kept: Kept) -> None:
    url = kept.remembered()
    url.get()
    kept.url, url.is_doubtful = "postgresql://second", True
    kept.now += READ_AGAIN_SECONDS - 0.1
    assert url.get() == "postgresql://first"
    kept.now += 0.1
    assert url.get() == "postgresql://second"
    assert url.is_doubtful is False


@pytest.mark.parametrize("is_down", [True, False])
def test_it_is_read_again_once_in_five_seconds(kept: Kept, *, is_down: bool) -> None:
    url = kept.remembered()
    url.get()
    kept.is_down = is_down
    for second in range(20):
        kept.now = 1_000_000.0 + second
        for _ in range(10):
            url.read_again()
            assert url.get() == "postgresql://first"
    assert kept.reads == 1 + 3


def test_a_clock_that_was_set_back_does_not_keep_it_from_being_read(kept: Kept) -> None:
    url = kept.remembered()
    url.get()
    kept.url = "postgresql://second"
    kept.now -= 86_400
    assert url.read_again() is True
