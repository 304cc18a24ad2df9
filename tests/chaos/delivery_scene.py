"""What a delivery scenario is made of, what its fault is given, and what it leaves."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.integration.polling import pause, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ops.evidence import Row
    from tests.chaos.delivery_reckoning import Books, DeliveryVerdict
    from tests.chaos.delivery_world import DeliveryWorld, Merchant
    from tests.chaos.senders import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryShape:
    """How much of everything there is: as the stack says, but for what a scenario scales down.

    ``batch_seconds``, ``visibility_seconds``: what a batch may take, and for how long a receipt
    hides a message. ``workers``: messages of each queue that are under way at once.
    """

    pause_seconds: float = 0.25
    batch_seconds: int = 40
    visibility_seconds: int = 360
    workers: int = 2


@dataclass(frozen=True, slots=True)
class DeliveryScene:
    """A scenario under load: whom it has, by whom they send, and dice of its own.

    ``notes`` are for what it measures in the end: instants of the wall clock, by name.
    """

    world: DeliveryWorld
    merchants: Mapping[str, Merchant]
    senders: Mapping[str, Sender]
    seconds: float
    notes: dict[str, float] = field(default_factory=dict)
    dice: random.Random = field(default_factory=lambda: random.Random(29))  # noqa: S311  Dice, not secrets.

    def wait(self, share: float = 1.0) -> None:
        """Let the load go on for so much of the fault's time."""
        pause(self.seconds * share)

    def each(self, seconds: float, act: Callable[[], bool], *, times: int) -> None:
        """Do something so often, at random instants this far apart, as soon as it can be done."""
        for _ in range(times):
            pause(self.dice.uniform(0, 2 * seconds))
            until(act, what="there was something to do it to")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryScenario:
    """``fault`` turns it on, waits and turns it off.

    ``silent``: of the merchants those for whom nobody but the fault sends. ``breaks_upstream``:
    destinations fail, so that breakers open. ``loses_receipts``: messages come again only when
    their receipts expire. ``poison_every``: of so many calls one has an event that no
    destination takes. ``is_by_merchant``: each merchant is a result of its own, under its own
    name. ``measure`` gives more rows, by merchant.
    """

    name: str
    fault: Callable[[DeliveryScene], None]
    seconds: float
    merchants: Sequence[str] = ("one", "two")
    silent: frozenset[str] = frozenset()
    shape: DeliveryShape = DeliveryShape()
    sweeps: int = 1
    poison_every: int = 0
    breaks_upstream: bool = False
    loses_receipts: bool = False
    is_by_merchant: bool = False
    measure: Callable[[Finished, str], Sequence[Row]] | None = None

    @property
    def names(self) -> Sequence[str]:
        """Give the names of its results."""
        return self.merchants if self.is_by_merchant else (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A scenario that is over, while its world still stands. Instants are of the wall clock.

    ``recovery``: seconds by merchant, None for whom something was pending to the last.
    """

    world: DeliveryWorld
    scenario: DeliveryScenario
    fault: tuple[float, float]
    merchants: Mapping[str, Merchant]
    books: Mapping[str, Books]
    notes: Mapping[str, float]
    recovery: Mapping[str, float | None]

    def lags(self, merchant: str, *, since: float, until: float) -> list[float]:
        """Give how long each event took that was received then, from received to delivered."""
        return [
            one.lag
            for one in self.books[merchant].accounts.values()
            if one.lag is not None and since <= one.received_at <= until
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What it came to, for all merchants together or for one.

    ``kills`` are those of deliver's sandboxes; ``more`` are rows of its own.
    """

    name: str
    verdict: DeliveryVerdict
    recovery_seconds: float | None
    recovery_target: float
    kills: int = 0
    raw: Mapping[str, object] = field(default_factory=dict)
    more: Sequence[Row] = ()
