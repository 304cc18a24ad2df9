"""Prometheus' rules on what is counted, and what is not: no events, and those that conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.promtool import FIRES, Judge, Verdict, born, counter, fires_from, gauge, never

if TYPE_CHECKING:
    from pathlib import Path

LEAD = 30  # minutes in which all is well
CONFLICTS = 'quarantined_events_total{provider="%s",reason="conflict-after-queued"}'
OTHERS = {
    CONFLICTS % "api": gauge((360, 0)),
    'quarantined_events_total{provider="square",reason="bad-signature"}': counter((360, 40)),
}


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


def accepted(outcome: str, values: str) -> dict[str, str]:
    return {f'ingest_events_total{{provider="api",outcome="{outcome}"}}': values}


@pytest.mark.parametrize("outcome", ["stored", "queued", "quarantined"])
def test_no_ingests_for_fifteen_minutes(judge: Judge, outcome: str) -> None:
    series = accepted(outcome, counter((LEAD, 4), (20, 0), (10, 4)))
    judge("no-ingests", series, *fires_from(LEAD + 15, not_at=LEAD + 14), *never(LEAD + 21))


@pytest.mark.parametrize("outcome", ["duplicate", "invalid", "refused", "conflict"])
def test_what_is_not_taken_is_no_ingest(judge: Judge, outcome: str) -> None:
    series = {
        **accepted("stored", counter((LEAD, 4), (60, 0))),
        **accepted(outcome, counter((LEAD + 60, 100))),
    }
    judge("no-ingests", series, *fires_from(LEAD + 15, not_at=LEAD + 14))


@pytest.mark.parametrize("outcome", ["duplicate", "invalid", "refused", "conflict"])
def test_where_nothing_was_ever_taken_what_is_not_taken_is_no_ingest(
    judge: Judge, outcome: str
) -> None:
    series = accepted(outcome, counter((LEAD, 100)))
    judge("no-ingests", series, Verdict(LEAD - 1, FIRES))


def test_the_first_event_of_a_provider_is_an_ingest(judge: Judge) -> None:
    """Its series begins at one, which ``increase`` would not see."""
    series = {
        **accepted("stored", counter((LEAD, 4), (60, 0))),
        'ingest_events_total{provider="square",outcome="stored"}': born(LEAD + 10, gauge((50, 1))),
    }
    judge("no-ingests", series, *never(LEAD + 16, LEAD + 24), Verdict(LEAD + 26, FIRES))


@pytest.mark.parametrize("events", [counter((LEAD, 4), (90, 0)), None], ids=["still", "unknown"])
def test_who_opens_has_all_of_fifteen_minutes_and_who_closes_is_left_alone(
    judge: Judge, events: str | None
) -> None:
    """Over a night of an hour; the counter stands there, or was never scraped."""
    opened = gauge((LEAD, 1), (60, 0), (20, 3), (10, 0))
    series = {"open_tenants": opened, **(accepted("stored", events) if events else {})}
    opens, closes = LEAD + 60, LEAD + 80
    judge(
        "no-ingests", series, *never(LEAD + 14, LEAD + 20, opens + 1, opens + 14.5),
        Verdict(opens + 15.5, FIRES), Verdict(closes - 0.5, FIRES), *never(closes + 0.5),
    )  # fmt: skip


def test_an_event_after_opening_gives_fifteen_minutes_more(judge: Judge) -> None:
    series = {
        "open_tenants": gauge((LEAD, 0), (60, 1)),
        **accepted("stored", gauge((LEAD + 10, 7), (50, 8))),
    }
    judge("no-ingests", series, *never(LEAD + 16, LEAD + 24), Verdict(LEAD + 26, FIRES))


def test_a_watcher_that_falls_silent_at_night_closes_nobody(judge: Judge) -> None:
    series = {
        "open_tenants": gauge((LEAD, 0), (60, None)),
        **accepted("stored", gauge((LEAD + 60, 7))),
    }
    judge("no-ingests", series, *fires_from(LEAD + 15.5, not_at=LEAD + 14))


@pytest.mark.parametrize("alert", ["no-ingests", "watch-silent"])
def test_a_prometheus_that_has_scraped_nothing_yet_waits(judge: Judge, alert: str) -> None:
    """Its first look finds nothing, of whatever there is."""
    series = {
        "open_tenants": "_x2 " + gauge((20, 1)),
        "gauges_timestamp_seconds": "_x2 30+15x80",
        **accepted("stored", "_x2 " + counter((20, 4))),
    }
    judge(alert, series, *never(0, 0.5, 1, 2, 5, 19))


def test_a_conflict_after_queueing_is_told_for_an_hour(judge: Judge) -> None:
    """Once, for a single one: its series was there at 0, or is that of a new provider."""
    for square in (gauge((120, 0), (240, 1)), born(120, gauge((240, 1)))):
        series = {**OTHERS, CONFLICTS % "square": square}
        judge(
            "conflict-after-queued", series, *never(1, 59, 119.5), Verdict(120.5, FIRES),
            Verdict(179.5, FIRES), *never(181, 359),
        )  # fmt: skip


def test_a_conflict_in_prometheus_first_hour_is_told(judge: Judge) -> None:
    series = {**OTHERS, CONFLICTS % "square": gauge((10, 0), (170, 1))}
    judge(
        "conflict-after-queued", series, *never(9.5), Verdict(10.5, FIRES), Verdict(69, FIRES),
        *never(71, 179),
    )  # fmt: skip


@pytest.mark.parametrize("minutes", [2, 61, 1_300])
def test_what_conflicts_when_an_outage_ends_is_told(judge: Judge, minutes: int) -> None:
    """In an outage nothing is scraped: the first scrape after it has the conflict already."""
    ends = 90 + minutes
    series = {
        CONFLICTS % "api": gauge((90, 4), (minutes, None), (90, 5)),
        CONFLICTS % "square": gauge((90, 0), (minutes, None), (90, 0)),
    }
    judge(
        "conflict-after-queued", series, *never(89, ends - 0.5), Verdict(ends + 0.5, FIRES),
        Verdict(ends + 59, FIRES), *never(ends + 61, ends + 89),
    )  # fmt: skip


def test_an_outage_without_a_conflict_tells_nothing(judge: Judge) -> None:
    series = {CONFLICTS % "api": gauge((90, 4), (120, None), (120, 4))}
    judge("conflict-after-queued", series, *never(91, 211, 240, 272, 329))


def test_what_was_there_before_prometheus_is_not_new(judge: Judge) -> None:
    series = {CONFLICTS % "square": gauge((180, 7))}
    judge("conflict-after-queued", series, *never(0, 1, 59, 61, 179))
