from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.silence import WEEKDAYS, hours_faults, is_open, quiet_since, spells

BERLIN = ZoneInfo("Europe/Berlin")
# Half an hour of daylight saving; at midnight; ahead of and behind UTC; none at all.
ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata",
    "Atlantic/Azores", "America/Santiago", "Pacific/Kiritimati", "UTC",
)  # fmt: skip
HOUR = timedelta(hours=1)
WORKDAYS = {day: ["09:00-18:00"] for day in WEEKDAYS[:5]}
EVERY_NIGHT = {day: ["18:00-02:00"] for day in WEEKDAYS}
ALWAYS = {day: ["00:00-24:00"] for day in WEEKDAYS}


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def since(
    hours: dict[str, list[str]],
    *,
    heard: datetime,
    now: datetime,
    after: timedelta = HOUR,
    zone: ZoneInfo = BERLIN,
) -> datetime | None:
    return quiet_since(spells(hours), zone, heard_at=heard, now=now, quiet_after=after)


def test_a_night_is_no_silence() -> None:
    heard = berlin("2026-11-23T18:00")
    assert since(WORKDAYS, heard=heard, now=berlin("2026-11-24T09:59")) is None
    assert since(WORKDAYS, heard=heard, now=berlin("2026-11-24T10:00")) == berlin(
        "2026-11-24T09:00"
    )


def test_what_was_left_of_the_day_before_counts() -> None:
    heard = berlin("2026-11-23T17:40")
    assert since(WORKDAYS, heard=heard, now=berlin("2026-11-24T09:39")) is None
    assert since(WORKDAYS, heard=heard, now=berlin("2026-11-24T09:40")) == heard


def test_a_weekend_is_no_silence() -> None:
    heard = berlin("2026-11-20T18:00")
    assert since(WORKDAYS, heard=heard, now=berlin("2026-11-23T09:59")) is None
    assert since(WORKDAYS, heard=heard, now=berlin("2026-11-23T10:00")) is not None


def test_an_opening_over_midnight_is_one() -> None:
    heard = berlin("2026-11-23T23:30")
    assert since(EVERY_NIGHT, heard=heard, now=berlin("2026-11-24T00:29")) is None
    assert since(EVERY_NIGHT, heard=heard, now=berlin("2026-11-24T00:30")) == heard


def test_after_midnight_belongs_to_the_day_before() -> None:
    only_friday = {"fri": ["20:00-04:00"]}
    heard = berlin("2026-11-28T01:00")  # a Saturday
    assert since(only_friday, heard=heard, now=berlin("2026-11-28T02:00")) == heard
    sunday = berlin("2026-11-29T01:00")
    assert since(only_friday, heard=sunday, now=berlin("2026-12-04T20:59")) is None
    assert since(only_friday, heard=sunday, now=berlin("2026-12-04T21:00")) is not None


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_who_never_closes_is_silent_by_the_clock_of_the_world(day: str) -> None:
    heard = berlin(f"{day}T00:30")
    at = heard.astimezone(UTC) + timedelta(hours=3)
    assert since(ALWAYS, heard=heard, now=at, after=3 * HOUR) == heard
    earlier = at - timedelta(seconds=1)
    assert since(ALWAYS, heard=heard, now=earlier, after=3 * HOUR) is None


def test_an_hour_that_is_skipped_is_not_open() -> None:
    # 02:00 becomes 03:00: the night of 22:00 to 04:00 has five hours.
    night = {"sat": ["22:00-04:00"]}
    heard = berlin("2026-03-28T21:00")
    assert since(night, heard=heard, now=berlin("2026-03-29T12:00"), after=5 * HOUR) is not None
    longer = 5 * HOUR + timedelta(minutes=1)
    assert since(night, heard=heard, now=berlin("2026-03-29T12:00"), after=longer) is None


