"""Every policy of a stage's templates, and who is given what by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.infra.synthesis import as_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.synthesis import Synthesised

# By the type of what a policy protects: the type of the policy, and where it names it.
PROTECTED = {
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"),
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """``holder`` is the role's, key's or policy's logical id without CDK's hash and suffixes."""

    holder: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: dict[str, Any]

    @property
    def wildcards(self) -> set[str]:
        """Give what of it stands for more than it says."""
        return {one for one in (*self.actions, *self.resources) if "*" in one}


def every_statement(stage: Synthesised) -> Iterator[Statement]:
    """Give every statement that allows or denies anything, in whatever resource it stands."""
    for template in stage.templates.values():
        for logical_id, resource in template["Resources"].items():
            for document in _documents(resource["Properties"]):
                for one in document["Statement"]:
                    yield Statement(
                        _holder(logical_id, resource),
                        one["Effect"] == "Allow",
                        tuple(as_list(one["Action"])),
                        tuple(map(_text, as_list(one.get("Resource", [])))),
                        one.get("Condition", {}),
                    )


def refuses_plain_http(stage: Synthesised, kind: str, logical_id: str) -> bool:
    """Tell whether a policy denies everybody everything that is not asked by TLS."""
    policy_kind, named = PROTECTED[kind]
    return any(
        one["Effect"] == "Deny"
        and one["Principal"] in ({"AWS": "*"}, "*")
        and one["Condition"].get("Bool") == {"aws:SecureTransport": "false"}
        and set(as_list(one["Action"])) & {"sqs:*", "s3:*", "sns:Publish"}
        for policy in stage.resources(policy_kind).values()
        if {"Ref": logical_id} in as_list(policy["Properties"][named])
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
    )


def _documents(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in ("PolicyDocument", "KeyPolicy"):
        if name in properties:
            yield properties[name]
    for inline in properties.get("Policies", []):
        yield inline["PolicyDocument"]


def _holder(logical_id: str, resource: dict[str, Any]) -> str:
    if resource["Type"] == "AWS::IAM::Policy":
        [role] = resource["Properties"]["Roles"]
        return str(role["Ref"])[:-8]
    return logical_id[:-8]


def _text(value: object) -> str:
    """Write a reference as a path: what is joined, one after the other."""
    if isinstance(value, str):
        return value
    assert isinstance(value, dict), value
    [(kind, inner)] = value.items()
    if kind == "Fn::Join":
        return "".join(map(_text, inner[1]))
    return f"<{json.dumps(inner)}>"
