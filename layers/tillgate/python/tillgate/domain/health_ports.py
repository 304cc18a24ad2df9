"""What health asks of others, by role."""

from __future__ import annotations

from typing import Protocol


class QueueProbe(Protocol):
    """Asks whether the accept queue is there. Raises QueueUnavailableError."""

    def check(self) -> None: ...


class SchemaProbe(Protocol):
    """Asks how far the schema is. Raises StoreUnavailableError."""

    def current_migration(self, *, within_seconds: float) -> int:
        """Give the number of the last migration applied, 0 for none."""
        ...

    def has_destination(self, *, within_seconds: float) -> bool:
        """Tell whether any tenant has one; only for a schema that is no older than the code."""
        ...
