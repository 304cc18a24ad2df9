"""An in-memory stand-in for the audit trail."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tillgate.domain.audit import BY_ITSELF, AuditEntry, Target
from tillgate.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from tillgate.domain.audit import Acting, AuditFilter, Deed

FIRST = datetime(2026, 11, 23, 10, tzinfo=UTC)


class InMemoryAuditLog:
    """Implements AuditLog; each entry is a second younger than the one before."""

    def __init__(self) -> None:
        self.written: list[AuditEntry] = []
        self.acting: Acting = BY_ITSELF
        self.is_down = False

    def begin(self, acting: Acting) -> None:
        self.acting = acting

    def record(self, deed: Deed) -> None:
        if self.is_down:
            raise StoreUnavailableError("down")
        self.written.append(
            AuditEntry(
                entry_id=str(uuid.UUID(int=len(self.written) + 1)),
                at=FIRST + timedelta(seconds=len(self.written)),
                actor=self.acting.actor,
                action=deed.action,
                tenant_id=deed.tenant_id,
                target=Target(kind=deed.target[0], id=deed.target[1]) if deed.target else None,
                rid=self.acting.rid,
                source_address=self.acting.source_address,
                details=deed.details,
            )
        )

    def entries(self, chosen: AuditFilter, *, limit: int, before: str | None) -> list[AuditEntry]:
        if self.is_down:
            raise StoreUnavailableError("down")
        found = [
            one
            for one in reversed(self.written)
            if chosen.tenant_id in {None, one.tenant_id}
            and chosen.action in {None, one.action}
            and chosen.actor in {None, one.actor.id, one.actor.claimed_name}
            and (chosen.since is None or one.at >= chosen.since)
            and (chosen.until is None or one.at < chosen.until)
            and (before is None or one.entry_id < before)
        ]
        return found[:limit]
