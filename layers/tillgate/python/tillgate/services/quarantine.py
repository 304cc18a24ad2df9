"""What could not be accepted as it stood, as the operator looks at it and discards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError, QuarantineChangedError
from tillgate.domain.set_aside import SetAsidePage
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.operator_ports import SetAsideDeliveries
    from tillgate.domain.set_aside import (
        OpenedDelivery,
        Place,
        SetAside,
        SetAsideFilter,
        SetAsideGroup,
    )


class QuarantineOffice:
    """Nothing is opened or discarded unless the operator asks; all raise StoreUnavailableError."""

    def __init__(self, deliveries: SetAsideDeliveries) -> None:
        self._deliveries = deliveries

    def page(self, chosen: SetAsideFilter, *, limit: int, before: Place | None) -> SetAsidePage:
        """Give one page, the newest receipt first."""
        # One more than asked for tells whether there is another page.
        found = self._deliveries.page(chosen, limit=limit + 1, before=before)
        shown = tuple(found[:limit])
        more = len(found) > limit
        return SetAsidePage(shown, shown[-1].place.cursor() if more else None)

    def plan(self, chosen: SetAsideFilter) -> list[SetAsideGroup]:
        """Count what there is by cause."""
        return self._deliveries.plan(chosen)

    def find(self, quarantine_id: str) -> SetAside:
        """Raises NotFoundError, also for one that has expired."""
        checked = uuid_or_not_found(quarantine_id, of="delivery in quarantine")
        return _found(self._deliveries.find(checked))

    def open(self, quarantine_id: str) -> tuple[SetAside, OpenedDelivery]:
        """Raises NotFoundError, SealBrokenError where it does not open, SecretUnavailableError."""
        checked = uuid_or_not_found(quarantine_id, of="delivery in quarantine")
        found = self._deliveries.open(checked)
        if found is None:
            raise _no_such()
        return found

    def discard(
        self, chosen: SetAsideFilter, *, ids: Sequence[str] | None, count: int
    ) -> tuple[int, int]:
        """Remove ``count`` of them for good, or, of very many, the first; how many, and the rest.

        Raises QuarantineChangedError, with nothing done, when there are not ``count``.
        """
        discarded = self._deliveries.discard(chosen, ids=ids, count=count)
        if discarded is None:
            raise QuarantineChangedError(
                f"There are not {count} such deliveries, or no more: look at the plan again."
            )
        return discarded, count - discarded


def _found(head: SetAside | None) -> SetAside:
    if head is None:
        raise _no_such()
    return head


def _no_such() -> NotFoundError:
    return NotFoundError("There is no such delivery in quarantine.")
