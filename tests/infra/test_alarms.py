"""The alarms on what senders meet fire when they should, and not a minute sooner."""

from __future__ import annotations

import pytest

from tests.infra.cloudwatch import State, World
from tests.infra.deployed_alarms import NEVER, OLDER, Deployed, Samples, fires_after

HOURS = 60  # in minutes


def requests(alarms: Deployed, *, count: int, errors: int = 0, kind: str = "5xx") -> Samples:
    """A minute's; the gateway tells of each request whether it was an error."""
    samples = {alarms.gateway("Count"): [1.0] * count}
    if count:
        samples[alarms.gateway(kind)] = [1.0] * errors + [0.0] * (count - errors)
    return samples


def failing(alarms: Deployed, share: float, *, count: int = 10_000, kind: str = "5xx") -> Samples:
    """A minute's requests as sums, of which a share fails."""
    return {
        alarms.gateway("Count"): [float(count)],
        alarms.gateway(kind): [float(round(share * count))],
    }


def test_p95_above_a_second_for_ten_minutes(alarms: Deployed) -> None:
    latency = alarms.gateway("Latency")
    good, slow = {latency: [20.0] * 100}, {latency: [20.0] * 94 + [1001.0] * 6}

    assert fires_after(alarms, "LatencyP95", good, slow, 9) is NEVER
    assert fires_after(alarms, "LatencyP95", good, slow, 10) == 10


@pytest.mark.parametrize(
    "latencies",
    [[1000.0] * 100, [20.0] * 95 + [9000.0] * 5],
    ids=["a second is not above it", "five of a hundred are not P95"],
)
def test_what_is_not_p95_above_a_second(alarms: Deployed, latencies: list[float]) -> None:
    latency = alarms.gateway("Latency")
    assert fires_after(alarms, "LatencyP95", {latency: [20.0]}, {latency: latencies}, 60) is NEVER


def test_one_good_minute_in_ten_is_enough(alarms: Deployed) -> None:
    latency = alarms.gateway("Latency")
    world = World()
    world.put(latency, range(120), [5000.0])
    world.put(latency, range(0, 120, 10), [20.0] * 99)

    assert State.ALARM not in alarms.states("LatencyP95", world, 120)


@pytest.mark.parametrize("older_periods", OLDER)
def test_no_requests_are_not_slow(alarms: Deployed, older_periods: int) -> None:
    good = {alarms.gateway("Latency"): [20.0]}
    assert fires_after(alarms, "LatencyP95", good, {}, 60, older_periods=older_periods) is NEVER


@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize("alarm", ["LatencyP95", "ServerErrors", "ClientErrors"])
def test_an_alarm_ends_though_nothing_comes_in_any_more(
    alarms: Deployed, alarm: str, older_periods: int
) -> None:
    world = World()
    for metric in (alarms.gateway("5xx"), alarms.gateway("4xx"), alarms.gateway("Count")):
        world.put(metric, range(20), [100.0])
    world.put(alarms.gateway("Latency"), range(20), [5000.0])

    states = alarms.states(alarm, world, 60, older_periods=older_periods)

    assert states[19] is State.ALARM
    # A point for each minute that CloudWatch still finds beyond the window, and no more.
    assert State.ALARM not in states[20 + older_periods :]


def test_server_errors_above_two_in_a_hundred_for_five_minutes(alarms: Deployed) -> None:
    good, bad = failing(alarms, 0), failing(alarms, 0.0201)

    assert fires_after(alarms, "ServerErrors", good, bad, 4) is NEVER
    assert fires_after(alarms, "ServerErrors", good, bad, 5) == 5
    assert fires_after(alarms, "ServerErrors", good, failing(alarms, 0.02), 60) is NEVER


def test_the_only_request_a_minute_may_fail_four_times(alarms: Deployed) -> None:
    """There is no minimum traffic: what always fails is wrong however little there is of it."""
    good, bad = requests(alarms, count=1), requests(alarms, count=1, errors=1)

    assert fires_after(alarms, "ServerErrors", good, bad, 4) is NEVER
    assert fires_after(alarms, "ServerErrors", good, bad, 5) == 5


@pytest.mark.parametrize("older_periods", OLDER)
def test_no_requests_are_no_server_errors(alarms: Deployed, older_periods: int) -> None:
    good = requests(alarms, count=100, errors=1)
    assert fires_after(alarms, "ServerErrors", good, {}, 60, older_periods=older_periods) is NEVER


def test_without_a_single_error_there_is_no_metric_of_errors(alarms: Deployed) -> None:
    only_counted = {alarms.gateway("Count"): [1.0] * 100}
    assert fires_after(alarms, "ServerErrors", only_counted, only_counted, 60) is NEVER


def test_client_errors_count_from_sixty_requests_a_minute_on(alarms: Deployed) -> None:
    good = requests(alarms, count=60, kind="4xx")
    bad = requests(alarms, count=60, errors=2, kind="4xx")
    few = requests(alarms, count=59, errors=59, kind="4xx")

    assert fires_after(alarms, "ClientErrors", good, bad, 4) is NEVER
    assert fires_after(alarms, "ClientErrors", good, bad, 5) == 5
    assert fires_after(alarms, "ClientErrors", good, few, 60) is NEVER


@pytest.mark.parametrize("late_minutes", [1, 2])
@pytest.mark.parametrize("alarm", ["LatencyP95", "ServerErrors", "ClientErrors", "Throttles"])
def test_an_alarm_fires_though_the_newest_minutes_data_always_come_late(
    alarms: Deployed, alarm: str, late_minutes: int
) -> None:
    """What stands in for the minute that has not come yet must not say that all is well."""
    world = World()
    for metric in (alarms.gateway("5xx"), alarms.gateway("4xx"), alarms.gateway("Count")):
        world.put(metric, range(60), [100.0])
    world.put(alarms.gateway("Latency"), range(60), [5000.0])
    world.put(alarms.function("Ingest", "Ingest"), range(60), [1.0])

    states = alarms.states(alarm, world, 60, late_minutes=late_minutes)

    assert states[-1] is State.ALARM


