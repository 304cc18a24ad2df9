"""Every alert has an alarm that tells somebody, and says what it is about."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from stacks.alerts import ALERTS, Alert
from stacks.alerts.model import Join, Missing, Severity
from stacks.constructs.alert_alarms import construct_name
from stacks.context import StageError
from tests.infra.deployed_alarms import deployed
from tests.infra.synthesis import Synthesised, as_list, stage_named

if TYPE_CHECKING:
    from collections.abc import Callable

ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
NAMES = {
    "latency-p95", "server-errors", "client-errors", "no-ingests", "accept-queue-age",
    "delivery-queue-age", "dead-letters", "queue-dead-letters", "database-unreachable",
    "partitions-ahead", "backup-unverified", "drill-overdue", "secret-age", "error-budget-fast",
    "error-budget-slow", "throttles", "quiet-sources", "watch-silent", "conflict-after-queued",
}  # fmt: skip
# Dollars a month: for each metric that an alarm looks at, and for a composite.
# https://aws.amazon.com/cloudwatch/pricing/
METRIC_USD, COMPOSITE_USD, KEY_USD = 0.10, 0.50, 1.00


@pytest.fixture(params=["dev", "prod", "external"])
def watched(
    request: pytest.FixtureRequest, synthesised: Callable[[str], Synthesised]
) -> Synthesised:
    return synthesised(request.param)


def topics_of(stage: Synthesised, severity: Severity) -> list[str]:
    """Give the topics on which that is told, by the outputs that name them."""
    outputs = stage.templates["Observability"]["Outputs"]
    names = ["AlarmTopicArn", "PageTopicArn"] if severity is Severity.PAGE else ["AlarmTopicArn"]
    return [outputs[name]["Value"]["Ref"] for name in names]


def of_alert(stage: Synthesised, alert: Alert, kind: str) -> dict[str, dict[str, Any]]:
    """Give an alert's alarms of one kind, their properties by logical id."""
    name = construct_name(alert.name)
    return {
        logical_id: resource["Properties"]
        for logical_id, resource in stage.resources(kind).items()
        if logical_id.startswith(name)
    }


def test_the_alerts_are_those_that_were_agreed_upon() -> None:
    assert {alert.name for alert in ALERTS} == NAMES
    assert len(ALERTS) == len(NAMES)


def test_the_emulator_is_given_nothing_that_it_would_refuse(
    synthesised: Callable[[str], Synthesised],
) -> None:
    local = synthesised("local")

    assert "Observability" not in local.templates
    for kind in (ALARM, COMPOSITE, "AWS::Logs::QueryDefinition", "AWS::CloudWatch::Dashboard"):
        assert local.resources(kind) == {}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_tells_when_it_begins_and_when_it_is_over(
    watched: Synthesised, alert: Alert
) -> None:
    topics = topics_of(watched, alert.severity)
    alarms, composites = of_alert(watched, alert, ALARM), of_alert(watched, alert, COMPOSITE)
    acting = composites if alert.join is Join.ALL else alarms
    silent = alarms if alert.join is Join.ALL else {}

    assert len(alarms) == len(alert.conditions)
    assert len(composites) == (1 if alert.join is Join.ALL else 0)
    for alarm in acting.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": one} for one in topics]
    for alarm in silent.values():
        assert not {"AlarmActions", "OKActions", "InsufficientDataActions"} & set(alarm)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alarm_says_who_is_hurt_when_it_fires_and_where_to_read_on(
    watched: Synthesised, alert: Alert
) -> None:
    described = {**of_alert(watched, alert, ALARM), **of_alert(watched, alert, COMPOSITE)}
    for alarm in described.values():
        text = alarm["AlarmDescription"]
        assert alert.summary in text
        assert f"{alert.severity}: " in text
        assert text.endswith(f"Runbook: runbooks/alerts/{alert.name}.md")
        # CloudWatch takes no more.
        assert len(text) <= 1024
    thresholds = [f"{condition.threshold:g}" for condition in alert.conditions]
    assert all(any(t in a["AlarmDescription"] for a in described.values()) for t in thresholds)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_that_prometheus_cannot_see_says_why(alert: Alert) -> None:
    assert (alert.rule is None) is bool(alert.unseen)


def test_where_missing_data_are_bad_prometheus_asks_for_absence() -> None:
    bad = {
        alert.name: alert.rule
        for alert in ALERTS
        if any(condition.missing is Missing.BREACHES for condition in alert.conditions)
    }

    assert set(bad) == {"no-ingests", "watch-silent", "backup-unverified", "drill-overdue"}
    for rule in bad.values():
        assert rule is not None
        assert re.search(r"\babsent(_over_time)?\(", rule.expr)


