"""Secrets Manager, read and written as text."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.json_client import AwsJsonClient
from tillgate.adapters.aws.service import unlimited
from tillgate.domain.errors import SecretUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class SecretsManager:
    """Reads and writes secret strings. Raises SecretUnavailableError.

    The arguments are those of AwsService.
    """

    def __init__(
        self,
        *,
        env: Mapping[str, str],
        timeout_seconds: float,
        max_requests_per_socket: int,
        budget: Callable[[], float] = unlimited,
    ) -> None:
        self._client = AwsJsonClient(
            "secretsmanager",
            env=env,
            timeout_seconds=timeout_seconds,
            max_requests_per_socket=max_requests_per_socket,
            budget=budget,
        )

    def read(self, secret_id: str, *, within_seconds: float | None = None) -> str:
        """Give the current value of a secret, by its ARN or name.

        ``within_seconds``, where given, goes before ``timeout_seconds``.
        """
        try:
            answer = self._client.call(
                "secretsmanager.GetSecretValue",
                {"SecretId": secret_id},
                within_seconds=within_seconds,
            )
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
                    # By it a repeat after a lost answer makes no second version.
                    "ClientRequestToken": str(uuid.uuid4()),
                },
            )
        except AwsError as error:
            raise SecretUnavailableError("a secret cannot be written") from error

    def close(self) -> None:
        """Let go of the connection; the next read makes another."""
        self._client.close()
