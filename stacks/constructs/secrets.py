"""The secrets that this deployment makes for itself."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, RemovalPolicy, Validations
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping


class GeneratedSecret(Construct):
    """A JSON object in Secrets Manager, one field of it random letters and digits.

    ``fixed`` are the fields known beforehand; ``unrotated_because`` is why
    Secrets Manager does not change the value on a schedule of its own, None where it does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        description: str,
        field: str,
        length: int,
        fixed: Mapping[str, str],
        removal_policy: RemovalPolicy,
        unrotated_because: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description=description,
            removal_policy=removal_policy,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps(dict(fixed)),
                generate_string_key=field,
                password_length=length,
                # Named one by one, since not every emulator knows exclude_punctuation.
                exclude_characters=string.punctuation,
                exclude_punctuation=True,
            ),
        )
        if unrotated_because is not None:
            Validations.of(self.secret).acknowledge(
                Acknowledgment(id="AwsSolutions-SMG4", reason=unrotated_because)
            )
