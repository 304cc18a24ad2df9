"""Prometheus' rules fire when they should, and not a minute sooner, by promtool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ops.prometheus_rules import RULES, rules_text
from stacks.alerts import ALERTS, BY_NAME
from tests.infra import promtool
from tests.infra.promtool import FIRES, Judge, Verdict, born, counter, fires_from, gauge, never

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEAD = 30  # minutes in which all is well
# Long enough to fill the long windows.
LEADS = {"error-budget-fast": 70, "error-budget-slow": 370}
MINUTE = 60
DAYS = 86_400
GAUGES = {
    "database_up", "dead_letters", "queue_messages", "queue_oldest_age_seconds", "quiet_sources",
    "event_partitions_ahead", "backup_verified_timestamp_seconds", "drill_timestamp_seconds",
    "oldest_secret_age_seconds", "gauges_timestamp_seconds", "build_info", "open_tenants",
}  # fmt: skip
COUNTED = {
    "http_requests_total", "http_request_duration_seconds_bucket", "ingest_events_total",
    "quarantined_events_total",
}  # fmt: skip


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


def answered(status: int, values: str) -> dict[str, str]:
    labels = f'method="POST",route="/v1/events",status="{status}"'
    return {f"http_requests_total{{{labels}}}": values}


def took(*, fast: str, everything: str) -> dict[str, str]:
    """Give the buckets up to a second, and those of what took up to two and a half."""
    name = 'http_request_duration_seconds_bucket{method="POST",route="/v1/events",le="%s"}'
    return {
        name % "0.5": fast,
        name % "1.0": fast,
        name % "2.5": everything,
        name % "+Inf": everything,
    }


def test_the_file_is_what_the_alerts_say() -> None:
    assert RULES.read_text() == rules_text(), "run `make rules`"


def test_promtool_finds_nothing_wrong_with_the_rules() -> None:
    answer = promtool.ask("check", "rules", "--lint=all", "--lint-fatal", str(RULES))

    assert answer.returncode == 0, answer.stdout + answer.stderr
    seen = sum(alert.rule is not None for alert in ALERTS)
    assert f"{seen} rules found" in answer.stdout


def test_promtool_says_no_where_a_rule_does_otherwise(tmp_path: Path) -> None:
    """What these tests rest on: an expectation that is not met is an error."""
    series = {"dead_letters": gauge((10, 1))}
    answer = promtool.run(BY_NAME["dead-letters"], series, [Verdict(5)], tmp_path)

    assert answer.returncode != 0
    assert "FAILED" in answer.stdout + answer.stderr


def test_the_rules_ask_for_families_that_there_are() -> None:
    asked = {
        name
        for alert in ALERTS
        if alert.rule
        for name in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b(?!\()", _without_labels(alert.rule.expr))
    }
    assert asked == GAUGES | COUNTED


def _without_labels(expr: str) -> str:
    return re.sub(r"\{[^}]*\}", "", expr)


@pytest.mark.parametrize(("minutes", "fires"), [(9, ()), (10, FIRES)])
def test_p95_above_a_second_for_ten_minutes(
    judge: Judge, minutes: int, fires: tuple[Mapping[str, str], ...]
) -> None:
    series = took(
        fast=counter((LEAD, 100), (minutes, 50), (LEAD, 100)),
        everything=counter((2 * LEAD + minutes, 100)),
    )
    judge(
        "latency-p95", series, *never(LEAD + 9.5), Verdict(LEAD + 10.5, fires),
        *never(LEAD + 12),
    )  # fmt: skip


def test_five_of_a_hundred_above_a_second_are_not_p95(judge: Judge) -> None:
    series = took(
        fast=counter((LEAD, 100), (60, 95)),
        everything=counter((LEAD + 60, 100)),
    )
    judge("latency-p95", series, *never(LEAD + 15, LEAD + 59))


def test_no_requests_are_not_slow(judge: Judge) -> None:
    still = counter((LEAD, 100), (60, 0))
    judge("latency-p95", took(fast=still, everything=still), *never(LEAD + 15, LEAD + 59))


@pytest.mark.parametrize(("alert", "status"), [("server-errors", 503), ("client-errors", 401)])
@pytest.mark.parametrize(("minutes", "fires"), [(4, ()), (5, FIRES)])
def test_more_than_two_in_a_hundred_fail_for_five_minutes(
    judge: Judge, alert: str, status: int, minutes: int, fires: tuple[Mapping[str, str], ...]
) -> None:
    series = {
        **answered(201, counter((2 * LEAD + minutes, 200))),
        **answered(status, counter((LEAD, 0), (minutes, 40), (LEAD, 0))),
    }
    judge(alert, series, *never(LEAD + 4.5), Verdict(LEAD + 5.5, fires), *never(LEAD + 7))


@pytest.mark.parametrize(("alert", "status"), [("server-errors", 503), ("client-errors", 401)])
def test_two_in_a_hundred_may_fail(judge: Judge, alert: str, status: int) -> None:
    series = {
        **answered(201, counter((LEAD, 400), (60, 392))),
        **answered(status, counter((LEAD, 0), (60, 8))),
    }
    judge(alert, series, *never(LEAD + 15, LEAD + 59))


@pytest.mark.parametrize("status", [401, 503])
def test_the_other_kind_of_error_is_another_alert(judge: Judge, status: int) -> None:
    other = "client-errors" if status >= 500 else "server-errors"
    judge(other, answered(status, counter((LEAD, 400))), *never(10, LEAD - 1))


def test_a_status_that_was_never_met_before_counts(judge: Judge) -> None:
    series = {
        **answered(201, counter((LEAD + 20, 200))),
        **answered(500, born(LEAD, counter((20, 20)))),
    }
    judge("server-errors", series, *fires_from(LEAD + 6, not_at=LEAD + 4.5))


@pytest.mark.parametrize(("count", "fires"), [(56, ()), (64, FIRES)])
def test_client_errors_count_from_sixty_requests_a_minute_on(
    judge: Judge, count: int, fires: tuple[Mapping[str, str], ...]
) -> None:
    judge("client-errors", answered(401, counter((LEAD, count))), Verdict(LEAD - 1, fires))


def test_server_errors_count_however_few_they_are(judge: Judge) -> None:
    judge("server-errors", answered(500, counter((LEAD, 1))), Verdict(LEAD - 1, FIRES))


@pytest.mark.parametrize("alert", ["no-ingests", "watch-silent", "backup-unverified"])
def test_a_page_that_is_not_there_is_not_well(judge: Judge, alert: str) -> None:
    series = {
        'ingest_events_total{provider="api",outcome="stored"}': counter((LEAD, 4))
        + " "
        + gauge((60, None)),
        "gauges_timestamp_seconds": f"0+15x{LEAD * 4 - 1} " + gauge((60, None)),
        "backup_verified_timestamp_seconds": gauge((LEAD, 0), (60, None)),
    }
    judge(alert, series, *never(LEAD - 1), Verdict(LEAD + 16, FIRES))


def test_a_watcher_that_says_nothing_for_five_minutes(judge: Judge) -> None:
    said = f"0+15x{LEAD * 4} {LEAD * 60}+0x{20 * 4} "
    judge(
        "watch-silent",
        {"gauges_timestamp_seconds": said + f"{(LEAD + 20) * 60}+15x40"},
        *fires_from(LEAD + 5.5, not_at=LEAD + 5),
        *never(LEAD + 21),
    )


def test_a_database_that_does_not_answer_takes_the_page_with_it(judge: Judge) -> None:
    page = gauge((LEAD, 1), (10, None), (10, 1))
    judge(
        "database-unreachable",
        {"database_up": page, "build_info": page},
        *fires_from(LEAD + 3, not_at=LEAD + 2.5),
        *never(LEAD + 11),
    )


def test_a_silent_watcher_changes_nothing_about_the_database(judge: Judge) -> None:
    judge(
        "database-unreachable",
        {"database_up": gauge((LEAD, 1), (30, None)), "build_info": gauge((LEAD + 30, 1))},
        *never(LEAD + 3, LEAD + 29),
    )


def test_a_database_that_only_the_watcher_does_not_reach(judge: Judge) -> None:
    judge(
        "database-unreachable",
        {"database_up": gauge((LEAD, 1), (10, 0), (10, 1)), "build_info": gauge((60, 1))},
        *fires_from(LEAD + 3, not_at=LEAD + 2.5),
        *never(LEAD + 11),
    )


@pytest.mark.parametrize(
    ("alert", "series", "labels", "good", "bad", "edge", "minutes"),
    [
        ("dead-letters", "dead_letters", {}, 0, 1, 0, 1),
        ("quiet-sources", "quiet_sources", {}, 0, 1, 0, 5),
        ("accept-queue-age", "queue_oldest_age_seconds", {"queue": "accept"}, 0, 901, 900, 5),
        ("delivery-queue-age", "queue_oldest_age_seconds", {"queue": "delivery"}, 0, 301, 300, 5),
        ("queue-dead-letters", "queue_messages", {"queue": "accept-dead-letters"}, 0, 1, 0, 1),
        ("queue-dead-letters", "queue_messages", {"queue": "delivery-dead-letters"}, 0, 1, 0, 1),
        ("partitions-ahead", "event_partitions_ahead", {}, 14, 6, 7, 15),
        ("secret-age", "oldest_secret_age_seconds", {}, 0, 90 * DAYS + 1, 90 * DAYS, 15),
    ],
)
def test_what_the_watcher_measures_has_its_threshold(
    judge: Judge,
    alert: str,
    series: str,
    labels: Mapping[str, str],
    good: float,
    bad: float,
    edge: float,
    minutes: int,
) -> None:
    matchers = ",".join(f'{key}="{value}"' for key, value in labels.items())
    name = f"{series}{{{matchers}}}"
    judge(
        alert,
        {name: gauge((LEAD, good), (minutes, bad), (LEAD, good))},
        *never(LEAD - 1, LEAD + minutes - 0.5, LEAD + minutes + 1),
    )
    judge(
        alert,
        {name: gauge((LEAD, good), (minutes + 5, bad))},
        *fires_from(LEAD + minutes, not_at=LEAD + minutes - 0.5, of=(labels,)),
    )
    judge(alert, {name: gauge((90, edge))}, *never(20, 89))


@pytest.mark.parametrize(
    ("queue", "alert"), [("delivery", "accept-queue-age"), ("accept", "queue-dead-letters")]
)
def test_another_queue_is_another_matter(judge: Judge, queue: str, alert: str) -> None:
    series = {
        f'queue_oldest_age_seconds{{queue="{queue}"}}': gauge((60, 90_000)),
        f'queue_messages{{queue="{queue}"}}': gauge((60, 90_000)),
    }
    judge(alert, series, *never(30, 59))


def test_a_backup_that_was_not_verified_for_26_hours(judge: Judge) -> None:
    last = 30 * 60 - 26 * 3600  # 26 hours old after half an hour
    judge(
        "backup-unverified",
        {"backup_verified_timestamp_seconds": gauge((30 + 20, last), (10, 50 * 60))},
        *fires_from(30 + 15.5, not_at=30 + 15),
        *never(51),
    )


@pytest.mark.parametrize(
    ("drill", "days", "other"), [("rollback", 8, "restore"), ("restore", 35, "rollback")]
)
def test_a_drill_that_is_overdue(judge: Judge, drill: str, days: int, other: str) -> None:
    def last(seconds: int) -> dict[str, str]:
        return {
            f'drill_timestamp_seconds{{drill="{drill}"}}': gauge((60, seconds)),
            f'drill_timestamp_seconds{{drill="{other}"}}': gauge((60, 0)),
        }

    judge("drill-overdue", last(3600 - days * DAYS), *never(30, 59))
    judge(
        "drill-overdue",
        last(1800 - days * DAYS),
        *fires_from(30 + 15.5, not_at=30 + 15, of=({"drill": drill},)),
    )


def test_drills_that_never_were_are_overdue(judge: Judge) -> None:
    both = ({"drill": "rollback"}, {"drill": "restore"})
    judge("drill-overdue", {"build_info": gauge((60, 1))}, *fires_from(16, not_at=14, of=both))


@pytest.mark.parametrize(
    ("alert", "share", "not_at", "fires_at"),
    [
        # The scrape at the first minute has seen the first failures already.
        ("error-budget-fast", 1.0, -1, 1),
        ("error-budget-fast", 0.015, 56, 58),
        ("error-budget-fast", 0.0143, 70, None),
        ("error-budget-slow", 1.0, 1, 3),
        ("error-budget-slow", 0.007, 307, 309),
        ("error-budget-slow", 0.0059, 370, None),
    ],
)
def test_the_error_budget_burns(
    judge: Judge, alert: str, share: float, not_at: int, fires_at: int | None
) -> None:
    lead, count = LEADS[alert], 40_000
    well, ill = count * (1 - share), count * share
    series = {
        **answered(201, counter((lead, count), (lead + 10, well), every=MINUTE)),
        **answered(503, counter((lead, 0), (lead + 10, ill), every=MINUTE)),
    }
    fires = [] if fires_at is None else [Verdict(lead + fires_at, FIRES)]
    judge(alert, series, *never(lead - 1, lead + not_at), *fires, every=MINUTE)


@pytest.mark.parametrize(("alert", "short"), [("error-budget-fast", 5), ("error-budget-slow", 30)])
def test_the_pair_ends_with_its_short_window(judge: Judge, alert: str, short: int) -> None:
    lead = LEADS[alert]
    series = {
        **answered(201, counter((lead, 400), (20, 0), (120, 400), every=MINUTE)),
        **answered(503, counter((lead, 0), (20, 400), (120, 0), every=MINUTE)),
    }
    over = lead + 20 + short
    judge(alert, series, Verdict(over - 3, FIRES), *never(over), every=MINUTE)


@pytest.mark.parametrize("alert", ["error-budget-fast", "error-budget-slow"])
@pytest.mark.parametrize(("count", "fires"), [(8, ()), (12, FIRES)])
def test_under_ten_requests_a_minute_no_budget_burns(
    judge: Judge, alert: str, count: int, fires: tuple[Mapping[str, str], ...]
) -> None:
    lead = LEADS[alert]
    requests = answered(503, counter((lead, count), every=MINUTE))
    judge(alert, requests, Verdict(lead - 1, fires), every=MINUTE)
