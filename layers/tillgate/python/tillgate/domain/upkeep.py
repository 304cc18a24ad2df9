"""What sweep needs of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import date


class Upkeep(Protocol):
    """What the database needs done regularly. Raises StoreUnavailableError."""

    def make_partitions(self, day: date) -> bool:
        """Make the partitions of one UTC day; False when they are there already."""
        ...

    def discard_expired_quarantine(self, *, at_most: int) -> int:
        """Delete so much of what has expired, oldest first; give the number deleted."""
        ...

    def fold_metrics(self, *, at_most: int) -> tuple[int, int]:
        """Move so many flushes that are a while old into the totals; give how many there were.

        And how many shares in them were left out, since they are nobody's whom there can be.
        """
        ...

    def retire_previous_secrets(self, *, at_most: int) -> int:
        """Let go of so many, of sources and of apps, whose time is over; give how many."""
        ...

    def discard_old_activity(self, *, at_most: int) -> int:
        """Delete so many old buckets of each width; give how many. Fewer: there are no more."""
        ...
