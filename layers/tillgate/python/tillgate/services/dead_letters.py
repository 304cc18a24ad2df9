"""What was given up, as the operator looks at it, sends it on again, or lays it aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.dead_letters import DeadLetterPage
from tillgate.domain.errors import DeadLettersChangedError, NotFoundError
from tillgate.domain.stored_event import cursor_after
from tillgate.services.read import uuid_or_not_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tillgate.domain.dead_letters import (
        DeadLetterFilter,
        DeadLetterGroup,
        Redrive,
        RedriveState,
    )
    from tillgate.domain.operator_ports import DeadLetters
    from tillgate.domain.tenant import EventId


class DeadLetterOffice:
    """Nothing is moved or laid aside unless the operator asks; all raise StoreUnavailableError."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters

    def page(
        self, chosen: DeadLetterFilter, *, limit: int, before: EventId | None
    ) -> DeadLetterPage:
        """Give one page, the newest stored event first."""
        # One more than asked for tells whether there is another page.
        found = self._dead_letters.dead_letters(chosen, limit=limit + 1, before=before)
        shown = tuple(found[:limit])
        more = len(found) > limit
        return DeadLetterPage(shown, cursor_after(shown[-1].event_id) if more else None)

    def plan(self, chosen: DeadLetterFilter) -> list[DeadLetterGroup]:
        """Count what there is by tenant and reason, before anything moves."""
        return self._dead_letters.plan(chosen)

    def discard(
        self, chosen: DeadLetterFilter, *, event_ids: Sequence[EventId] | None, count: int
    ) -> tuple[int, int]:
        """Lay aside ``count`` of them, or, of very many, the first; give how many, and the rest.

        The events stay, and can be replayed. Raises DeadLettersChangedError, with nothing
        done, when there are not ``count``.
        """
        discarded = self._dead_letters.discard(chosen, event_ids=event_ids, count=count)
        if discarded is None:
            raise DeadLettersChangedError(
                f"There are not {count} such dead letters, or no more: look at the plan again."
            )
        return discarded, count - discarded

    def start_redrive(self, chosen: DeadLetterFilter, *, per_second: int) -> Redrive:
        """Let sweep move what there is now back into delivery, so many a second.

        Not idempotent, and it may run when an error was raised: ``redrives`` tells.
        """
        return self._dead_letters.start_redrive(chosen, per_second=per_second)

    def redrive(self, redrive_id: str) -> Redrive:
        """Raises NotFoundError."""
        return _found(self._dead_letters.redrive(uuid_or_not_found(redrive_id, of="redrive")))

    def redrives(self, *, state: RedriveState | None, limit: int) -> list[Redrive]:
        """Give the last begun first; what they have left is not counted."""
        return self._dead_letters.redrives(state=state, limit=limit)

    def cancel_redrive(self, redrive_id: str) -> Redrive:
        """Stop it where it is: what it has moved, or moves right now, stays moved.

        Idempotent. Raises NotFoundError.
        """
        checked = uuid_or_not_found(redrive_id, of="redrive")
        return _found(self._dead_letters.cancel_redrive(checked))


def _found(redrive: Redrive | None) -> Redrive:
    if redrive is None:
        raise NotFoundError("There is no such redrive.")
    return redrive