@pytest.mark.parametrize(("share", "expected"), [(0.02, NEVER), (0.0201, 5)])
def test_client_errors_above_two_in_a_hundred_for_five_minutes(
    alarms: Deployed, share: float, expected: int | None
) -> None:
    good, bad = failing(alarms, 0, kind="4xx"), failing(alarms, share, kind="4xx")
    assert fires_after(alarms, "ClientErrors", good, bad, 60) == expected


def test_throttles_in_three_of_five_minutes(alarms: Deployed) -> None:
    throttled = alarms.function("Ingest", "Ingest")
    good, bad = {throttled: [0.0]}, {throttled: [1.0]}

    assert fires_after(alarms, "Throttles", good, bad, 2) is NEVER
    assert fires_after(alarms, "Throttles", good, bad, 3) == 3
    world = World()
    world.put(alarms.function("Delivery", "Deliver"), (60, 62, 64), [1.0])
    states = alarms.states("Throttles", world, 120)
    assert [minute for minute, state in enumerate(states) if state is State.ALARM] == [64]


@pytest.mark.parametrize(
    ("alarm", "share", "minutes", "after"),
    [
        # Everything fails: an hour has burnt its part after one minute, a sixtieth of it.
        ("ErrorBudgetFastAll", 1.0, 10, 1),
        ("ErrorBudgetFastAll", 0.0150, 90, 58),
        ("ErrorBudgetFastAll", 0.0150, 57, NEVER),
        ("ErrorBudgetFastAll", 0.0144, 120, NEVER),
        # 6 h * 0.6 % is 2.16 minutes of failing altogether.
        ("ErrorBudgetSlowAll", 1.0, 10, 3),
        ("ErrorBudgetSlowAll", 1.0, 2, NEVER),
        ("ErrorBudgetSlowAll", 0.0070, 400, 309),
        ("ErrorBudgetSlowAll", 0.0060, 500, NEVER),
    ],
)
def test_the_error_budget_burns(
    alarms: Deployed, alarm: str, share: float, minutes: int, after: int | None
) -> None:
    good, bad = failing(alarms, 0), failing(alarms, share)

    assert fires_after(alarms, alarm, good, bad, minutes, lead=13 * HOURS) == after


@pytest.mark.parametrize(
    ("alarm", "short", "long"), [("ErrorBudgetFastAll", 5, 60), ("ErrorBudgetSlowAll", 30, 360)]
)
def test_the_pair_ends_with_its_short_window(
    alarms: Deployed, alarm: str, short: int, long: int
) -> None:
    world = World()
    for metric, values in failing(alarms, 0).items():
        world.put(metric, [*range(long), *range(long + 20, 2 * long + 60)], values)
    for metric, values in failing(alarms, 1).items():
        world.put(metric, range(long, long + 20), values)

    states = alarms.states(alarm, world, 2 * long + 60)

    in_alarm = [minute for minute, state in enumerate(states, start=1) if state is State.ALARM]
    # While the last minute that failed is in it; the long one still burns for long.
    assert in_alarm[-1] == long + 20 + short - 1


@pytest.mark.parametrize(
    ("alarm", "at_it", "above", "minutes"),
    [("ErrorBudgetFast5m", 0.0144, 0.0145, 5), ("ErrorBudgetSlow30m", 0.0060, 0.0061, 30)],
)
def test_the_short_window_has_the_long_ones_threshold(
    alarms: Deployed, alarm: str, at_it: float, above: float, minutes: int
) -> None:
    good = failing(alarms, 0)

    assert fires_after(alarms, alarm, good, failing(alarms, at_it), 2 * minutes) is NEVER
    assert fires_after(alarms, alarm, good, failing(alarms, above), 2 * minutes) == minutes


@pytest.mark.parametrize("older_periods", OLDER)
@pytest.mark.parametrize(
    ("alarm", "short", "long"), [("ErrorBudgetFastAll", 5, 60), ("ErrorBudgetSlowAll", 30, 360)]
)
def test_the_pair_ends_though_nothing_comes_in_any_more(
    alarms: Deployed, alarm: str, short: int, long: int, older_periods: int
) -> None:
    world = World()
    for metric, values in failing(alarms, 1).items():
        world.put(metric, range(20), values)

    states = alarms.states(alarm, world, long, older_periods=older_periods)

    in_alarm = [minute for minute, state in enumerate(states, start=1) if state is State.ALARM]
    assert in_alarm[-1] == 20 + short - 1


@pytest.mark.parametrize(
    ("alarm", "count", "expected"),
    [
        ("ErrorBudgetFastAll", 9, NEVER),
        ("ErrorBudgetFastAll", 10, 1),
        ("ErrorBudgetSlowAll", 9, NEVER),
        ("ErrorBudgetSlowAll", 10, 3),
    ],
)
def test_under_ten_requests_a_minute_no_budget_burns(
    alarms: Deployed, alarm: str, count: int, expected: int | None
) -> None:
    good, bad = failing(alarms, 0, count=count), failing(alarms, 1, count=count)

    assert fires_after(alarms, alarm, good, bad, 30, lead=13 * HOURS) == expected


def test_no_requests_burn_nothing(alarms: Deployed) -> None:
    for alarm in ("ErrorBudgetFastAll", "ErrorBudgetSlowAll"):
        assert fires_after(alarms, alarm, failing(alarms, 0), {}, 60, lead=13 * HOURS) is NEVER
