"""Synthesising a stage in a test, and reading what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aws_cdk import App

from app import build
from stacks.assets import ROOT
from stacks.stages import StageConfig, choose_stage

if TYPE_CHECKING:
    from pathlib import Path

Resource = dict[str, Any]

# Of one stage at once: each costs a synth, and none is about another.
CHOICES = {
    "alarm_email": "oncall@example.com",
    "per_tenant_metrics": "on",
    "runbook_base_url": "https://git.example/runbooks/",
}


@dataclass(frozen=True, slots=True)
class Synthesised:
    """A stage's templates, by what each stack is called: Data, Ingest, Operations."""

    stage: StageConfig
    templates: dict[str, dict[str, Any]]
    report: dict[str, Any]
    manifest: dict[str, Any]

    def resources(self, kind: str, *, stack: str | None = None) -> dict[str, Resource]:
        """Give the resources of a CloudFormation type by logical id, of one stack or of all."""
        return {
            logical_id: resource
            for name, template in self.templates.items()
            if stack in (None, name)
            for logical_id, resource in template["Resources"].items()
            if resource["Type"] == kind
        }


class Synthesise(Protocol):
    """Give a stage by its name and what is chosen for it; each is synthesised once in a run."""

    def __call__(self, name: str, **context: str) -> Synthesised: ...


def synthesise(stage: StageConfig, folder: Path) -> Synthesised:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    application = App(outdir=str(folder), context=context)
    build(application, stage=stage)
    assembly = application.synth()
    return Synthesised(
        stage=stage,
        templates={s.stack_name.rsplit("-", 1)[-1]: s.template for s in assembly.stacks},
        report=json.loads((folder / "validation-report.json").read_text()),
        manifest=json.loads((folder / "manifest.json").read_text()),
    )


def functions(stage: Synthesised) -> dict[str, dict[str, Any]]:
    """Give the properties of our functions, by what each is called."""
    return {
        logical_id.partition("Function")[0]: resource["Properties"]
        for logical_id, resource in stage.resources("AWS::Lambda::Function").items()
        if "Function" in logical_id and "CustomVpc" not in logical_id
    }


def statements(stage: Synthesised, function: str) -> list[dict[str, Any]]:
    """Give what a function's role is allowed, as policy statements."""
    return [
        statement
        for logical_id, policy in stage.resources("AWS::IAM::Policy").items()
        if logical_id.startswith(f"{function}Role")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def stage_named(name: str, **context: str) -> StageConfig:
    return choose_stage({"stage": name, **context}.get)
