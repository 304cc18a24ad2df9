"""Secrets Manager as a rotation needs it: versions, their labels, and a compare-and-swap.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tillgate.adapters.aws.errors import AwsError
from tillgate.domain.errors import SecretUnavailableError
from tillgate.domain.rotation import (
    CURRENT,
    SecretDescription,
    SecretValue,
    StageMovedError,
    VersionTakenError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tillgate.adapters.aws.json_client import AwsJsonClient

_NOT_FOUND = "ResourceNotFoundException"
_TAKEN = "ResourceExistsException"
# RemoveFromVersionId names a version that does not have the label (any more).
_MOVED = "InvalidParameterException"


class SecretsManagerVersions:
    """Implements SecretVersions."""

    def __init__(self, client: AwsJsonClient) -> None:
        self._client = client

    def describe(self, secret_id: str) -> SecretDescription:
        try:
            answer = self._client.call("secretsmanager.DescribeSecret", {"SecretId": secret_id})
        except AwsError as error:
            raise SecretUnavailableError("a secret cannot be described") from error
        versions: Mapping[str, list[str]] = answer.get("VersionIdsToStages") or {}
        return SecretDescription(
            first_made_at=_instant(answer),
            labels={version: frozenset(labels) for version, labels in versions.items()},
        )

    def value(self, secret_id: str, version: str) -> SecretValue | None:
        try:
            answer = self._client.call(
                "secretsmanager.GetSecretValue", {"SecretId": secret_id, "VersionId": version}
            )
        except AwsError as error:
            if error.code == _NOT_FOUND:
                return None
            raise SecretUnavailableError("a secret cannot be read") from error
        text = answer.get("SecretString")
        return SecretValue(text, _instant(answer)) if isinstance(text, str) else None

    def put(self, secret_id: str, version: str, text: str, *, label: str) -> None:
        try:
            self._client.call(
                "secretsmanager.PutSecretValue",
                {
                    "SecretId": secret_id,
                    "ClientRequestToken": version,
                    "SecretString": text,
                    "VersionStages": [label],
                },
            )
        except AwsError as error:
            if error.code == _TAKEN:
                raise VersionTakenError("the version has another value") from error
            raise SecretUnavailableError("a secret cannot be written") from error

    def make_current(self, secret_id: str, version: str, *, instead_of: str) -> None:
        try:
            self._client.call(
                "secretsmanager.UpdateSecretVersionStage",
                {
                    "SecretId": secret_id,
                    "VersionStage": CURRENT,
                    "MoveToVersionId": version,
                    "RemoveFromVersionId": instead_of,
                },
            )
        except AwsError as error:
            if error.code == _MOVED:
                raise StageMovedError("another version is the current one") from error
            raise SecretUnavailableError("a secret's label cannot be moved") from error


def _instant(answer: Mapping[str, Any]) -> datetime:
    """Read when it was made: seconds since 1970, as AWS's JSON has it."""
    made = answer.get("CreatedDate")
    if not isinstance(made, int | float):
        raise SecretUnavailableError("Secrets Manager does not say when a secret was made")
    return datetime.fromtimestamp(made, UTC)
