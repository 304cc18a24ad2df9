"""The way onward: its queues, who feeds them, and what works them off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stacks import timing
from tests.infra.synthesis import Synthesised, functions, stage_named
from tillgate.adapters.postgres import due_deliveries

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.synthesis import Resource

FOURTEEN_DAYS_SECONDS = 14 * 24 * 3600


def queues(stage: Synthesised) -> dict[str, Resource]:
    """Give the delivery stack's queues: Delivery, Redrive, DeadLetters."""
    return {
        logical_id.removeprefix("Queues")[:-8]: resource
        for logical_id, resource in stage.resources("AWS::SQS::Queue", stack="Delivery").items()
    }


def sources(stage: Synthesised) -> dict[str, Resource]:
    """Give the event sources by the queue that each reads."""
    found = stage.resources("AWS::Lambda::EventSourceMapping", stack="Delivery").values()
    return {
        source["Properties"]["EventSourceArn"]["Fn::GetAtt"][0].removeprefix("Queues")[:-8]: source[
            "Properties"
        ]
        for source in found
    }


def test_new_and_redriven_deliveries_wait_apart(stage: Synthesised) -> None:
    assert set(queues(stage)) == {"Delivery", "Redrive", "DeadLetters"}
    for queue in queues(stage).values():
        properties = queue["Properties"]
        assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS_SECONDS
        # Fair queues: a group's id is sent to a standard queue.
        assert "FifoQueue" not in properties


@pytest.mark.parametrize("kind", ["Delivery", "Redrive"])
def test_only_what_kills_its_worker_becomes_a_dead_letter_of_sqs(
    stage: Synthesised, kind: str
) -> None:
    queue = queues(stage)[kind]["Properties"]

    assert queue["RedrivePolicy"]["maxReceiveCount"] == 1000
    target = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert target.startswith("QueuesDeadLetters")
    assert "QueueName" not in queue, "one that is retained would stand in the way of the next"


@pytest.mark.parametrize("kind", ["Delivery", "Redrive"])
def test_a_delivery_stays_out_of_sight_for_six_time_outs(stage: Synthesised, kind: str) -> None:
    deliver = functions(stage)["Deliver"]
    assert deliver["Timeout"] == 60
    assert queues(stage)[kind]["Properties"]["VisibilityTimeout"] == 360


def test_a_queue_of_ids_goes_with_its_stack(stage: Synthesised) -> None:
    # What it loses is pending in the database, and queued again.
    assert {q["DeletionPolicy"] for q in queues(stage).values()} == {"Delete"}


@pytest.mark.parametrize(
    ("name", "delivery"), [("local", 10), ("dev", 10), ("prod", 20), ("external", 20)]
)
def test_deliver_is_fed_through_its_live_alias_from_both_queues(
    synthesised: Callable[[str], Synthesised], name: str, delivery: int
) -> None:
    found = sources(synthesised(name))
    wired = {"FunctionName", "EventSourceArn", "Tags"}
    told = {
        queue: {k: v for k, v in properties.items() if k not in wired}
        for queue, properties in found.items()
    }
    fed = {"BatchSize": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"]}

    assert told == {
        "Delivery": {**fed, "ScalingConfig": {"MaximumConcurrency": delivery}},
        "Redrive": {**fed, "ScalingConfig": {"MaximumConcurrency": 2}},
    }
    for properties in found.values():
        function = str(properties["FunctionName"])
        assert "DeliverLive" in function
        assert function.endswith("':live']]}")


def test_a_batch_of_deliveries_ends_before_its_function_does(stage: Synthesised) -> None:
    deliver = functions(stage)["Deliver"]
    variables = deliver["Environment"]["Variables"]
    last_answer = int(variables["BATCH_SECONDS"]) + int(variables["REQUEST_TIMEOUT_MS"]) / 1000
    assert variables["BATCH_SECONDS"] == "40"
    assert deliver["Timeout"] >= last_answer + 15


def test_sweep_feeds_the_queues_that_deliver_reads(stage: Synthesised) -> None:
    sweep = functions(stage)["Sweep"]["Environment"]["Variables"]
    assert "QueuesDelivery" in str(sweep["DELIVERY_QUEUE_URL"])
    assert "QueuesRedrive" in str(sweep["REDRIVE_QUEUE_URL"])
    assert "DeadLetters" not in str(sweep)


def test_sweep_ends_before_the_next_one_begins_and_not_long_before(stage: Synthesised) -> None:
    variables = functions(stage)["Sweep"]["Environment"]["Variables"]
    # Above 55 s, 95 of 100 events wait for less than two seconds (decision 16).
    assert variables["SWEEP_SECONDS"] == "57"


def test_sweep_has_time_for_one_last_step(stage: Synthesised) -> None:
    sweep = functions(stage)["Sweep"]
    assert timing.SWEEP_STEP_SECONDS == due_deliveries.WITHIN_SECONDS
    assert sweep["Timeout"] == 57 + 8 + 2


@pytest.mark.parametrize("function", ["Api", "Deliver"])
@pytest.mark.parametrize(
    ("name", "allowed"), [("local", "1"), ("dev", "0"), ("prod", "0"), ("external", "0")]
)
def test_only_the_local_stage_delivers_to_a_private_address(
    synthesised: Callable[[str], Synthesised], function: str, name: str, allowed: str
) -> None:
    variables = functions(synthesised(name))[function]["Environment"]["Variables"]
    assert variables["ALLOW_PRIVATE_DESTINATIONS"] == allowed


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_deliveries_under_way_are_as_many_as_aws_takes_at_least(name: str) -> None:
    assert 2 <= stage_named(name).deliver_concurrency <= 20