def test_minimum_traffic_stands_in_the_expression() -> None:
    conditions = [condition for alert in ALERTS for condition in alert.conditions]
    with_minimum = [condition for condition in conditions if condition.minimum_traffic]

    assert len(with_minimum) == 5  # client-errors, and two pairs
    for condition in with_minimum:
        # In one period alone silence is 0; of several, the newest is only late.
        requests = "FILL(requests, 0)" if condition.window.periods == 1 else "requests"
        least = f"IF({requests} >= {condition.minimum_traffic}, "
        assert condition.expression.startswith(least)


def test_the_topic_is_encrypted_and_takes_nothing_but_tls_and_our_own_alarms(
    watched: Synthesised,
) -> None:
    topics = watched.resources("AWS::SNS::Topic")
    [(key_id, key)] = watched.resources("AWS::KMS::Key", stack="Observability").items()
    policies = watched.resources("AWS::SNS::TopicPolicy").values()

    assert key["Properties"]["EnableKeyRotation"] is True
    assert [one["Properties"]["Topics"] for one in policies] == [[{"Ref": one}] for one in topics]
    for (topic_id, topic), policy in zip(topics.items(), policies, strict=True):
        assert topic["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
        is_for_our_alarms_only(policy["Properties"]["PolicyDocument"]["Statement"], topic_id)


def is_for_our_alarms_only(statements: list[dict[str, Any]], topic_id: str) -> None:
    [refused] = [s for s in statements if s["Effect"] == "Deny"]
    assert refused["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert refused["Principal"] == "*"
    [allowed] = [s for s in statements if s["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Resource"] == {"Ref": topic_id}
    source = json.dumps(allowed["Condition"]["ArnLike"]["aws:SourceArn"])
    assert "AWS::AccountId" in source
    assert ":alarm:*" in source


def test_alarms_may_use_the_topics_key(watched: Synthesised) -> None:
    """Without it CloudWatch fails to tell anybody, and only the alarm's history says so."""
    [key] = watched.resources("AWS::KMS::Key", stack="Observability").values()
    granted = {
        action
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        for action in as_list(statement["Action"])
    }
    assert granted == {"kms:Decrypt", "kms:GenerateDataKey*"}


def test_nobody_is_subscribed_unless_an_address_is_given(watched: Synthesised) -> None:
    assert watched.resources("AWS::SNS::Subscription") == {}


def test_an_address_is_subscribed(chosen: Synthesised) -> None:
    [subscription] = chosen.resources("AWS::SNS::Subscription").values()

    # A page is in the mailbox, too: the phone is somebody's own choice.
    [everything] = topics_of(chosen, Severity.TICKET)
    assert subscription["Properties"]["TopicArn"] == {"Ref": everything}
    assert subscription["Properties"]["Protocol"] == "email"
    assert subscription["Properties"]["Endpoint"] == "oncall@example.com"


@pytest.mark.parametrize("address", ["oncall", "a@b c@d", "@"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(StageError, match="alarm_email"):
        stage_named("dev", alarm_email=address)


def test_what_the_alarms_cost_is_what_is_said(watched: Synthesised) -> None:
    alarms = deployed(watched)
    metrics = sum(len(alarm.queries) for alarm in alarms.alarms.values())
    total = metrics * METRIC_USD + len(alarms.rules) * COMPOSITE_USD + KEY_USD

    # docs/decisions/0023 says so too.
    assert (len(alarms.alarms), metrics, len(alarms.rules)) == (25, 38, 2)
    assert round(total, 2) == 5.80


def test_the_gateway_makes_no_metrics_by_route_which_are_billed_and_looked_at_by_nobody(
    watched: Synthesised,
) -> None:
    [stage] = watched.resources("AWS::ApiGatewayV2::Stage").values()

    assert not stage["Properties"]["DefaultRouteSettings"]["DetailedMetricsEnabled"]


def test_no_alarm_is_of_more_than_the_metrics_that_are_known(watched: Synthesised) -> None:
    """What our own code writes: a name that is misspelt here would be an alarm on nothing."""
    ours = {
        query.metric.name
        for alarm in deployed(watched).alarms.values()
        for query in alarm.queries.values()
        if query.metric.namespace == "Tillgate"
    }
    assert ours == {
        "accept_age_seconds",
        "events_accepted",
        "database_up",
        "dead_letters",
        "oldest_pending_seconds",
        "conflicts_after_queued",
        "open_tenants",
        "quiet_sources",
        "partitions_days_ahead",
        "backup_verified_age_hours",
        "drill_age_days",
        "secret_age_days",
    }


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_an_alarm_is_called_as_its_runbook_is(
    stage: str, synthesised: Callable[[str], Synthesised]
) -> None:
    made = synthesised(stage)
    names = [
        alarm["Properties"]["AlarmName"]
        for kind in ("Alarm", "CompositeAlarm")
        for alarm in made.resources(f"AWS::CloudWatch::{kind}").values()
    ]

    assert len(names) == len(set(names))
    for name in names:
        assert [one.name for one in ALERTS if name.startswith(f"Tillgate-{stage}-{one.name}")]
