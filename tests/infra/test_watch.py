"""The watcher: when it runs, what it may ask, and that it ends before its next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.infra.synthesis import as_list, functions, statements

if TYPE_CHECKING:
    from tests.infra.synthesis import Synthesised

# By the setting that has the queue's URL, the start of its logical id.
QUEUES = {
    "ACCEPT_QUEUE_URL": "AcceptQueue",
    "ACCEPT_DEAD_LETTER_QUEUE_URL": "AcceptQueueDeadLetters",
    "DELIVERY_QUEUE_URL": "QueuesDelivery",
    "REDRIVE_QUEUE_URL": "QueuesRedrive",
    "DELIVERY_DEAD_LETTER_QUEUE_URL": "QueuesDeadLetters",
}


def rules(stage: Synthesised, function: str) -> list[dict[str, object]]:
    """Give the properties of the rules that call a function."""
    return [
        rule["Properties"]
        for rule in stage.resources("AWS::Events::Rule").values()
        if any(f"{function}Live" in str(target["Arn"]) for target in rule["Properties"]["Targets"])
    ]


def test_it_runs_each_minute_through_its_live_alias(stage: Synthesised) -> None:
    [rule] = rules(stage, "Watch")

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert rule["State"] == "ENABLED"


def test_what_failed_is_left_to_the_next_minute(stage: Synthesised) -> None:
    [invoked] = [
        resource["Properties"]
        for logical_id, resource in stage.resources("AWS::Lambda::EventInvokeConfig").items()
        if logical_id.startswith("Watch")
    ]
    assert (invoked["MaximumRetryAttempts"], invoked["MaximumEventAgeInSeconds"]) == (0, 60)


def test_it_ends_well_before_its_next_run(stage: Synthesised) -> None:
    watch = functions(stage)["Watch"]
    told = int(watch["Environment"]["Variables"]["WATCH_SECONDS"])

    assert told + 5 == watch["Timeout"] <= 55


@pytest.mark.parametrize("setting", QUEUES)
def test_it_is_told_every_queue_and_no_other(stage: Synthesised, setting: str) -> None:
    url = str(functions(stage)["Watch"]["Environment"]["Variables"][setting])

    assert QUEUES[setting] in url
    assert ("DeadLetters" in url) is ("DEAD_LETTER" in setting)


def test_it_may_ask_each_queue_how_much_waits_and_do_nothing_to_it(stage: Synthesised) -> None:
    asked = [
        statement
        for statement in statements(stage, "Watch")
        if any(str(action).startswith("sqs:") for action in as_list(statement["Action"]))
    ]
    assert {action for one in asked for action in as_list(one["Action"])} == {
        "sqs:GetQueueAttributes"
    }
    resources = {str(resource) for one in asked for resource in as_list(one["Resource"])}
    assert len(resources) == len(QUEUES)
    assert not any("'*'" in resource for resource in resources)


def test_it_may_do_nothing_but_that_read_its_secret_and_log(stage: Synthesised) -> None:
    actions = {
        str(action).partition(":")[0]
        for statement in statements(stage, "Watch")
        for action in as_list(statement["Action"])
    }
    assert actions <= {"sqs", "secretsmanager", "logs", "xray", "ec2", "kms"}
