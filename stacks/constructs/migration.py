"""The schema, brought up to date by every deploy before new code runs on it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aws_cdk import CustomResource, Duration
from constructs import Construct

from stacks.assets import ROOT

if TYPE_CHECKING:
    from aws_cdk.aws_lambda import Alias

# How much longer CloudFormation waits than the function may run: it must hear what failed
# from the function, not give up first and say only that nobody answered.
ANSWER_MARGIN_SECONDS = 60
MIGRATIONS = ROOT / "layers" / "tillgate" / "python" / "tillgate" / "migrations"


def migrations_hash() -> str:
    """Name the set of migrations: any file added (or, wrongly, edited) changes it."""
    digest = hashlib.sha256()
    for path in sorted(MIGRATIONS.glob("*.sql")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class Migration(Construct):
    """A custom resource served by our own Lambda, with no framework between.

    CloudFormation calls it when any property changes, and the deploy fails when
    it does. ``timeout`` is the function's own. ``roles`` names the secrets it fills
    in, so that it runs again when one is made anew.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: Alias,
        timeout: Duration,
        version: str,
        roles: list[str],
        database_identity: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = CustomResource(
            self,
            "Resource",
            service_token=function.function_arn,
            service_timeout=timeout.plus(Duration.seconds(ANSWER_MARGIN_SECONDS)),
            resource_type="Custom::TillgateMigration",
            properties={
                "Migrations": migrations_hash(),
                "Version": version,
                "Roles": roles,
                "DatabaseIdentity": database_identity,
            },
        )
