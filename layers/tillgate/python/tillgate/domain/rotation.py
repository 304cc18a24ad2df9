"""The rotation of a secret in Secrets Manager, as far as it is the same for every secret.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tillgate.domain.errors import TillgateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"


class Step(StrEnum):
    """What Secrets Manager calls, one after the other, each as often as it likes."""

    CREATE = "createSecret"
    SET = "setSecret"
    TEST = "testSecret"
    FINISH = "finishSecret"


class PlatformSecret(StrEnum):
    """The secrets of the platform's own that are rotated."""

    KEY_RING = "key-ring"
    OPERATOR = "operator"
    METRICS = "metrics"


class RotationRefusedError(TillgateError):
    """A step must not be done as things stand; ``code`` is why, as a word for the log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class VersionTakenError(TillgateError):
    """A version of this name has another value already."""


class StageMovedError(TillgateError):
    """The version that should lose a label does not have it: somebody was faster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDescription:
    """A secret without its values: since when it exists, and each version's labels."""

    first_made_at: datetime
    labels: Mapping[str, frozenset[str]]

    def version_with(self, label: str) -> str | None:
        """Give the version that has a label, which only one has."""
        return next((v for v, labels in self.labels.items() if label in labels), None)


class SecretValue(NamedTuple):
    """One version's value, and when it was made."""

    text: str
    made_at: datetime


class SecretNote(NamedTuple):
    """How old a secret is: its current value, and the first that it had."""

    name: PlatformSecret
    made_at: datetime
    first_made_at: datetime


class SecretVersions(Protocol):
    """Secrets Manager, as a rotation sees it. Every method raises SecretUnavailableError."""

    def describe(self, secret_id: str) -> SecretDescription: ...

    def value(self, secret_id: str, version: str) -> SecretValue | None:
        """Give a version's value; None while there is no such version, or it has no value yet."""
        ...

    def put(self, secret_id: str, version: str, text: str, *, label: str) -> None:
        """Give a version its value and a label. A repeat with the same value does nothing.

        Raises VersionTakenError where it has another value.
        """
        ...

    def make_current(self, secret_id: str, version: str, *, instead_of: str) -> None:
        """Make a version the current one if ``instead_of`` still is; else StageMovedError."""
        ...


class SecretNotes(Protocol):
    """Where the ages of secrets are kept for those who may not read them."""

    def note(self, notes: Sequence[SecretNote]) -> None:
        """Keep them in the place of those before. Raises StoreUnavailableError."""
        ...


class NotedSecret(NamedTuple):
    """A SecretNote as it was kept, and when."""

    name: PlatformSecret
    made_at: datetime
    first_made_at: datetime
    noted_at: datetime


class SecretAges(Protocol):
    """Reads what SecretNotes keeps."""

    def noted(self) -> list[NotedSecret]:
        """Give those that are known. Raises StoreUnavailableError."""
        ...
