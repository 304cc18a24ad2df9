"""What a month costs on AWS, line by line, and whose part of it is how large.

Nothing here asks anybody anything. A month has 730 hours, a GB 10^9 bytes; free tiers,
discounts, support and taxes are left out. Each line says what it takes for granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from ops.cost_lines import Group, Line, Nature, lines_of
from ops.cost_usage import Switches, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.prices import PriceTable

__all__ = ["Bill", "FixedSplit", "Group", "Line", "Nature", "Share", "Switches", "Usage", "bill"]

MILLION = Decimal(10**6)


@dataclass(frozen=True, slots=True)
class Share:
    """One tenant's part, in any unit that all tenants' are given in."""

    events: Decimal
    compute: Decimal


class FixedSplit(StrEnum):
    """Who pays for what stands there even if nobody sends."""

    EVENLY = "evenly"
    BY_EVENTS = "by events"


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of one month."""

    lines: tuple[Line, ...]
    events: Decimal

    @property
    def total(self) -> Decimal:
        return sum((line.usd for line in self.lines), Decimal(0))

    @property
    def fixed(self) -> Decimal:
        return self._sum(Nature.FIXED)

    @property
    def per_million(self) -> Decimal | None:
        """Give the whole month's dollars for each million events; None for no events."""
        return self.total / self.events * MILLION if self.events else None

    @property
    def variable_per_million(self) -> Decimal | None:
        """Give the same without what stands there anyway."""
        return (self.total - self.fixed) / self.events * MILLION if self.events else None

    def by_group(self) -> dict[Group, Decimal]:
        sums = dict.fromkeys(Group, Decimal(0))
        for line in self.lines:
            sums[line.group] += line.usd
        return sums

    def by_tenant(
        self, shares: Mapping[str, Share], *, fixed: FixedSplit = FixedSplit.EVENLY
    ) -> dict[str, Decimal]:
        """Share the total out: by events, Lambda's time by compute, the rest as ``fixed`` says.

        Where nobody has any of a measure, it is shared evenly. No tenant, no shares.
        """
        events = _parts({name: share.events for name, share in shares.items()})
        compute = _parts({name: share.compute for name, share in shares.items()})
        evenly = _parts(dict.fromkeys(shares, Decimal(1)))
        parts = {
            Nature.EVENTS: events,
            Nature.COMPUTE: compute,
            Nature.FIXED: evenly if fixed is FixedSplit.EVENLY else events,
        }
        return {
            name: sum(
                (self._sum(nature) * part[name] for nature, part in parts.items()), Decimal(0)
            )
            for name in shares
        }

    def _sum(self, nature: Nature) -> Decimal:
        return sum((line.usd for line in self.lines if line.nature is nature), Decimal(0))


def _parts(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    whole = sum(amounts.values(), Decimal(0))
    if whole == 0:
        return {name: Decimal(1) / len(amounts) for name in amounts}
    return {name: amount / whole for name, amount in amounts.items()}


def bill(usage: Usage, switches: Switches, prices: PriceTable) -> Bill:
    """Add a month up."""
    return Bill(lines_of(usage, switches, prices), usage.events)
