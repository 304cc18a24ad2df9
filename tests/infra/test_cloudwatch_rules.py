"""The evaluator does what AWS' documentation says, by AWS' own examples."""

from __future__ import annotations

import pytest

from tests.infra.cloudwatch import (
    Alarm,
    AlarmError,
    Metric,
    Query,
    State,
    World,
    alarm_of,
    judge,
    statistic,
)
from tests.infra.composite_rules import holds
from tests.infra.metric_math import MathError, evaluate

# From "How alarm state is evaluated when data is missing":
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
# The five points that were retrieved, and the states for ignore, breaching and notBreaching;
# "kept" is "Retain current state".
THREE_OF_THREE = [
    ("0 - X - X", "OK", "OK", "OK"),
    ("0 - - - -", "OK", "OK", "OK"),
    ("- - - - -", "kept", "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM"),
    ("- - - - X", "kept", "ALARM", "OK"),
    ("X - - - -", "kept", "ALARM", "OK"),
]
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "ALARM", "OK"),
    ("- - - - X", "kept", "ALARM", "OK"),
]
POINTS = {"0": False, "X": True, "-": None}
METRIC = Metric("Ours", "value", frozenset())


@pytest.mark.parametrize(
    ("needed", "row"), [(3, row) for row in THREE_OF_THREE] + [(2, row) for row in TWO_OF_THREE]
)
@pytest.mark.parametrize("before", State)
def test_missing_data_are_judged_as_in_aws_own_tables(
    needed: int, row: tuple[str, str, str, str], before: State
) -> None:
    for missing, expected in zip(("ignore", "breaching", "notBreaching"), row[1:], strict=True):
        state = judge(
            [POINTS[point] for point in row[0].split()],
            evaluation_periods=3,
            datapoints_to_alarm=needed,
            missing=missing,
            before=before,
        )
        assert state == (before if expected == "kept" else expected), missing


def test_a_treatment_of_missing_data_that_is_not_known_is_an_error() -> None:
    with pytest.raises(AlarmError, match="missing"):
        judge(
            [None], evaluation_periods=1, datapoints_to_alarm=1, missing="missing", before=State.OK
        )


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
# There metric1 has these values, and metric2 lacks two.
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("metric1 < metric2", [0, 0, 1, 0]),
        ("metric1 >= 30", [1, 0, 0, 0]),
        ("metric1 > 15 AND metric2 > 15", [1, 0, 0, 0]),
        ("metric1 + metric2", [50, 20, 20, 0]),
        ("-metric1 * 2 - 1", [-61, -41, -1, -1]),
        ("metric2 / metric1", [20 / 30, 0, None, None]),
        ("FILL(metric2, 7)", [20, 7, 20, 7]),
        ("DIFF(metric1)", [None, -10, -20, 0]),
        ("DIFF(metric2)", [None, None, 0, None]),
        ("(metric1 + 10) / 2", [20, 15, 5, 5]),
    ],
)
def test_math_is_done_as_in_aws_own_examples(expression: str, expected: list[float | None]) -> None:
    series: dict[str, list[float | None]] = {
        "metric1": [30, 20, 0, 0],
        "metric2": [20, None, 20, None],
    }

    assert evaluate(expression, series) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(metric1, metric2, metric3)", [30, 0, 20, None, None]),
        ("IF(metric1, 5, metric3)", [5, 5, 20, None, None]),
        ("IF(metric1, metric2, 5)", [30, 0, 5, 5, None]),
        ("IF(metric1 >= 1, metric2, 5)", [30, 0, 5, 5, None]),
    ],
)
def test_if_chooses_as_in_aws_own_tables(expression: str, expected: list[float | None]) -> None:
    series: dict[str, list[float | None]] = {
        "metric1": [1, 1, 0, 0, None],
        "metric2": [30, None, 0, 0, 30],
        "metric3": [0, 0, 20, None, 20],
    }

    assert evaluate(expression, series) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "SEARCH(metric1)",
        "MAX(metric1)",
        "fill(metric1, 0)",
        "FILL(metric1, REPEAT)",
        "FILL(metric1)",
        "metric1 + other",
        "metric1 % 2",
        "metric1 metric1",
        "IF(metric1, 1",
        "metric1 > 1 AND metric1 > 2 OR metric1 > 3",
        "1 + 2",
        "1 / 0 + metric1",
        "metric1 >",
    ],
)
def test_what_is_not_known_in_the_math_is_an_error(expression: str) -> None:
    with pytest.raises(MathError):
        evaluate(expression, {"metric1": [1.0]})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sum", 5050),
        ("Average", 50.5),
        ("Minimum", 1),
        ("Maximum", 100),
        ("SampleCount", 100),
        ("p95", 95),
        ("p99.9", 100),
        ("p0", 1),
    ],
)
def test_statistics_are_those_of_the_samples_of_a_period(name: str, expected: float) -> None:
    assert statistic(name, [float(value) for value in range(100, 0, -1)]) == expected
    assert statistic(name, []) is None


