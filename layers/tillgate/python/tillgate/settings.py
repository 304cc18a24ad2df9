"""What each function is told through its environment, typed once.

A function reads its settings with ``from_env``; the CDK stack that deploys it
writes them with ``to_env``. Both sides share these classes, so a name is never
spelled twice. A field ``connection_timeout_ms`` is the variable
``CONNECTION_TIMEOUT_MS``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

MEBIBYTE = 1024 * 1024

# The database, what tells who may send in its place, and the queue.
_CONNECTIONS_A_REQUEST = 3


class SettingsError(ValueError):
    """The environment lacks a setting, or holds one that makes no sense."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _bounded(default: int, *, low: int, high: int) -> int:
    """Declare a whole number with its default and the range that makes sense."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What every function is told. Raises SettingsError when a value is out of range.

    ``connection_timeout_ms``: for a connection and its first answer.
    ``request_timeout_ms``: for a read; a function's own time-out is made from it.
    ``max_requests_per_socket``: after so many uses a connection is replaced.
    """

    stage: str
    version: str
    connection_timeout_ms: int = _bounded(800, low=50, high=9_000)
    request_timeout_ms: int = _bounded(5_000, low=150, high=29_000)
    max_requests_per_socket: int = _bounded(1_000, low=1, high=1_000_000)

    def __post_init__(self) -> None:
        faults = _faults_in(self, {spec.name: getattr(self, spec.name) for spec in fields(self)})
        if self.request_timeout_ms < _CONNECTIONS_A_REQUEST * self.connection_timeout_ms:
            faults.append(
                f"REQUEST_TIMEOUT_MS ({self.request_timeout_ms}) must be at least"
                f" {_CONNECTIONS_A_REQUEST} times CONNECTION_TIMEOUT_MS"
                f" ({self.connection_timeout_ms}): when the database gives no answer, there has to"
                " be time left for the queue"
            )
        if faults:
            raise SettingsError(faults)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the settings from an environment; every fault is named in one SettingsError."""
        values: dict[str, Any] = {}
        faults: list[str] = []
        for spec in fields(cls):
            name = spec.name.upper()
            text = env.get(name)
            if text is None:
                if "low" not in spec.metadata:
                    faults.append(f"{name} is not set")
            elif "low" not in spec.metadata:
                values[spec.name] = text
            elif text.strip().isascii() and text.strip().isdigit():
                values[spec.name] = int(text)
            else:
                faults.append(f"{name} must be a whole number, not {text!r}")
        faults += _faults_in(cls, values)
        if faults:
            raise SettingsError(faults)
        return cls(**values)

    def to_env(self) -> dict[str, str]:
        """Give the variables from which ``from_env`` makes an equal object."""
        return {spec.name.upper(): str(getattr(self, spec.name)) for spec in fields(self)}


def _faults_in(
    settings: FunctionSettings | type[FunctionSettings], values: Mapping[str, Any]
) -> list[str]:
    """Name every value that is empty or out of range, each by itself."""
    faults = []
    for spec in fields(settings):
        value = values.get(spec.name)
        name = spec.name.upper()
        if isinstance(value, str) and not value.strip():
            faults.append(f"{name} must not be empty")
        elif isinstance(value, int) and "low" in spec.metadata:
            low, high = spec.metadata["low"], spec.metadata["high"]
            if not low <= value <= high:
                faults.append(f"{name} must be {low} to {high}, not {value}")
    return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings(FunctionSettings):
    """The ingest role's database, and the largest body that ``/v1/events`` takes.

    ``accept_queue_url`` and ``objects_bucket`` are what stands in for the database.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    accept_queue_url: str
    objects_bucket: str
    max_body_bytes: int = _bounded(MEBIBYTE, low=1024, high=4 * MEBIBYTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptSettings(FunctionSettings):
    """The accept role's database, and the queue that is stored into it.

    ``batch_seconds`` is what one batch of messages may take; the rest is left for later.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    accept_queue_url: str
    dead_letter_queue_url: str
    objects_bucket: str
    batch_seconds: int = _bounded(20, low=5, high=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverSettings(FunctionSettings):
    """The deliver role's database, and the queue that deliver is fed from.

    ``allow_private_destinations`` is 1 only where the stage is a machine's own: then a
    destination may be plain http at an address that is not public. ``batch_seconds`` is
    what one batch of messages may take.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    delivery_queue_url: str
    redrive_queue_url: str
    dead_letter_queue_url: str
    allow_private_destinations: int = _bounded(0, low=0, high=1)
    batch_seconds: int = _bounded(40, low=5, high=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings(FunctionSettings):
    """The deliver role's database, and who may ask for a test of a destination.

    ``allow_private_destinations`` is as for deliver.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    operator_secret_arn: str
    allow_private_destinations: int = _bounded(0, low=0, high=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings(FunctionSettings):
    """The database under two roles: the tenants' reader, and the operator's."""

    database_secret_arn: str
    admin_database_secret_arn: str
    key_ring_secret_arn: str
    operator_secret_arn: str
    allow_private_destinations: int = _bounded(0, low=0, high=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings(FunctionSettings):
    """What ``/startupz`` checks: the database under its own role, the key ring, the queue."""

    database_secret_arn: str
    key_ring_secret_arn: str
    accept_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings(FunctionSettings):
    """The sweep role's database, where the snapshot is kept, and the queues it feeds.

    ``sweep_seconds`` is for how long one run looks, each second, for what is due.
    """

    database_secret_arn: str
    key_ring_secret_arn: str
    objects_bucket: str
    delivery_queue_url: str
    redrive_queue_url: str
    sweep_seconds: int = _bounded(57, low=0, high=840)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSettings(FunctionSettings):
    """The owner's database, and the secret of every runtime role that migrate fills in."""

    database_secret_arn: str
    ingest_secret_arn: str
    api_secret_arn: str
    admin_secret_arn: str
    health_secret_arn: str
    sweep_secret_arn: str
    accept_secret_arn: str
    deliver_secret_arn: str
