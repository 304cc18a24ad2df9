"""No events in 15 open minutes: the night is none, and a watcher that is silent closes nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.infra.cloudwatch import State, World
from tests.infra.deployed_alarms import NEVER, OLDER, Deployed, fires_after
from tillgate.domain.silence import is_open, spells

ALARM = "NoIngests"
MORNING = 14 * 60
OPENS, CLOSES = 100, 400
BERLIN = ZoneInfo("Europe/Berlin")


def states(
    alarms: Deployed,
    *,
    events: list[int],
    opened: dict[int, float],
    minutes: int,
    older: int = 2,
    late: int = 0,
) -> list[State]:
    """Give the alarm's states: an event in each of those minutes, so many open in each."""
    world = World()
    world.put(alarms.ours("events_accepted"), events, [1.0])
    for minute, tenants in opened.items():
        world.put(alarms.ours("open_tenants"), [minute], [tenants])
    return alarms.states(ALARM, world, minutes, older_periods=older, late_minutes=late)


def in_alarm(found: list[State]) -> list[int]:
    """Give after how many minutes it was in alarm."""
    return [minute for minute, state in enumerate(found, start=1) if state is State.ALARM]


def day(tenants: float = 1.0) -> dict[int, float]:
    return {minute: tenants if OPENS <= minute < CLOSES else 0.0 for minute in range(600)}


@pytest.mark.parametrize("older", OLDER)
@pytest.mark.parametrize("quiet", [[], [0.0]], ids=["no line", "a line with none"])
@pytest.mark.parametrize("opened", [[], [1.0], [250.0]], ids=["not told", "one", "many"])
def test_no_ingests_for_fifteen_minutes(
    alarms: Deployed, quiet: list[float], opened: list[float], older: int
) -> None:
    accepted, tenants = alarms.ours("events_accepted"), alarms.ours("open_tenants")
    good, none = {accepted: [3.0], tenants: opened}, {accepted: quiet, tenants: opened}

    assert fires_after(alarms, ALARM, good, none, 14, older_periods=older) is NEVER
    assert fires_after(alarms, ALARM, good, none, 15, older_periods=older) == 15


@pytest.mark.parametrize("opened", [{}, dict.fromkeys(range(240), 1.0)], ids=["not told", "open"])
def test_one_event_in_fifteen_minutes_is_an_ingest(
    alarms: Deployed, opened: dict[int, float]
) -> None:
    found = states(alarms, events=list(range(0, 240, 15)), opened=opened, minutes=240)

    assert in_alarm(found) == []


@pytest.mark.parametrize("late", [0, 1, 2])
@pytest.mark.parametrize("older", OLDER)
def test_who_opens_has_all_of_fifteen_minutes_and_who_closes_is_left_alone(
    alarms: Deployed, older: int, late: int
) -> None:
    found = states(alarms, events=[], opened=day(), minutes=600, older=older, late=late)

    # From the end of the fifteenth open minute to the end of the first closed one, which is
    # known when its data have come; before the first data nothing is known at all.
    known = [minute for minute in in_alarm(found) if minute > late]
    assert known == list(range(OPENS + 15, CLOSES + 1 + late))


def test_one_event_after_opening_gives_fifteen_minutes_more(alarms: Deployed) -> None:
    found = states(alarms, events=[OPENS + 14], opened=day(), minutes=CLOSES)

    assert in_alarm(found)[0] == OPENS + 15 + 15


def test_who_opens_for_less_than_fifteen_minutes_is_not_missed(alarms: Deployed) -> None:
    opened = {minute: float(OPENS <= minute < OPENS + 14) for minute in range(300)}

    assert in_alarm(states(alarms, events=[], opened=opened, minutes=300)) == []


@pytest.mark.parametrize("older", OLDER)
def test_a_watcher_that_falls_silent_at_night_closes_nobody(alarms: Deployed, older: int) -> None:
    opened = dict.fromkeys(range(50), 0.0)

    found = states(alarms, events=[], opened=opened, minutes=200, older=older)

    assert in_alarm(found) == list(range(50 + 15, 201))


@pytest.mark.parametrize("silent", [1, 14])
def test_a_watcher_that_is_silent_for_less_than_fifteen_minutes_wakes_nobody_at_night(
    alarms: Deployed, silent: int
) -> None:
    opened = {m: 0.0 for m in range(300) if not 100 <= m < 100 + silent}

    assert in_alarm(states(alarms, events=[], opened=opened, minutes=300)) == []


@pytest.mark.parametrize(
    ("date", "begins", "hours"),
    [
        ("2026-03-28", "08:00", "08:00-12:00"),
        # The clocks go forward, and back, in these nights.
        ("2026-03-29", "08:00", "08:00-12:00"),
        ("2026-10-25", "08:00", "08:00-12:00"),
        # Opens in the hour that is skipped: when it is skipped.
        ("2026-03-29", "03:00", "02:30-12:00"),
        # Opens in the hour that comes twice: the first time.
        ("2026-10-25", "02:30", "02:30-12:00"),
    ],
)
def test_opening_is_by_the_merchants_own_clock(
    alarms: Deployed, date: str, begins: str, hours: str
) -> None:
    midnight = datetime.fromisoformat(date).replace(tzinfo=BERLIN).astimezone(UTC)
    week = spells({name: [hours] for name in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
    opened = {
        minute: float(is_open(week, BERLIN, midnight + timedelta(minutes=minute)))
        for minute in range(MORNING)
    }

    found = in_alarm(states(alarms, events=[], opened=opened, minutes=MORNING))

    opening = datetime.fromisoformat(f"{date}T{begins}").replace(tzinfo=BERLIN).astimezone(UTC)
    closing = datetime.fromisoformat(f"{date}T12:00").replace(tzinfo=BERLIN).astimezone(UTC)
    assert (found[0], found[-1]) == (
        (opening - midnight) // timedelta(minutes=1) + 15,
        (closing - midnight) // timedelta(minutes=1),
    )