def test_a_statistic_that_is_not_known_is_an_error() -> None:
    with pytest.raises(AlarmError, match="tm99"):
        statistic("tm99", [1.0])


def alarm(*, period: int = 60, periods: int = 3, needed: int = 3) -> Alarm:
    return Alarm(
        queries={"only": Query(METRIC, "Sum")},
        expression="",
        period_seconds=period,
        evaluation_periods=periods,
        datapoints_to_alarm=needed,
        comparison="GreaterThanThreshold",
        threshold=0,
        missing="notBreaching",
    )


def test_the_window_slides_by_the_minute() -> None:
    world = World()
    world.put(METRIC, range(12), [0.0])
    world.put(METRIC, [7], [1.0])

    states = alarm(period=300, periods=1, needed=1).states(world, 12, older_periods=0)

    # A period of five minutes, which is looked at after each.
    assert states == [State.OK] * 7 + [State.ALARM] * 5


@pytest.mark.parametrize(
    ("period", "periods"), [(60, 1440), (300, 288), (3600, 168), (21_600, 28), (604_800, 1)]
)
def test_the_longest_windows_are_those_that_aws_takes(period: int, periods: int) -> None:
    """The total can be no longer than seven days, and one day for a period of under an hour."""
    assert alarm(period=period, periods=periods, needed=1).evaluation_periods == periods
    with pytest.raises(AlarmError, match="longer"):
        alarm(period=period, periods=periods + 1, needed=1)


@pytest.mark.parametrize(("period", "needed"), [(90, 1), (60, 4), (60, 0)])
def test_what_put_metric_alarm_refuses_is_refused(period: int, needed: int) -> None:
    with pytest.raises(AlarmError):
        alarm(period=period, needed=needed)


def test_a_property_that_is_not_known_is_an_error() -> None:
    with pytest.raises(AlarmError, match="EvaluateLowSampleCountPercentile"):
        alarm_of({"EvaluateLowSampleCountPercentile": "ignore"}, {})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('ALARM("a") AND ALARM("b")', False),
        ('(ALARM("a") OR ALARM("b"))', True),
        ('ALARM("a") AND NOT ALARM("b")', True),
        ('OK("b") AND (INSUFFICIENT_DATA("c") AND TRUE)', True),
        ('FALSE OR ALARM("b")', False),
    ],
)
def test_a_composite_is_what_its_rule_says_of_the_states(rule: str, *, expected: bool) -> None:
    states = {"a": State.ALARM, "b": State.OK, "c": State.INSUFFICIENT_DATA}

    assert holds(rule, states) is expected


@pytest.mark.parametrize("rule", ['ALARM("a") XOR ALARM("a")', 'BAD("a")', '(ALARM("a")', "a & a"])
def test_a_rule_that_is_not_understood_is_an_error(rule: str) -> None:
    with pytest.raises(AlarmError):
        holds(rule, {"a": State.ALARM})
