"""A tenant's bucket in one sandbox: what it lets through, and what it tells and learns."""

from __future__ import annotations

import math

import pytest

from tillgate.domain.errors import RateLimitedError
from tillgate.domain.tenant import RateLimit, Tenant, TenantId, TenantState
from tillgate.services import limits as limits_module
from tillgate.services.limits import DEBT_EVENTS, DEBT_SECONDS, MAX_BUCKETS, TenantLimits

STARTED = 1_795_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = STARTED

    def __call__(self) -> float:
        return self.now


def tenant(n: int = 1, limit: RateLimit | None = None) -> Tenant:
    return Tenant(TenantId(f"tenant-{n}"), f"t{n}", TenantState.ACTIVE, limit)


ONE = tenant()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> TenantLimits:
    return TenantLimits(RateLimit(10, 30), clock=clock)


def let_in(limits: TenantLimits, tries: int, of: Tenant = ONE) -> int:
    return sum(wait_of(limits, of) is None for _ in range(tries))


def wait_of(limits: TenantLimits, of: Tenant = ONE) -> int | None:
    """Give how long a request is told to wait; None for one that is let in."""
    try:
        limits.admit(of)
    except RateLimitedError as error:
        return error.retry_seconds
    return None


def test_a_burst_is_let_in_and_then_the_rate_exactly(limits: TenantLimits, clock: Clock) -> None:
    assert let_in(limits, 100) == 30
    for _ in range(50):
        clock.now += 0.1
        assert let_in(limits, 3) == 1
    clock.now += 2.05
    assert let_in(limits, 100) == 20
    clock.now += 3_600
    assert let_in(limits, 100) == 30


def test_a_tenant_s_bucket_is_its_own(limits: TenantLimits) -> None:
    let_in(limits, 100)

    assert let_in(limits, 100, tenant(2)) == 30


@pytest.mark.parametrize("batch", [1, 7, 30, 31, 100, 500])
def test_who_waits_as_told_is_let_in(limits: TenantLimits, clock: Clock, batch: int) -> None:
    limits.admit(ONE)
    limits.charge(ONE.tenant_id, batch - 1)
    waited = 0
    while (wait := wait_of(limits)) is None:
        waited += 1
    clock.now += wait

    assert wait >= 1
    assert wait == max(math.ceil((batch - 29) / 10), 1) or batch < 30
    assert wait_of(limits) is None


def test_what_a_batch_held_is_a_debt_that_ends(limits: TenantLimits, clock: Clock) -> None:
    let_in(limits, 29)
    limits.admit(ONE)
    limits.charge(ONE.tenant_id, 10**9)

    most = DEBT_SECONDS + (DEBT_EVENTS + 1) // 10 + 1
    wait = wait_of(limits)
    assert wait is not None
    assert DEBT_SECONDS < wait <= most
    clock.now += wait
    assert wait_of(limits) is None


def test_a_clock_that_is_set_back_locks_nobody_out(limits: TenantLimits, clock: Clock) -> None:
    assert let_in(limits, 40) == 30
    clock.now -= 86_400
    assert let_in(limits, 40) == 0
    clock.now += 1
    assert let_in(limits, 40) == 10
    clock.now += 3
    assert let_in(limits, 40) == 30


def test_a_vendor_s_items_go_in_all_or_none(limits: TenantLimits, clock: Clock) -> None:
    assert limits.take(ONE.tenant_id, 29)
    assert limits.take(ONE.tenant_id, 11)
    assert not limits.take(ONE.tenant_id, 1)
    clock.now += 1.1
    assert limits.take(ONE.tenant_id, 1)
    assert not limits.take(ONE.tenant_id, 1)


def test_a_limit_of_its_own_goes_before_the_default_and_may_change(
    limits: TenantLimits, clock: Clock
) -> None:
    assert let_in(limits, 100, tenant(1, RateLimit(1, 5))) == 5
    clock.now += 1
    # What was looked up anew is another object with the same content.
    assert let_in(limits, 100, tenant(1, RateLimit(1, 5))) == 1
    # A greater one is no fresh burst.
    assert let_in(limits, 100, tenant(1, RateLimit(50, 60))) == 0
    clock.now += 1
    assert let_in(limits, 100, tenant(1, RateLimit(50, 60))) == 50
    clock.now += 60
    assert let_in(limits, 100, tenant(1)) == 30


def test_a_hook_s_tenant_goes_by_the_limit_that_was_noted(limits: TenantLimits) -> None:
    limits.note(tenant(1, RateLimit(1, 2)))

    assert [limits.take(ONE.tenant_id, 1) for _ in range(4)] == [True, True, False, False]


