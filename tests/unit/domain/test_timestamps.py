from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillgate.domain.timestamps import instant, rfc3339

OFFSETS = st.integers(-(24 * 60 - 1), 24 * 60 - 1).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001  The zone is drawn beside it.
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001  The same.
    timezones=OFFSETS,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23t10:00:00z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00-00:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00+05:30", datetime(2026, 11, 23, 4, 30, tzinfo=UTC)),
        ("2026-11-23T00:00:00-23:59", datetime(2026, 11, 23, 23, 59, tzinfo=UTC)),
        ("2026-11-23T10:00:00.5Z", datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC)),
        (
            "2022-07-13T20:30:59.037339943Z",
            datetime(2022, 7, 13, 20, 30, 59, 37339, tzinfo=UTC),
        ),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_rfc_3339_instant_is_read(text: str, expected: datetime) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T10:00:00",
        "2026-11-23 10:00:00Z",
        "2026-11-23T10:00Z",
        "2026-11-23T10:00:00 Z",
        "2026-11-23T10:00:00Z ",
        "2026-11-23T10:00:00Z\n",
        "2026-11-23T10:00:00.Z",
        "2026-11-23T10:00:00,5Z",
        "2026-11-23T10:00:00+0530",
        "2026-11-23T10:00:00+05",
        "2026-11-23T10:00:00+05:60",
        "2026-11-23T10:00:00+01:75",
        "2026-11-23T10:00:00+24:00",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:00:61Z",
        "2026-13-23T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
        "20261123T100000Z",
        "2026-W48-1T10:00:00Z",
        "\u0662026-11-23T10:00:00Z",
        "1700000000",
    ],
)
def test_what_is_no_rfc_3339_instant_is_none(text: str) -> None:
    assert instant(text) is None


@given(
    st.from_regex(
        r"20[0-9]{2}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?Z",
        fullmatch=True,
    )
)
def test_the_letters_case_is_no_part_of_an_instant(text: str) -> None:
    # In upper case, as nearly all write it, it is read in another way.
    assert instant(text) == instant(text.lower())


@given(MOMENTS)
def test_what_is_written_is_read_back(moment: datetime) -> None:
    text = rfc3339(moment)

    assert instant(text) == moment
    assert text.endswith("Z")


@given(MOMENTS)
def test_any_offset_names_the_same_instant(moment: datetime) -> None:
    assert instant(moment.isoformat()) == moment


@given(st.text(max_size=40) | st.text("0123456789-:.TZ+", max_size=30))
def test_any_text_is_an_aware_instant_or_none(text: str) -> None:
    read = instant(text)

    assert read is None or read.utcoffset() == timedelta(0)


def test_microseconds_are_always_written() -> None:
    moment = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=2)))

    assert rfc3339(moment) == "2026-11-23T10:00:00.000000Z"


def test_a_fraction_without_end_is_refused() -> None:
    assert instant("2026-11-23T10:00:00." + "1" * 43 + "Z") is not None
    assert instant("2026-11-23T10:00:00." + "1" * 44 + "Z") is None
