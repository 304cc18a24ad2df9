"""What each function is told through its environment, typed once.

A function reads its settings with ``from_env``; the CDK stack that deploys it
writes them with ``to_env``. Both sides share these classes, so a name is never
spelled twice. A field ``connection_timeout_ms`` is the variable
``CONNECTION_TIMEOUT_MS``. Each function's are in a module of its own: making such a class
takes near a millisecond, and a cold start makes no other function's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

MEBIBYTE = 1024 * 1024
# What a tenant's rate can be; the tables have the same. Nothing that we stand on takes so much,
# so it is no limit where none was chosen.
MAX_EVENTS_PER_SECOND = 1_000_000
MAX_BURST = 10_000_000

# For how long events are kept, in whole days. Below a week nobody could look at a dead letter after
# a holiday; above are ten years, for which books are kept. The database's own bounds, too.
EVENT_RETENTION_DAYS = 400
MIN_EVENT_RETENTION_DAYS = 7
MAX_EVENT_RETENTION_DAYS = 3_660

# The database, what tells who may send in its place, and the queue.
_CONNECTIONS_A_REQUEST = 3


class SettingsError(ValueError):
    """The environment lacks a setting, or holds one that makes no sense."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def bounded(default: int, *, low: int, high: int) -> int:
    """Declare a whole number with its default and the range that makes sense."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What every function is told. Raises SettingsError when a value is out of range.

    ``connection_timeout_ms``: for a connection and its first answer.
    ``request_timeout_ms``: for a read; a function's own time-out is made from it.
    ``max_requests_per_socket``: after so many uses a connection is replaced.
    ``per_tenant_metrics``: 1 where CloudWatch gets metrics of each tenant, too.
    """

    stage: str
    version: str
    connection_timeout_ms: int = bounded(800, low=50, high=9_000)
    request_timeout_ms: int = bounded(5_000, low=150, high=29_000)
    max_requests_per_socket: int = bounded(1_000, low=1, high=1_000_000)
    per_tenant_metrics: int = bounded(0, low=0, high=1)

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
