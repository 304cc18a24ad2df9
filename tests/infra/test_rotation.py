"""When the platform's own secrets are rotated, and what the function that does it may do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.synthesis import as_list, functions, statements
from tests.infra.test_watch import rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.synthesis import Synthesised

ROTATED = {"KeyRingSecret", "OperatorSecret", "MetricsSecret"}
STEPS = {
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
}


def schedules(stage: Synthesised) -> list[dict[str, Any]]:
    found = stage.resources("AWS::SecretsManager::RotationSchedule").values()
    return [schedule["Properties"] for schedule in found]


@pytest.mark.parametrize("name", ["dev", "prod", "external"])
def test_the_key_ring_and_both_tokens_are_rotated_each_quarter(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    made = schedules(synthesised(name))

    secrets = {s for p in made for s in ROTATED if s in json.dumps(p["SecretId"])}
    assert (len(made), secrets) == (3, ROTATED)
    for properties in made:
        assert properties["RotationRules"] == {"ScheduleExpression": "rate(90 days)"}
        assert "RotateLive" in json.dumps(properties["RotationLambdaARN"])
        # A deploy changes no token under the hands of who is about to read it.
        assert properties["RotateImmediatelyOnUpdate"] is False


@pytest.mark.parametrize("name", ["dev", "prod", "external"])
def test_secrets_manager_of_this_account_may_call_it_before_it_has_a_schedule(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    stage = synthesised(name)
    permissions = {
        logical_id: p["Properties"]
        for logical_id, p in stage.resources("AWS::Lambda::Permission").items()
        if p["Properties"]["Principal"] == "secretsmanager.amazonaws.com"
    }
    [(logical_id, permission)] = permissions.items()

    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert "RotateLive" in json.dumps(permission["FunctionName"])
    for schedule in stage.resources("AWS::SecretsManager::RotationSchedule").values():
        assert logical_id in schedule["DependsOn"]


def test_the_emulator_is_given_no_schedule_that_it_would_refuse(
    synthesised: Callable[[str], Synthesised],
) -> None:
    assert schedules(synthesised("local")) == []


def test_it_may_rotate_these_and_do_nothing_else(stage: Synthesised) -> None:
    granted: dict[str, set[str]] = {}
    for statement in statements(stage, "Rotate"):
        for action in as_list(statement["Action"]):
            for resource in as_list(statement["Resource"]):
                granted.setdefault(json.dumps(resource), set()).add(str(action))
    secrets = {r: a for r, a in granted.items() if any("secrets" in one for one in a)}

    for resource, actions in secrets.items():
        is_rotated = any(name in resource for name in ROTATED)
        assert is_rotated or "RotateRole" in resource
        assert actions == (STEPS if is_rotated else {"secretsmanager:GetSecretValue"})
    assert len(secrets) == 4
    others = {a.partition(":")[0] for actions in granted.values() for a in actions}
    assert others <= {"secretsmanager", "logs", "xray", "ec2", "kms"}


def test_it_seals_anew_each_day_and_ends_within_its_time(stage: Synthesised) -> None:
    [rule] = rules(stage, "Rotate")
    rotate = functions(stage)["Rotate"]

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 day)", "ENABLED")
    told = int(rotate["Environment"]["Variables"]["ROTATE_SECONDS"])
    assert told + 30 == rotate["Timeout"]


def test_no_rotation_begins_before_its_role_is_there(stage: Synthesised) -> None:
    data = stage.templates["Data"]["Resources"]
    [migration] = [k for k, r in data.items() if r["Type"] == "Custom::TillgateMigration"]
    function = next(
        r for k, r in data.items()
        if r["Type"] == "AWS::Lambda::Function" and k.startswith("RotateFunction")
    )  # fmt: skip
    assert migration in function["DependsOn"]
