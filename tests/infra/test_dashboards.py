"""What stands on the dashboards: metrics that there are, and the alerts' own thresholds."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from ops.prices import price_table
from stacks.alerts import ALERTS, BY_NAME
from stacks.alerts.thresholds import RETRY_RATIO
from stacks.dashboards.model import REQUESTED as DRAWN
from stacks.dashboards.onward import TARGETS
from stacks.dashboards.platform import platform_board
from stacks.dashboards.tenant import DOLLARS_A_METRIC, tenant_board
from stacks.stages import REQUESTED
from tests.infra import emitted
from tests.infra.dashboard_bodies import Widget, body_of, drawn, expressions, grid, lines_of
from tillgate.domain.delivery import DestinationKind
from tillgate.entrypoints import sqs

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.infra.synthesis import Synthesise, Synthesised

OBSERVED = ["dev", "prod", "external"]
BOARDS = ["platform", "tenant"]
# Lines that are no alert's.
BOUNDS = {"retry budget": RETRY_RATIO}


def body(made: Synthesised, board: str) -> dict[str, Any]:
    (found,) = (
        body_of(resource)
        for resource in made.resources("AWS::CloudWatch::Dashboard").values()
        if resource["Properties"]["DashboardName"] == f"Tillgate-{made.stage.name}-{board}"
    )
    return found


@pytest.fixture(params=OBSERVED)
def observed(
    request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesised]
) -> Synthesised:
    return synthesised(request.param)


def titles(widgets: list[Widget]) -> list[str]:
    return [w["properties"]["title"] for w in widgets if "title" in w["properties"]]


def alert_lines_of(widget: Widget) -> list[tuple[str, float]]:
    return [line for line in lines_of(widget) if line[0] not in BOUNDS]


def shown(widget: Widget) -> object:
    """Give what a widget shows; nothing where it has no source."""
    said = widget["properties"]
    if widget["type"] == "metric":
        return list(drawn(widget)) or expressions(widget)
    if widget["type"] == "log":
        return re.match(r"SOURCE '.+' \| ", said["query"])
    return said["markdown" if widget["type"] == "text" else "alarms"]


def is_crossing(one: Widget, other: Widget) -> bool:
    return all(
        a[at] < b[at] + b[size]
        for a, b in ((one, other), (other, one))
        for at, size in (("x", "width"), ("y", "height"))
    )


@pytest.mark.parametrize("board", BOARDS)
def test_no_widget_covers_another_or_leaves_the_page(observed: Synthesised, board: str) -> None:
    widgets = body(observed, board)["widgets"]

    assert [p for p in combinations(widgets, 2) if is_crossing(*p)] == [], grid(widgets)
    assert all(w["x"] + w["width"] <= 24 for w in widgets), grid(widgets)
    assert len(widgets) <= 500, "CloudWatch takes no more"


@pytest.mark.parametrize("board", BOARDS)
def test_every_widget_has_something_to_show(observed: Synthesised, board: str) -> None:
    for widget in body(observed, board)["widgets"]:
        assert shown(widget), widget["properties"]


@pytest.mark.parametrize("board", BOARDS)
def test_every_metric_is_one_that_is_emitted(observed: Synthesised, board: str) -> None:
    widgets = body(observed, board)["widgets"]
    drawn_here = {
        (metric.namespace, metric.name, frozenset(metric.dimensions))
        for widget in widgets
        for metric in drawn(widget)
    }
    searched = {
        ("Tillgate", name, frozenset(dimensions.split(",")))
        for widget in widgets
        for expression in expressions(widget)
        for dimensions, name in re.findall(
            r'SEARCH\(\'\{Tillgate,([\w,]+)\} MetricName="(\w+)"', expression
        )
    }

    assert (drawn_here | searched) - emitted.METRICS == set()


@pytest.mark.parametrize("board", BOARDS)
def test_every_line_that_is_drawn_is_its_alert_s_own_or_a_bound(
    observed: Synthesised, board: str
) -> None:
    thresholds = {
        " ".join(filter(None, (alert.name, condition.name))): condition.threshold
        for alert in ALERTS
        for condition in alert.conditions
    } | BOUNDS

    drawn_lines = [line for w in body(observed, board)["widgets"] for line in lines_of(w)]

    assert {label: thresholds.get(label) for label, _ in drawn_lines} == dict(drawn_lines)


def test_every_alert_with_a_number_is_drawn_on_the_platform_s_page(observed: Synthesised) -> None:
    widgets = body(observed, "platform")["widgets"]
    named = {label.split(" ")[0] for widget in widgets for label, _ in alert_lines_of(widget)}
    assert named == set(BY_NAME), grid(widgets)


def test_a_line_is_drawn_where_the_alert_s_own_metric_is(observed: Synthesised) -> None:
    for widget in body(observed, "platform")["widgets"]:
        here = {metric.name for metric in drawn(widget)}
        for label, _ in alert_lines_of(widget):
            alert, _, name = label.partition(" ")
            (condition,) = (c for c in BY_NAME[alert].conditions if c.name == name)
            first, *_ = condition.metrics.values()
            assert first.name in here, label


def test_every_title_says_what_is_good(observed: Synthesised) -> None:
    for board in BOARDS:
        for title in titles(body(observed, board)["widgets"]):
            assert re.fullmatch(r"[^:]+: .+ (is|are) .+", title), title


def test_the_title_s_subject_names_one_widget_of_its_page() -> None:
    for board in (platform_board(has_cluster=True), tenant_board(per_tenant_metrics=True)):
        subjects = [panel.subject for panel in board.panels]
        assert len(set(subjects)) == len(subjects)


def test_every_runbook_is_linked_from_the_platform_s_page(observed: Synthesised) -> None:
    text = "\n".join(
        widget["properties"]["markdown"]
        for widget in body(observed, "platform")["widgets"]
        if widget["type"] == "text"
    )
    assert {alert.runbook for alert in ALERTS} == set(re.findall(r"`(runbooks/[^`]+)`", text))


def test_runbooks_are_linked_where_people_read_them(chosen: Synthesised) -> None:
    text = json.dumps(body(chosen, "platform"))
    assert "[dead-letters](https://git.example/runbooks/alerts/dead-letters.md)" in text
    assert "`runbooks/" not in text


def test_the_platform_s_page_begins_with_the_alarms(observed: Synthesised) -> None:
    first, *_ = body(observed, "platform")["widgets"]
    assert first["type"] == "alarm"
    assert (first["x"], first["y"]) == (0, 0)
    composites = len(observed.resources("AWS::CloudWatch::CompositeAlarm"))
    acting = [
        alarm
        for alarm in observed.resources("AWS::CloudWatch::Alarm").values()
        if "AlarmActions" in alarm["Properties"]
    ]
    assert len(first["properties"]["alarms"]) == composites + len(acting)


def test_only_a_cluster_of_our_own_is_drawn(synthesised: Callable[[str], Synthesised]) -> None:
    assert "AWS/RDS" in json.dumps(body(synthesised("prod"), "platform"))
    assert "AWS/RDS" not in json.dumps(body(synthesised("external"), "platform"))


def test_a_tenant_is_chosen_among_the_stage_s_own(chosen: Synthesised) -> None:
    (variable,) = body(chosen, "tenant")["variables"]

    assert variable["property"] == variable["populateFrom"] == "tenantId"
    assert variable["search"] == ('{Tillgate,stage,tenantId} MetricName="requests" stage="dev"')
    metrics = [m for w in body(chosen, "tenant")["widgets"] for m in drawn(w)]
    assert metrics
    assert all(set(metric.dimensions) == {"stage", "tenantId"} for metric in metrics)


def test_a_page_without_tenants_metrics_says_how_to_have_them_and_what_they_cost(
    synthesised: Synthesise,
) -> None:
    made = synthesised("dev", per_tenant_metrics="off")
    page = body(made, "tenant")
    text, *_ = page["widgets"]

    assert "variables" not in page
    assert "-c per_tenant_metrics=on" in text["properties"]["markdown"]
    dollars = len(emitted.OF_EACH_TENANT) * DOLLARS_A_METRIC
    assert f"about ${dollars:.2f} a month" in text["properties"]["markdown"]
    assert {widget["type"] for widget in page["widgets"]} == {"text", "log"}


@pytest.mark.parametrize("board", ["platform", "tenant"])
def test_the_retry_budget_is_drawn_over_retries_divided_by_attempts(
    board: str, chosen: Synthesised
) -> None:
    drawn_over = [w for w in body(chosen, board)["widgets"] if "retry budget" in dict(lines_of(w))]

    [widget] = drawn_over
    assert widget["properties"]["title"] == "Retries: at most 10% of attempts is good"
    assert {metric.name for metric in drawn(widget)} == {"retries", "attempts"}
    assert all(re.fullmatch(r"FILL\(part_\w+, 0\) / whole_\w+", e) for e in expressions(widget))


def test_retries_are_drawn_of_everything_that_is_tried() -> None:
    assert set(TARGETS) == {*DestinationKind, sqs._TARGET}


def test_the_functions_that_are_drawn_are_those_that_answer_requests() -> None:
    assert set(DRAWN) == REQUESTED


def test_the_price_of_a_metric_is_that_of_the_price_table() -> None:
    assert float(price_table()["metric"].cost(Decimal(1))) == DOLLARS_A_METRIC


def test_the_emulator_is_spared_dashboards(synthesised: Callable[[str], Synthesised]) -> None:
    assert synthesised("local").resources("AWS::CloudWatch::Dashboard") == {}
