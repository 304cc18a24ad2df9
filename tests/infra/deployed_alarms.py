"""A stage's alarms as its template has them, and the metrics that they look at by our names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.infra.cloudwatch import OLDER_PERIODS, Alarm, Metric, State, World, alarm_of
from tests.infra.composite_rules import holds, rule_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.infra.synthesis import Synthesised

# Each by its stack and its construct: an alarm on another one would look at other samples.
QUEUES = {
    "accept": "Data.AcceptQueue",
    "accept-dead-letters": "Data.AcceptQueueDeadLetters",
    "delivery": "Delivery.QueuesDelivery",
    "delivery-dead-letters": "Delivery.QueuesDeadLetters",
}
# What CDK adds to a construct's path.
_HASH = re.compile(r"[0-9A-F]{8}$")
Samples = dict[Metric, list[float]]
LEAD = 60  # minutes in which all is well
NEVER = None
# More points than the evaluation periods are looked at; AWS does not say how many.
OLDER = (0, 2, 15)


@dataclass(frozen=True, slots=True)
class Deployed:
    """``alarms`` and ``rules`` (of composites) by logical id."""

    stage: str
    alarms: Mapping[str, Alarm]
    rules: Mapping[str, str]

    def states(
        self,
        alarm: str,
        world: World,
        minutes: int,
        *,
        older_periods: int = OLDER_PERIODS,
        late_minutes: int = 0,
    ) -> list[State]:
        """Give the states of the alarm whose logical id begins so, minute by minute."""
        logical_id = _only([key for key in (*self.alarms, *self.rules) if key.startswith(alarm)])
        if logical_id in self.alarms:
            return self.alarms[logical_id].states(
                world, minutes, older_periods=older_periods, late_minutes=late_minutes
            )
        rule = self.rules[logical_id]
        children = {
            key: child.states(
                world, minutes, older_periods=older_periods, late_minutes=late_minutes
            )
            for key, child in self.alarms.items()
            if key in rule
        }
        return [
            State.ALARM
            if holds(rule, {key: states[minute] for key, states in children.items()})
            else State.OK
            for minute in range(minutes)
        ]

    def gateway(self, name: str) -> Metric:
        return _metric("AWS/ApiGateway", name, ApiId="Ingest.HttpApi", Stage="$default")

    def queue(self, queue: str, name: str) -> Metric:
        return _metric("AWS/SQS", name, QueueName=QUEUES[queue])

    def function(self, stack: str, name: str) -> Metric:
        return _metric("AWS/Lambda", "Throttles", FunctionName=f"{stack}.{name}Function")

    def ours(self, name: str, **labels: str) -> Metric:
        return _metric("Tillgate", name, stage=self.stage, **labels)


def _metric(namespace: str, name: str, **dimensions: str) -> Metric:
    return Metric(namespace, name, frozenset(dimensions.items()))


def deployed(stage: Synthesised) -> Deployed:
    resolve = {
        output["Export"]["Name"]: f"{stack}.{_target(output['Value'])}"
        for stack, template in stage.templates.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    alarms = {
        key: alarm_of(resource["Properties"], resolve)
        for key, resource in stage.resources("AWS::CloudWatch::Alarm").items()
    }
    rules = {
        key: rule_text(resource["Properties"]["AlarmRule"])
        for key, resource in stage.resources("AWS::CloudWatch::CompositeAlarm").items()
    }
    return Deployed(stage.stage.name, alarms, rules)


def _target(value: Mapping[str, str | list[str]]) -> str:
    [reference] = value.values()
    return _HASH.sub("", reference if isinstance(reference, str) else reference[0])


def _only(found: list[str]) -> str:
    [only] = found
    return only


def fires_after(
    alarms: Deployed,
    alarm: str,
    good: Samples,
    bad: Samples,
    minutes: int,
    *,
    lead: int = LEAD,
    older_periods: int = 2,
) -> int | None:
    """Tell how many minutes after it began to be bad the alarm fires; None for not at all.

    It is bad for so many minutes, and good again afterwards, for as long.
    """
    end = lead + minutes
    world = World()
    for samples, span in (
        (good, range(lead)),
        (bad, range(lead, end)),
        (good, range(end, end + minutes)),
    ):
        for metric, values in samples.items():
            world.put(metric, span, values)
    states = alarms.states(alarm, world, end + minutes, older_periods=older_periods)
    assert State.ALARM not in states[:lead], "it fires while all is well"
    fired = [minute for minute, state in enumerate(states, start=1) if state is State.ALARM]
    return fired[0] - lead if fired else None
