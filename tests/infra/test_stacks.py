"""What every stage's templates promise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aws_cdk import App
from aws_cdk.aws_s3 import Bucket

from app import build
from stacks.constructs import layers as layers_module
from stacks.constructs.http_api import ACCESS_LOG
from tests.infra.synthesis import (
    Synthesised,
    as_list,
    functions,
    stage_named,
    statements,
    synthesise,
)
from tillgate.settings.accept import AcceptSettings
from tillgate.settings.api import ApiSettings
from tillgate.settings.deliver import DeliverSettings
from tillgate.settings.health import HealthSettings
from tillgate.settings.ingest import IngestSettings
from tillgate.settings.migrate import MigrateSettings
from tillgate.settings.probe import ProbeSettings
from tillgate.settings.rotate import RotateSettings
from tillgate.settings.sweep import SweepSettings
from tillgate.settings.watch import WatchSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stacks.assets import LayerName, LayerTarget
    from tillgate.settings.function import FunctionSettings

SETTINGS: dict[str, type[FunctionSettings]] = {
    "Migrate": MigrateSettings,
    "Ingest": IngestSettings,
    "Accept": AcceptSettings,
    "Deliver": DeliverSettings,
    "Probe": ProbeSettings,
    "Api": ApiSettings,
    "Health": HealthSettings,
    "Sweep": SweepSettings,
    "Watch": WatchSettings,
    "Rotate": RotateSettings,
}
ROLES = {
    "IngestRole",
    "ApiRole",
    "AdminRole",
    "HealthRole",
    "SweepRole",
    "AcceptRole",
    "DeliverRole",
    "WatchRole",
    "RotateRole",
}
# Those that are no role's.
SHARED = ("KeyRing", "Operator", "Metrics")
# Each function's secrets, by their constructs: what it reads is all that it may read.
READS = {
    "Ingest": {"IngestRole", "KeyRing"},
    "Accept": {"AcceptRole", "KeyRing"},
    "Deliver": {"DeliverRole", "KeyRing"},
    "Probe": {"DeliverRole", "KeyRing", "Operator"},
    "Api": {"ApiRole", "AdminRole", "KeyRing", "Operator"},
    "Health": {"HealthRole", "KeyRing", "Metrics"},
    "Sweep": {"SweepRole", "KeyRing"},
    "Watch": {"WatchRole"},
    "Rotate": {"RotateRole", *SHARED},
    "Migrate": {*ROLES, "Database"},
}
ROUTES = {
    "POST /v1/events": "Ingest",
    "POST /v1/events/batch": "Ingest",
    "POST /v1/hooks/{provider}/{endpoint_id}": "Ingest",
    "POST /admin/api/tenants/{tenant_id}/destination/test": "Probe",
    "DELETE /admin/api/tenants/{tenant_id}/synthetic-events/{event_id}": "Probe",
    "GET /livez": "Health",
    "GET /startupz": "Health",
    "GET /metrics": "Health",
    "$default": "Api",
}
# Functions on whose start a request waits.
REQUESTED = {"Ingest", "Api", "Health"}
# CloudFormation makes a new value when a word of this changes, or the logical id: every
# sealed secret unreadable, every function locked out, the operator's token void.
SPECIALS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def generated(template: str, field: str, length: int) -> dict[str, object]:
    return {
        "ExcludeCharacters": SPECIALS,
        "ExcludePunctuation": True,
        "GenerateStringKey": field,
        "PasswordLength": length,
        "SecretStringTemplate": template,
    }


GENERATED = {
    "KeyRingSecret73EFAB8B": generated("{}", "k1", 64),
    "OperatorSecret0AA2B996": generated("{}", "token", 48),
    "MetricsSecret330A7B2B": generated("{}", "token", 48),
    "IngestRoleSecretF13849F2": generated('{"username": "tillgate_ingest"}', "password", 48),
    "ApiRoleSecret10A03344": generated('{"username": "tillgate_api"}', "password", 48),
    "AdminRoleSecret25A80C8A": generated('{"username": "tillgate_admin"}', "password", 48),
    "HealthRoleSecret42412F70": generated('{"username": "tillgate_health"}', "password", 48),
    "SweepRoleSecretDC431821": generated('{"username": "tillgate_sweep"}', "password", 48),
    "AcceptRoleSecretCAA79FBE": generated('{"username": "tillgate_accept"}', "password", 48),
    "DeliverRoleSecretC8677B2B": generated('{"username": "tillgate_deliver"}', "password", 48),
    "WatchRoleSecretC0A68749": generated('{"username": "tillgate_watch"}', "password", 48),
    "RotateRoleSecret8D3CEAC2": generated('{"username": "tillgate_rotate"}', "password", 48),
}
READING = {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}
WRITING = {"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}


def named(logical_or_text: str, names: set[str]) -> str:
    """Find which of these constructs a reference is to."""
    found = [name for name in names if f"{name}Secret" in logical_or_text]
    if not found and ("Cluster" in logical_or_text or "tillgate/" in logical_or_text):
        return "Database"
    assert len(found) == 1, logical_or_text
    return found[0]


def secret_grants(stage: Synthesised, function: str, actions: set[str]) -> set[str]:
    granted = set()
    for statement in statements(stage, function):
        used = {action for action in as_list(statement["Action"]) if "secrets" in action}
        assert used <= READING | WRITING
        if used & actions:
            references = as_list(statement["Resource"])
            granted |= {named(json.dumps(r), {*ROLES, *SHARED}) for r in references}
    return granted


def test_every_function_is_there_and_no_other(stage: Synthesised) -> None:
    assert set(functions(stage)) == set(SETTINGS)


@pytest.mark.parametrize("function", READS)
def test_a_function_reads_its_own_secrets_and_no_other(stage: Synthesised, function: str) -> None:
    assert secret_grants(stage, function, READING) == READS[function]


@pytest.mark.parametrize("function", READS)
def test_only_migrate_and_rotate_write_secrets(stage: Synthesised, function: str) -> None:
    expected = {"Migrate": ROLES, "Rotate": set(SHARED)}.get(function, set())
    assert secret_grants(stage, function, WRITING) == expected


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_is_told_its_settings_and_nothing_else(
    stage: Synthesised, function: str
) -> None:
    told = functions(stage)[function]["Environment"]["Variables"]
    as_text = {name: v if isinstance(v, str) else json.dumps(v) for name, v in told.items()}

    settings = SETTINGS[function].from_env(as_text)

    assert settings.to_env() == as_text
    assert settings.stage == stage.stage.name


def test_every_route_leads_to_the_live_alias_of_its_function(stage: Synthesised) -> None:
    integrations = stage.resources("AWS::ApiGatewayV2::Integration")
    leads = {}
    for route in stage.resources("AWS::ApiGatewayV2::Route").values():
        target = route["Properties"]["Target"]["Fn::Join"][1][1]["Ref"]
        leads[route["Properties"]["RouteKey"]] = integrations[target]["Properties"]

    assert {
        key: p["IntegrationUri"]["Ref"].partition("Live")[0] for key, p in leads.items()
    } == ROUTES
    assert {p["PayloadFormatVersion"] for p in leads.values()} == {"2.0"}


def test_versions_outlive_the_deploy_that_replaces_them(stage: Synthesised) -> None:
    versions = stage.resources("AWS::Lambda::Version")
    aliases = stage.resources("AWS::Lambda::Alias")

    assert len(versions) == len(aliases) == len(SETTINGS)
    # But not the rollback of the deploy that made them: left behind, they refuse the next.
    assert {v["DeletionPolicy"] for v in versions.values()} == {"RetainExceptOnCreate"}
    assert {v["UpdateReplacePolicy"] for v in versions.values()} == {"Retain"}
    assert {alias["Properties"]["Name"] for alias in aliases.values()} == {"live"}


def test_every_log_is_let_go_of_in_time(stage: Synthesised) -> None:
    groups = stage.resources("AWS::Logs::LogGroup")

    assert len(groups) >= len(SETTINGS) + 1
    assert all(group["Properties"]["RetentionInDays"] <= 90 for group in groups.values())
    assert all("LoggingConfig" in properties for properties in functions(stage).values())


def test_cloudformation_waits_until_migrate_has_said_what_failed(stage: Synthesised) -> None:
    (migration,) = stage.resources("Custom::TillgateMigration").values()
    waits_seconds = int(migration["Properties"]["ServiceTimeout"])
    assert waits_seconds >= functions(stage)["Migrate"]["Timeout"] + 60
    assert waits_seconds <= 3600  # CloudFormation's most


def test_the_gateways_request_id_has_a_name_of_its_own(stage: Synthesised) -> None:
    (gateway,) = stage.resources("AWS::ApiGatewayV2::Stage").values()
    line = json.loads(gateway["Properties"]["AccessLogSettings"]["Format"])
    assert line == ACCESS_LOG
    assert line["gateway_rid"] == "$context.requestId"
    assert "rid" not in line  # that is our own, in the function's line


def test_no_code_runs_before_the_schema_is_there(stage: Synthesised) -> None:
    artifacts = stage.manifest["artifacts"]
    data = f"Tillgate-{stage.stage.name}-Data"
    for stack in ("Ingest", "Delivery", "Operations"):
        assert data in artifacts[f"Tillgate-{stage.stage.name}-{stack}"]["dependencies"]
    (migration,) = stage.resources("Custom::TillgateMigration").values()
    assert migration["Properties"]["ServiceToken"]["Ref"].startswith("MigrateLive")


def test_nothing_makes_a_secret_anew(stage: Synthesised) -> None:
    secrets = stage.resources("AWS::SecretsManager::Secret")
    ours = {k: s["Properties"] for k, s in secrets.items() if "Cluster" not in k}

    assert {k: p["GenerateSecretString"] for k, p in ours.items()} == GENERATED
    # A name or a value of its own would replace or overwrite what was generated.
    assert {name for p in ours.values() for name in p} == {
        "Description",
        "GenerateSecretString",
        "Tags",
        *({"KmsKeyId"} if stage.stage.customer_key else ()),
    }


def test_what_people_need_is_put_out(stage: Synthesised) -> None:
    outputs = {
        name for template in stage.templates.values() for name in template.get("Outputs", {})
    }
    assert {
        "ApiUrl",
        "OperatorSecretArn",
        "RotateFunctionArn",
        "MetricsSecretArn",
        "KeyRingSecretArn",
        "AcceptQueueUrl",
        "AcceptDeadLetterQueueUrl",
        "ObjectsBucketName",
        "DeliveryQueueUrl",
        "RedriveQueueUrl",
        "DeliveryDeadLetterQueueUrl",
    } <= outputs


def test_no_rule_is_broken(stage: Synthesised) -> None:
    assert stage.report["pluginReports"] == []


def test_the_rules_are_asked(tmp_path: Path) -> None:
    application = App(outdir=str(tmp_path))
    build(application, stage=stage_named("local"))
    Bucket(application.node.find_child("Tillgate-local-Data"), "Open")  # type: ignore[arg-type]  # A stack.
    with pytest.raises(RuntimeError, match=r"(?i)validation"):
        application.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    broken = {v["ruleName"] for plugin in report["pluginReports"] for v in plugin["violations"]}
    assert "AwsSolutions-S1" in broken


def test_prod_cannot_be_deleted_by_a_slip(synthesised: Callable[[str], Synthesised]) -> None:
    prod = synthesised("prod")
    (cluster,) = prod.resources("AWS::RDS::DBCluster").values()
    secrets = prod.resources("AWS::SecretsManager::Secret")

    assert cluster["Properties"]["DeletionProtection"] is True
    ours = [secret for logical_id, secret in secrets.items() if "Cluster" not in logical_id]
    assert {s["DeletionPolicy"] for s in ours} == {"RetainExceptOnCreate"}
    assert {s["UpdateReplacePolicy"] for s in ours} == {"Retain"}
    for stack in ("Data", "Ingest", "Delivery", "Operations"):
        properties = prod.manifest["artifacts"][f"Tillgate-prod-{stack}"]["properties"]
        assert properties["terminationProtection"] is True


@pytest.mark.parametrize("name", ["dev", "prod", "external"])
def test_aws_runs_arm64_and_traces(synthesised: Callable[[str], Synthesised], name: str) -> None:
    for properties in functions(synthesised(name)).values():
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["arm64"]
        assert properties["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize("name", ["dev", "prod", "external"])
def test_every_function_s_role_may_send_traces(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    stage = synthesised(name)
    for function in functions(stage):
        granted = [
            (action, statement["Effect"], statement["Resource"])
            for statement in statements(stage, function)
            for action in as_list(statement["Action"])
            if action.startswith("xray:")
        ]
        assert sorted(granted) == [
            ("xray:PutTelemetryRecords", "Allow", "*"),
            ("xray:PutTraceSegments", "Allow", "*"),
        ]


def test_local_traces_nothing_and_may_not(synthesised: Callable[[str], Synthesised]) -> None:
    local = synthesised("local")
    for function, properties in functions(local).items():
        assert "TracingConfig" not in properties
        actions = [
            action
            for statement in statements(local, function)
            for action in as_list(statement["Action"])
        ]
        assert not [action for action in actions if action.startswith("xray:")]


@pytest.mark.parametrize(
    ("name", "told"), [("local", "0"), ("dev", "0"), ("prod", "1"), ("external", "1")]
)
def test_every_function_is_told_whether_tenants_have_metrics(
    synthesised: Callable[[str], Synthesised], name: str, told: str
) -> None:
    environments = [
        properties["Environment"]["Variables"]
        for properties in functions(synthesised(name)).values()
    ]

    assert {one["PER_TENANT_METRICS"] for one in environments} == {told}


@pytest.mark.parametrize("name", ["dev", "prod", "external"])
def test_only_what_a_request_waits_for_starts_from_a_snapshot(
    synthesised: Callable[[str], Synthesised], name: str
) -> None:
    snapshots = {
        function: properties["SnapStart"]
        for function, properties in functions(synthesised(name)).items()
        if "SnapStart" in properties
    }
    assert snapshots == {function: {"ApplyOn": "PublishedVersions"} for function in REQUESTED}


def test_other_code_makes_another_version(
    synthesised: Callable[[str], Synthesised], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(name: LayerName, target: LayerTarget) -> str:
        return f"{name}-{target}".encode().hex().ljust(64, "0")

    before = set(synthesised("local").resources("AWS::Lambda::Version"))
    monkeypatch.setattr(layers_module, "layer_hash", changed)
    after = set(synthesise(stage_named("local"), tmp_path).resources("AWS::Lambda::Version"))

    assert len(after) == len(before)
    assert not after & before
