"""Sealing anew, under the key that seals now, what older keys sealed.

What is done needs no note: a row that was sealed anew names the new key, and is found no more. So
whoever stops anywhere goes on there the next time, and where nothing is left one look tells it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tillgate.domain.errors import SealBrokenError
from tillgate.domain.sealed import RESEALED, Resealed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.domain.sealed import SealedColumn, SealedRow, SealedRows, SealingRing

# Rows that are replaced in one statement, and locked while it runs.
AT_ONCE = 100


@dataclass(slots=True, kw_only=True)
class ResealReport:
    """``changed`` rows got another secret meanwhile, and kept it.

    ``unreadable`` ones are not opened by any key that there is; ``unknown_kids`` are keys that
    rows name and the ring has not. ``is_left``: the time was up before all was done.
    """

    resealed: int = 0
    changed: int = 0
    unreadable: int = 0
    unknown_kids: list[str] = field(default_factory=list)
    is_left: bool = False


class Reseal:
    """Goes through every sealed column; ``is_out_of_time`` is asked before each batch."""

    def __init__(
        self,
        rows: SealedRows,
        ring: SealingRing,
        *,
        is_out_of_time: Callable[[], bool],
        columns: Sequence[SealedColumn] = RESEALED,
        at_once: int = AT_ONCE,
    ) -> None:
        self._rows = rows
        self._ring = ring
        self._is_out_of_time = is_out_of_time
        self._columns = columns
        self._at_once = at_once

    def run(self) -> ResealReport:
        """Do what there is to do, within the time.

        Raises StoreUnavailableError and SecretUnavailableError; what was done by then stays.
        """
        # The ring as it is now: by an older one everything would be sealed under the key before.
        self._ring.reload()
        *older, _current = self._ring.kids
        report, named = ResealReport(), self._rows.named()
        report.unknown_kids = sorted(named.keys() - set(self._ring.kids))
        for kid in older:
            for column in self._columns:
                if named.get(kid, {}).get(column.name):
                    self._reseal(column, kid, report)
        return report

    def _reseal(self, column: SealedColumn, kid: str, report: ResealReport) -> None:
        after: str | None = None
        while not report.is_left:
            if self._is_out_of_time():
                report.is_left = True
                return
            page = self._rows.page(column, kid=kid, after=after, limit=self._at_once)
            if not page:
                return
            after = page[-1].key
            swaps = [swap for row in page if (swap := self._anew(column, row)) is not None]
            report.unreadable += len(page) - len(swaps)
            # What somebody set since has another value: that stays.
            done = self._rows.swap(column, swaps) if swaps else 0
            report.resealed += done
            report.changed += len(swaps) - done

    def _anew(self, column: SealedColumn, row: SealedRow) -> Resealed | None:
        """Seal one row's secret under the key that seals; None where none opens it."""
        context = column.context(row.key, row.tenant_id)
        try:
            plain = self._ring.open(row.sealed, context=context)
        except SealBrokenError:
            return None
        return Resealed(row.key, row.sealed, self._ring.seal(plain, context=context))
