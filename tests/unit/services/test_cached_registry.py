from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes import InMemoryRegistry
from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.tenant import (
    AppId,
    Endpoint,
    Source,
    SourceId,
    Tenant,
    TenantId,
    TenantState,
    TokenStanding,
)
from tillgate.services import cached_registry
from tillgate.services.cached_registry import FRESH_SECONDS, MISS_SECONDS, CachedRegistry

ONE = Tenant(TenantId("one"), "one", TenantState.ACTIVE)
SOURCE = Source(SourceId("s"), ONE, "M1")
ENDPOINT = Endpoint("s", "square", "https://x.example", (b"sealed",), SOURCE)


class SetClock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def registry() -> InMemoryRegistry:
    registry = InMemoryRegistry()
    registry.tokens = {b"one": ONE}
    registry.endpoints = {("square", "s"): ENDPOINT}
    registry.bound_sources = {("app", "M1"): SOURCE}
    return registry


@pytest.fixture
def cached(registry: InMemoryRegistry, clock: SetClock) -> CachedRegistry:
    return CachedRegistry(registry, clock=clock)


def test_what_was_found_is_looked_up_once(
    cached: CachedRegistry, registry: InMemoryRegistry
) -> None:
    for _ in range(3):
        assert cached.find_token(b"one") == TokenStanding(ONE)
        assert cached.find_endpoint("square", "s") == ENDPOINT
        assert cached.find_bound_source(AppId("app"), "M1") == SOURCE
    assert registry.look_ups == 3


@pytest.mark.parametrize(("age", "sees_revocation"), [(FRESH_SECONDS - 0.1, False), (30, True)])
def test_a_revocation_is_seen_after_30_seconds(
    cached: CachedRegistry, registry: InMemoryRegistry, clock: SetClock, age: float, *,
    sees_revocation: bool,
) -> None:  # fmt: skip
    cached.find_token(b"one")
    del registry.tokens[b"one"]
    clock.now += age

    assert (cached.find_token(b"one") is None) is sees_revocation


@pytest.mark.parametrize(("age", "sees_it"), [(MISS_SECONDS - 0.1, False), (5, True)])
def test_a_new_token_is_seen_after_5_seconds(
    cached: CachedRegistry, registry: InMemoryRegistry, clock: SetClock, age: float, *,
    sees_it: bool,
) -> None:  # fmt: skip
    assert cached.find_token(b"new") is None
    registry.tokens[b"new"] = ONE
    clock.now += age

    assert (cached.find_token(b"new") == TokenStanding(ONE)) is sees_it


@pytest.mark.parametrize(("age", "sees_it"), [(4.9, False), (5, True), (29.9, True)])
def test_who_doubts_an_endpoint_is_given_one_that_is_at_most_so_old(
    cached: CachedRegistry, registry: InMemoryRegistry, clock: SetClock, age: float, *,
    sees_it: bool,
) -> None:  # fmt: skip
    cached.find_endpoint("square", "s")
    changed = registry.endpoints["square", "s"] = replace(ENDPOINT, sealed_secrets=(b"new",))
    clock.now += age

    assert cached.find_endpoint("square", "s") == ENDPOINT
    doubted = cached.find_endpoint("square", "s", at_most_seconds_old=5)
    assert (doubted == changed) is sees_it
    assert (cached.find_endpoint("square", "s") == changed) is sees_it


def test_doubting_costs_a_look_up_in_5_seconds_and_misses_stay_misses(
    cached: CachedRegistry, registry: InMemoryRegistry, clock: SetClock
) -> None:
    cached.find_endpoint("square", "s")
    cached.find_endpoint("square", "none")
    for second in range(20):
        clock.now = 1_000_000.0 + second
        for _ in range(10):
            cached.find_endpoint("square", "s", at_most_seconds_old=5)
    assert registry.look_ups == 2 + 3
    clock.now = 1_000_004.0
    cached.find_endpoint("square", "none", at_most_seconds_old=5)
    assert registry.look_ups == 2 + 3


def test_a_clock_that_was_set_back_makes_nothing_fresh_for_ever(
    cached: CachedRegistry, registry: InMemoryRegistry, clock: SetClock
) -> None:
    cached.find_token(b"one")
    cached.find_token(b"new")
    registry.tokens = {b"new": ONE}
    clock.now -= 86_400

    assert cached.find_token(b"one") is None
    assert cached.find_token(b"new") == TokenStanding(ONE)


def test_one_provider_s_endpoint_is_not_another_s(cached: CachedRegistry) -> None:
    assert cached.find_endpoint("square", "s") == ENDPOINT
    assert cached.find_endpoint("shopify", "s") is None


def test_one_app_s_merchant_is_not_another_s(cached: CachedRegistry) -> None:
    assert cached.find_bound_source(AppId("app"), "M1") == SOURCE
    assert cached.find_bound_source(AppId("other"), "M1") is None


def test_a_registry_that_cannot_tell_is_remembered_as_nothing(
    cached: CachedRegistry, registry: InMemoryRegistry
) -> None:
    registry.is_down = True
    with pytest.raises(StoreUnavailableError):
        cached.find_token(b"one")

    registry.is_down = False
    assert cached.find_token(b"one") == TokenStanding(ONE)


def test_a_fresh_hit_needs_no_registry(cached: CachedRegistry, registry: InMemoryRegistry) -> None:
    cached.find_token(b"one")
    registry.is_down = True

    assert cached.find_token(b"one") == TokenStanding(ONE)


def test_guessing_pushes_out_other_misses_only(
    cached: CachedRegistry, registry: InMemoryRegistry
) -> None:
    cached.find_token(b"one")
    for guess in range(cached_registry.MAX_MISSES + 1):
        cached.find_token(b"guess-%d" % guess)
    looked_up = registry.look_ups

    cached.find_token(b"one")
    cached.find_token(b"guess-1")
    assert registry.look_ups == looked_up
    cached.find_token(b"guess-0")
    assert registry.look_ups == looked_up + 1


def test_the_oldest_hit_goes_first_when_the_cache_is_full(
    registry: InMemoryRegistry, clock: SetClock
) -> None:
    cached = CachedRegistry(registry, clock=clock)
    registry.tokens = {b"%d" % n: ONE for n in range(cached_registry.MAX_HITS + 1)}
    for digest in registry.tokens:
        cached.find_token(digest)
    looked_up = registry.look_ups

    cached.find_token(b"1")
    assert registry.look_ups == looked_up
    cached.find_token(b"0")
    assert registry.look_ups == looked_up + 1