def test_what_was_asked_for_is_told_once(limits: TenantLimits) -> None:
    let_in(limits, 31)
    limits.take(TenantId("tenant-2"), 7)

    assert limits.report() == {"tenant-1": (10, 30, 30, 31), "tenant-2": (10, 30, 7, 7)}
    assert limits.report() is None
    let_in(limits, 1)
    assert limits.report() == {"tenant-1": (10, 30, 0, 1)}


def test_a_quiet_tenant_is_told_of_when_it_is_worth_it(clock: Clock) -> None:
    limits = TenantLimits(RateLimit(3_200, 3_200), clock=clock)
    let_in(limits, 99)
    assert limits.report() is None
    let_in(limits, 1)

    assert limits.report() == {"tenant-1": (3_200, 3_200, 100, 100)}


def told(limits: TenantLimits, out: float, demand: float) -> None:
    """Report what was asked for, and learn what all sandboxes did."""
    reported = limits.report()
    assert reported is not None
    limits.learn(reported, {ONE.tenant_id: (out, demand)})


def test_what_others_used_is_gone_here_too(limits: TenantLimits) -> None:
    assert let_in(limits, 10) == 10
    told(limits, out=28, demand=10)

    assert let_in(limits, 100) == 2


def test_what_others_let_through_too_much_is_a_debt_here_too(
    limits: TenantLimits, clock: Clock
) -> None:
    let_in(limits, 30)
    told(limits, out=60, demand=30)

    assert wait_of(limits) == 4
    clock.now += 3
    assert wait_of(limits) == 1
    clock.now += 0.1
    assert wait_of(limits) is None


def test_a_sandbox_with_a_third_of_the_demand_lets_a_third_through(
    limits: TenantLimits, clock: Clock
) -> None:
    let_in(limits, 10)
    told(limits, out=30, demand=30)

    admitted = 0
    for _ in range(60):
        clock.now += 0.1
        admitted += let_in(limits, 1)
    assert admitted == 20


def test_a_share_is_forgotten_when_nothing_is_heard_of_the_others(
    limits: TenantLimits, clock: Clock
) -> None:
    let_in(limits, 10)
    told(limits, out=20, demand=1_000)
    assert let_in(limits, 10) == 1
    clock.now += 10

    assert let_in(limits, 100) == 30


def test_who_waits_as_told_is_let_in_although_the_others_send_no_more(
    limits: TenantLimits, clock: Clock
) -> None:
    let_in(limits, 10)
    told(limits, out=29, demand=10_240)
    assert let_in(limits, 1) == 1
    # Of what was taken for the others nothing may have been used.
    wait = wait_of(limits)
    assert wait == 10
    clock.now += wait

    assert let_in(limits, 1) == 1


def test_events_that_were_not_counted_are_told_again(limits: TenantLimits) -> None:
    let_in(limits, 5)
    reported = limits.report()
    assert reported is not None
    let_in(limits, 2)
    limits.learn(reported, {})

    assert limits.report() == {"tenant-1": (10, 30, 7, 7)}


def test_what_was_let_in_since_the_report_is_not_given_back(limits: TenantLimits) -> None:
    let_in(limits, 5)
    reported = limits.report()
    assert reported is not None
    let_in(limits, 20)
    limits.learn(reported, {ONE.tenant_id: (5, 5)})

    assert let_in(limits, 100) == 5


def test_memory_is_bounded_and_the_fullest_go_first(
    limits: TenantLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MAX_BUCKETS", 100)
    monkeypatch.setattr(limits_module, "_EVICTED", 10)
    spent = tenant(0)
    let_in(limits, 30, spent)
    for n in range(1, 1_000):
        limits.admit(tenant(n))
        # Whoever makes room by new names finds the spent one as it was.
        assert len(limits._buckets) <= 100

    assert let_in(limits, 100, spent) == 0


def test_what_is_as_good_as_new_goes_first(
    limits: TenantLimits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits_module, "MAX_BUCKETS", 100)
    monkeypatch.setattr(limits_module, "_EVICTED", 10)
    for n in range(100):
        limits.admit(tenant(n))
    for n in range(50, 100):
        limits.charge(tenant(n).tenant_id, 1_000)
    limits.report()
    clock.now += 10
    limits.admit(tenant(100))

    assert [let_in(limits, 1, tenant(n)) for n in range(50, 100)] == [0] * 50


def test_ten_thousand_tenants_fit() -> None:
    assert MAX_BUCKETS == 10_000
