"""Who is let in while the database is unreachable: by memory, by the snapshot, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.registry_snapshot import SNAPSHOT_KEY
from tillgate.domain.tenant import (
    AppId,
    TokenStanding,
)
from tillgate.services.cached_registry import STALE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable


from tests.unit.services.registry_sandbox import (
    APP,
    BOUND,
    DAY,
    ENDPOINT,
    IDLE,
    IDLE_TOKEN,
    ONE,
    REGISTRY,
    TOKEN,
    Sandbox,
    cold_sandbox,
)


@pytest.fixture
def sandbox() -> Sandbox:
    return cold_sandbox()


def warm(sandbox: Sandbox) -> None:
    sandbox.database.is_down = False
    assert sandbox.finds()
    sandbox.database.is_down = True


@pytest.mark.parametrize(
    ("age", "is_let_in"),
    [(0, True), (29.9, True), (30, True), (3_600, True), (DAY - 0.1, True), (DAY, False)],
)
def test_who_was_found_is_let_in_for_less_than_a_day(
    sandbox: Sandbox, age: float, *, is_let_in: bool
) -> None:
    assert STALE_SECONDS == DAY
    warm(sandbox)
    sandbox.now = age

    assert sandbox.finds() is is_let_in


def test_a_fresh_hit_asks_nobody_and_a_stale_one_the_database_first(sandbox: Sandbox) -> None:
    warm(sandbox)
    asked = sandbox.database.look_ups
    sandbox.now = 29.9
    assert sandbox.finds()
    assert sandbox.database.look_ups == asked
    sandbox.now = 30
    assert sandbox.finds()
    assert sandbox.database.look_ups == asked + 1
    assert sandbox.objects.reads == 0


def test_a_revocation_is_seen_as_soon_as_the_database_is_back(sandbox: Sandbox) -> None:
    warm(sandbox)
    sandbox.now = 3_600
    assert sandbox.finds()
    sandbox.database.is_down = False
    del sandbox.database.tokens[TOKEN]

    assert sandbox.registry.find_token(TOKEN) is None
    sandbox.database.is_down = True
    sandbox.now += 5
    assert not sandbox.finds()


def test_being_let_in_by_memory_makes_nobody_any_younger(sandbox: Sandbox) -> None:
    warm(sandbox)
    for hour in range(24):
        sandbox.now = hour * 3_600.0
        assert sandbox.finds()
    sandbox.now = DAY

    assert not sandbox.finds()


def test_being_let_in_by_the_snapshot_makes_nobody_any_younger(sandbox: Sandbox) -> None:
    sandbox.write()
    assert sandbox.finds()
    sandbox.now = DAY + 1

    assert not sandbox.finds()


@pytest.mark.parametrize(("age", "is_still_a_miss"), [(0, True), (4.9, True), (5, False)])
def test_a_miss_is_a_miss_for_less_than_5_seconds_and_then_unknown(
    sandbox: Sandbox, age: float, *, is_still_a_miss: bool
) -> None:
    sandbox.database.is_down = False
    assert sandbox.registry.find_token(b"new") is None
    sandbox.database.is_down = True
    sandbox.now = age

    if is_still_a_miss:
        assert sandbox.registry.find_token(b"new") is None
    else:
        with pytest.raises(StoreUnavailableError):
            sandbox.registry.find_token(b"new")


def test_a_miss_with_the_database_down_is_never_a_refusal(sandbox: Sandbox) -> None:
    sandbox.write()
    look_ups: list[Callable[[], object]] = [
        lambda: sandbox.registry.find_token(b"new"),
        lambda: sandbox.registry.find_endpoint("square", "new"),
        lambda: sandbox.registry.find_endpoint("shopify", "s"),
        lambda: sandbox.registry.find_endpoint("square", "b"),
        lambda: sandbox.registry.find_bound_source(AppId("app"), "M1"),
    ]

    for look_up in look_ups * 2:
        with pytest.raises(StoreUnavailableError):
            look_up()


def test_a_cold_sandbox_goes_by_the_snapshot(sandbox: Sandbox) -> None:
    sandbox.write()

    assert sandbox.registry.find_token(TOKEN) == TokenStanding(ONE)
    assert sandbox.registry.find_token(IDLE_TOKEN) == TokenStanding(IDLE)
    assert sandbox.registry.find_endpoint("square", "s") == ENDPOINT
    assert sandbox.registry.find_endpoint("square", "app", at_most_seconds_old=5) == APP
    assert sandbox.registry.find_bound_source(AppId("app"), "M2") == BOUND
    assert sandbox.objects.reads == 1


def test_what_a_sandbox_remembers_goes_before_the_snapshot(sandbox: Sandbox) -> None:
    warm(sandbox)
    sandbox.write({**REGISTRY, "tokens": []})
    sandbox.now = 60

    assert sandbox.finds()


def test_with_the_database_up_the_snapshot_is_not_read(sandbox: Sandbox) -> None:
    sandbox.write()
    sandbox.database.is_down = False
    del sandbox.database.tokens[TOKEN]

    assert sandbox.registry.find_token(TOKEN) is None
    assert sandbox.objects.reads == 0


@pytest.mark.parametrize(
    ("age", "is_let_in"), [(0, True), (DAY - 1, True), (DAY, True), (DAY + 0.1, False)]
)
def test_a_snapshot_more_than_a_day_old_lets_nobody_in(
    sandbox: Sandbox, age: float, *, is_let_in: bool
) -> None:
    sandbox.write()
    sandbox.now = age

    assert sandbox.finds() is is_let_in


def test_a_snapshot_gets_too_old_while_it_is_in_use(sandbox: Sandbox) -> None:
    sandbox.write(at=-DAY + 10)
    assert sandbox.finds()
    sandbox.now = 11

    assert not sandbox.finds()


def test_a_snapshot_is_read_again_after_60_seconds(sandbox: Sandbox) -> None:
    sandbox.write()
    assert sandbox.finds()
    sandbox.write({**REGISTRY, "tokens": []}, at=30)
    sandbox.now = 59.9
    assert sandbox.finds()
    assert sandbox.objects.reads == 1
    sandbox.now = 60

    assert not sandbox.finds()
    assert sandbox.objects.reads == 2


def test_reading_is_tried_again_after_5_seconds_and_not_before(sandbox: Sandbox) -> None:
    sandbox.objects.is_down = True
    for _ in range(3):
        assert not sandbox.finds()
    assert sandbox.objects.reads == 1
    sandbox.objects.is_down = False
    sandbox.write()
    sandbox.now = 4.9
    assert not sandbox.finds()
    assert sandbox.objects.reads == 1
    sandbox.now = 5

    assert sandbox.finds()


@pytest.mark.parametrize("trouble", ["down", "gone", "damaged"])
def test_a_snapshot_that_cannot_be_read_again_serves_on(sandbox: Sandbox, trouble: str) -> None:
    sandbox.write()
    assert sandbox.finds()
    sandbox.objects.is_down = trouble == "down"
    if trouble == "gone":
        sandbox.objects.objects.clear()
    if trouble == "damaged":
        sandbox.objects.objects[SNAPSHOT_KEY] = b"damaged"
    sandbox.now = 60

    assert sandbox.finds()
    assert sandbox.objects.reads == 2


@pytest.mark.parametrize("step", [-DAY, -61.0, 61.0])
def test_a_clock_that_was_set_lets_the_snapshot_be_read_again_at_once(
    sandbox: Sandbox, step: float
) -> None:
    sandbox.objects.is_down = True
    assert not sandbox.finds()
    sandbox.objects.is_down = False
    sandbox.write()
    sandbox.now += step

    assert sandbox.finds()


def test_a_clock_that_was_set_back_lets_who_was_found_in(sandbox: Sandbox) -> None:
    warm(sandbox)
    sandbox.now = -3_600

    assert sandbox.finds()


def test_a_clock_that_was_set_forward_by_a_day_lets_nobody_in_by_memory(sandbox: Sandbox) -> None:
    warm(sandbox)
    sandbox.now = DAY

    assert not sandbox.finds()
