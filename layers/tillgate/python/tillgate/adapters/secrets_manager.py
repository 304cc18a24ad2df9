"""Secrets Manager, read and written as text."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tillgate.adapters.aws_http import AwsError, AwsJsonClient
from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping


class SecretsManager:
    """Reads and writes secret strings. Raises SecretUnavailableError."""

    def __init__(self, *, env: Mapping[str, str], timeout_seconds: float) -> None:
        self._client = AwsJsonClient("secretsmanager", env=env, timeout_seconds=timeout_seconds)

    def read(self, secret_id: str) -> str:
        """Give the current value of a secret, by its ARN or name."""
        try:
            answer = self._client.call("secretsmanager.GetSecretValue", {"SecretId": secret_id})
        except AwsError as error:
            raise SecretUnavailableError("a secret cannot be read") from error
        value = answer.get("SecretString")
        if not isinstance(value, str):
            raise SecretUnavailableError("a secret holds no text")
        return value

    def write(self, secret_id: str, value: str) -> None:
        """Make ``value`` the current value of a secret that exists."""
        try:
            self._client.call(
                "secretsmanager.PutSecretValue",
                {
                    "SecretId": secret_id,
                    "SecretString": value,
                    # Required; only the SDKs make one by themselves, and emulators forgive it.
                    "ClientRequestToken": str(uuid.uuid4()),
                },
            )
        except AwsError as error:
            raise SecretUnavailableError("a secret cannot be written") from error