def test_who_opens_in_the_skipped_hour_opens_when_it_is_skipped() -> None:
    early = {"sun": ["02:30-10:00"]}
    heard = berlin("2026-03-28T12:00")
    assert since(early, heard=heard, now=berlin("2026-03-29T03:59")) is None
    assert since(early, heard=heard, now=berlin("2026-03-29T04:00")) == berlin("2026-03-29T03:00")


def test_who_closes_in_the_hour_that_comes_twice_closes_the_first_time() -> None:
    late = {"sat": ["22:00-02:30"]}
    heard = berlin("2026-10-25T01:00")
    at = berlin("2026-10-25T12:00")
    assert since(late, heard=heard, now=at, after=timedelta(minutes=90)) == heard
    assert since(late, heard=heard, now=at, after=timedelta(minutes=91)) is None


def test_who_never_opens_is_never_quiet() -> None:
    assert since({}, heard=berlin("2020-01-01T00:00"), now=berlin("2026-01-01T00:00")) is None


MINUTES = st.integers(0, 23 * 60 + 59)
DAYS = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(st.tuples(MINUTES, MINUTES), max_size=3))
# Around the changes of clocks in both halves of the world, and all year.
INSTANTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  Made aware below.
    *(
        st.datetimes(day - timedelta(days=3), day + timedelta(days=3))
        for day in (
            datetime(2026, 3, 8), datetime(2026, 3, 29), datetime(2026, 4, 5),  # noqa: DTZ001  As above.
            datetime(2026, 4, 24), datetime(2026, 9, 6), datetime(2026, 10, 4),  # noqa: DTZ001  As above.
            datetime(2026, 10, 25), datetime(2026, 10, 30), datetime(2026, 11, 1),  # noqa: DTZ001  As above.
        )
    ),
).map(lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC))  # fmt: skip


def written(openings: dict[str, list[tuple[int, int]]]) -> dict[str, list[str]]:
    return {
        day: [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in times]
        for day, times in openings.items()
    }


HOURS = DAYS.map(written).filter(lambda hours: not hours_faults(hours))


def open_minutes(
    hours: dict[str, list[str]], zone: ZoneInfo, start: datetime, end: datetime
) -> list[datetime]:
    """Walk minute by minute with a clock that never goes back; give the open ones' starts."""
    week = spells(hours)
    clock = datetime.min  # noqa: DTZ901  A clock on a wall, before it was wound up.
    found = []
    moment = start - timedelta(days=2)
    while moment < end:
        clock = max(clock, moment.astimezone(zone).replace(tzinfo=None))
        minute = clock.hour * 60 + clock.minute
        opened = any(
            (clock.weekday() == spell.weekday and spell.begins <= minute < spell.ends)
            or (clock.weekday() == (spell.weekday + 1) % 7 and minute + 24 * 60 < spell.ends)
            for spell in week
        )
        if opened and moment >= start:
            found.append(moment)
        moment += timedelta(minutes=1)
    return found


@given(
    hours=HOURS,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    heard=INSTANTS,
    silent=st.integers(0, 2 * 24 * 60),
    after=st.integers(1, 12 * 60),
)
def test_quiet_is_what_a_walk_by_the_minute_finds(
    hours: dict[str, list[str]], zone: ZoneInfo, heard: datetime, silent: int, after: int
) -> None:
    now = heard + timedelta(minutes=silent)
    walked = open_minutes(hours, zone, heard, now)
    expected = walked[0] if len(walked) >= after else None

    found = since(hours, heard=heard, now=now, after=timedelta(minutes=after), zone=zone)

    assert found == expected


@given(hours=HOURS, zone=st.sampled_from(ZONES).map(ZoneInfo), at=INSTANTS)
def test_open_is_what_a_walk_by_the_minute_finds(
    hours: dict[str, list[str]], zone: ZoneInfo, at: datetime
) -> None:
    walked = open_minutes(hours, zone, at, at + timedelta(minutes=1))

    assert is_open(spells(hours), zone, at) is bool(walked)


