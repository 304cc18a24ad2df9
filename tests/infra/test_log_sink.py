"""A log sink: off unless asked for, every line, and no more rights than that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks.context import StageError
from stacks.log_sink import LogSink, LogSinkError, SinkKind, log_sink
from tests.infra.synthesis import Synthesised, stage_named

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.synthesis import Synthesise

STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/logs"
FIREHOSE = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/logs"
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:logs"


@pytest.fixture
def with_sink(synthesised: Synthesise) -> Callable[[str], Synthesised]:
    return lambda arn: synthesised("dev", log_sink_arn=arn)


def log_groups(made: Synthesised) -> int:
    """Count those that a sink reads: every function's, and the gateway's."""
    functions = [
        resource
        for resource in made.resources("AWS::Lambda::Function").values()
        if "LoggingConfig" in resource["Properties"]
    ]
    return len(functions) + 1


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        (STREAM, SinkKind.KINESIS),
        (FIREHOSE, SinkKind.FIREHOSE),
        (FUNCTION, SinkKind.LAMBDA),
        (STREAM.replace("arn:aws:", "arn:aws-us-gov:"), SinkKind.KINESIS),
    ],
)
def test_an_arn_tells_what_it_names(arn: str, kind: SinkKind) -> None:
    assert log_sink(arn, stage="dev") == LogSink(kind, arn)


@pytest.mark.parametrize(
    "arn",
    [
        "logs",
        "arn:aws:s3:::logs",
        "arn:aws:sqs:eu-west-1:111122223333:logs",
        "arn:aws:logs:eu-west-1:111122223333:destination:logs",
        f"{FUNCTION}:live",
        f"{STREAM}\n",
        STREAM.replace("111122223333", "1111"),
        STREAM.replace("stream/", "deliverystream/"),
    ],
)
def test_what_no_log_line_can_be_sent_to_is_refused_in_a_sentence(arn: str) -> None:
    with pytest.raises(LogSinkError, match="log_sink_arn must be the ARN of a Kinesis stream"):
        log_sink(arn, stage="dev")
    with pytest.raises(StageError, match="log_sink_arn must be the ARN of a Kinesis stream"):
        stage_named("dev", log_sink_arn=arn)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_no_function_of_the_stage_is_sent_its_own_lines(
    stage: str, synthesised: Callable[[str], Synthesised]
) -> None:
    """It would write one for each that it is sent; CloudFormation makes up the names."""
    made = synthesised(stage)
    for stack, template in made.templates.items():
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Lambda::Function":
                assert "FunctionName" not in resource["Properties"]
                name = f"Tillgate-{stage}-{stack}-{logical_id}"[:51] + "-Ab3De5Fg7Hi9"
                with pytest.raises(StageError, match="must not be a function of this stage"):
                    stage_named(stage, log_sink_arn=FUNCTION.replace("logs", name))


@pytest.mark.parametrize("name", ["Tillgate-logs", "Tillgate-prod-Ingest-A-B", "my-Tillgate-dev"])
def test_a_function_that_is_called_alike_is_somebody_elses(name: str) -> None:
    arn = FUNCTION.replace(":logs", f":{name}")
    assert log_sink(arn, stage="dev") == LogSink(SinkKind.LAMBDA, arn)


def test_a_stage_that_is_not_observed_has_no_sink() -> None:
    with pytest.raises(StageError, match="'local' is not observed"):
        stage_named("local", log_sink_arn=STREAM)


@pytest.mark.parametrize("name", ["dev", "prod", "external", "local"])
def test_nothing_leaves_unless_it_is_asked_for(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    assert synthesised(name).resources("AWS::Logs::SubscriptionFilter") == {}


@pytest.mark.parametrize("arn", [STREAM, FIREHOSE, FUNCTION])
def test_every_log_group_of_ours_is_read_along_whole(
    arn: str, with_sink: Callable[[str], Synthesised]
) -> None:
    made = with_sink(arn)
    filters = [
        resource["Properties"]
        for resource in made.resources("AWS::Logs::SubscriptionFilter").values()
    ]

    assert len({str(one["LogGroupName"]) for one in filters}) == len(filters) == log_groups(made)
    assert {one["DestinationArn"] for one in filters} == {arn}
    assert {one["FilterPattern"] for one in filters} == {""}
    assert made.report["pluginReports"] == []


@pytest.mark.parametrize(
    ("arn", "actions"),
    [
        (STREAM, ["kinesis:PutRecord", "kinesis:PutRecords"]),
        (FIREHOSE, ["firehose:PutRecord", "firehose:PutRecordBatch"]),
    ],
)
def test_a_stream_is_written_to_under_a_role_that_may_nothing_else(
    arn: str, actions: list[str], with_sink: Callable[[str], Synthesised]
) -> None:
    made = with_sink(arn)
    ((logical_id, role),) = (
        (logical_id, resource["Properties"])
        for logical_id, resource in made.resources("AWS::IAM::Role").items()
        if logical_id.startswith("LogSinkRole")
    )
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    (policy,) = role["Policies"]

    assert trust["Principal"] == {"Service": "logs.amazonaws.com"}
    assert "aws:SourceArn" in trust["Condition"]["StringLike"]
    assert policy["PolicyDocument"]["Statement"] == [
        {"Action": actions, "Effect": "Allow", "Resource": arn}
    ]
    for resource in made.resources("AWS::Logs::SubscriptionFilter").values():
        assert resource["Properties"]["RoleArn"] == {"Fn::GetAtt": [logical_id, "Arn"]}


def test_a_function_is_called_by_each_log_group_and_by_no_other(
    with_sink: Callable[[str], Synthesised],
) -> None:
    made = with_sink(FUNCTION)
    permissions = {
        logical_id: resource["Properties"]
        for logical_id, resource in made.resources("AWS::Lambda::Permission").items()
        if logical_id.startswith("LogSink")
    }

    assert len({str(one["SourceArn"]) for one in permissions.values()}) == log_groups(made)
    assert {one["Principal"] for one in permissions.values()} == {"logs.amazonaws.com"}
    for resource in made.resources("AWS::Logs::SubscriptionFilter").values():
        assert "RoleArn" not in resource["Properties"]
        # CloudWatch Logs tries it when it is made.
        (needed,) = resource["DependsOn"]
        assert needed in permissions