@pytest.mark.parametrize(
    ("hours", "at", "fold", "expected"),
    [
        (WORKDAYS, "2026-11-23T08:59:59.999999", 0, False),
        (WORKDAYS, "2026-11-23T09:00", 0, True),
        (WORKDAYS, "2026-11-23T17:59:59.999999", 0, True),
        (WORKDAYS, "2026-11-23T18:00", 0, False),
        (EVERY_NIGHT, "2026-11-23T01:59", 0, True),
        (EVERY_NIGHT, "2026-11-23T02:00", 0, False),
        ({}, "2026-11-23T12:00", 0, False),
        # 02:00 becomes 03:00: who opens in the skipped hour opens then.
        ({"sun": ["02:30-10:00"]}, "2026-03-29T01:59", 0, False),
        ({"sun": ["02:30-10:00"]}, "2026-03-29T03:00", 0, True),
        # 02:00 to 03:00 comes twice: it closes, and opens, the first time.
        ({"sat": ["22:00-02:30"]}, "2026-10-25T02:29", 0, True),
        ({"sat": ["22:00-02:30"]}, "2026-10-25T02:00", 1, False),
        ({"sun": ["02:30-10:00"]}, "2026-10-25T02:29", 0, False),
        ({"sun": ["02:30-10:00"]}, "2026-10-25T02:00", 1, True),
    ],
)
def test_open_from_the_opening_on_until_the_closing(
    hours: dict[str, list[str]], at: str, fold: int, *, expected: bool
) -> None:
    assert is_open(spells(hours), BERLIN, berlin(at, fold=fold)) is expected


@given(
    hours=HOURS,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    heard=INSTANTS,
    silent=st.integers(0, 20 * 24 * 60),
    later=st.integers(0, 20 * 24 * 60),
)
def test_who_is_quiet_stays_so_since_the_same_instant(
    hours: dict[str, list[str]], zone: ZoneInfo, heard: datetime, silent: int, later: int
) -> None:
    now = heard + timedelta(minutes=silent)
    found = since(hours, heard=heard, now=now, zone=zone)
    again = since(hours, heard=heard, now=now + timedelta(minutes=later), zone=zone)

    assert found is None or again == found


@pytest.mark.parametrize(
    ("hours", "pointers"),
    [
        ({}, [""]),
        ({"mon": []}, [""]),
        ({"mon": ["9:00-18:00"]}, ["/mon/0"]),
        ({"mon": ["09:00-18:60"]}, ["/mon/0"]),
        ({"mon": ["09:00-24:01"]}, ["/mon/0"]),
        ({"mon": ["24:00-02:00"]}, ["/mon/0"]),
        ({"mon": ["09:00-09:00"]}, ["/mon/0"]),
        ({"mon": ["09:00 to 18:00"], "x": []}, ["/mon/0", "/x"]),
        ({"mon": ["09:00-12:00", "11:59-18:00"]}, ["/mon/1"]),
        ({"mon": ["12:00-18:00", "09:00-12:01"]}, ["/mon/0"]),
        ({"sat": ["22:00-03:00"], "sun": ["02:00-10:00"]}, ["/sun/0"]),
        ({"sun": ["22:00-03:00"], "mon": ["02:00-10:00"]}, ["/mon/0"]),
        ({"mon": ["00:00-24:00"], "sun": ["22:00-00:01"]}, ["/mon/0"]),
    ],
)
def test_every_fault_is_named(hours: dict[str, list[str]], pointers: list[str]) -> None:
    assert [fault.pointer for fault in hours_faults(hours)] == pointers


@pytest.mark.parametrize(
    "hours",
    [
        WORKDAYS, EVERY_NIGHT, ALWAYS,
        {"mon": ["09:00-12:00", "12:00-18:00"]},
        {"sat": ["22:00-02:00"], "sun": ["02:00-10:00"]},
        {"sun": ["22:00-24:00"], "mon": ["00:00-02:00"]},
        {"wed": ["18:00-17:59"]},
    ],
)  # fmt: skip
def test_openings_may_touch(hours: dict[str, list[str]]) -> None:
    assert hours_faults(hours) == []
