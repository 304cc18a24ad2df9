"""What a vendor's event only names: asked of the vendor's API before the event is sent on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tillgate.domain.delivery import OutgoingEvent, RetryLater
    from tillgate.domain.tenant import EventId, SourceId, TenantId

# So long an event waits for its object while the API says "not now"; then it goes without.
ENRICH_WITHIN = timedelta(hours=1)

# Providers whose events only name what changed, with the address of their API. A source may
# have another: Clover's is one for each region.
# https://docs.clover.com/docs/making-rest-api-calls
API_URLS: Mapping[str, str] = {"clover": "https://api.clover.com"}

# The reason of a fetch for what the API has no longer.
GONE = "gone"


class EnrichmentState(StrEnum):
    """``none``: nothing was to be fetched. ``gone``: the API has no such object any more."""

    NONE = "none"
    FETCHED = "fetched"
    GONE = "gone"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """What came of asking. ``object`` is JSON text, exactly as it was received."""

    state: EnrichmentState = EnrichmentState.NONE
    object: str | None = None
    reason: str | None = None


NOT_ENRICHED = Enrichment()


@dataclass(frozen=True, slots=True, kw_only=True)
class PosAccess:
    """A source's own way into its vendor's API. ``sealed_token`` opens under ``seal_context``.

    ``merchant_id`` is None for a source that was given none.
    """

    tenant_id: TenantId
    source_id: SourceId
    provider: str
    merchant_id: str | None
    api_url: str
    sealed_token: bytes

    @property
    def seal_context(self) -> str:
        return credential_seal_context(self.source_id, tenant_id=self.tenant_id)


def credential_seal_context(source_id: str, *, tenant_id: str) -> str:
    """Name the row that a source's sealed API token belongs to."""
    return f"credential:{tenant_id}:{source_id}"


@dataclass(frozen=True, slots=True)
class PosObject:
    """One object at a vendor; ``object_id`` is written as in the vendor's events."""

    merchant_id: str
    object_id: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The object as it stood just now, as JSON text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOff:
    """An event that is not sent now: its object could not be had, and may be later.

    ``status`` is of the vendor's API; ``duration_ms`` is 0 where it was not asked.
    """

    event_id: EventId
    reason: str
    status: int | None = None
    duration_ms: float = 0.0


@dataclass(slots=True)
class Enriched:
    """A batch, told apart: what is sent now, what waits, and what is for the next request.

    ``after_seconds`` is the longest that an API asks to be left alone by those that wait.
    """

    ready: list[OutgoingEvent] = field(default_factory=list)
    put_off: list[PutOff] = field(default_factory=list)
    crowded_out: list[OutgoingEvent] = field(default_factory=list)
    after_seconds: float = 0.0

    def let_wait(self, event: OutgoingEvent, result: RetryLater, *, seconds: float) -> None:
        """Let an event wait; ``seconds`` is what asking for its object took."""
        self.put_off.append(
            PutOff(
                event_id=event.event_id,
                reason=f"enrichment-{result.reason}",
                status=result.status,
                duration_ms=round(seconds * 1000, 3),
            )
        )
        self.after_seconds = max(self.after_seconds, result.after_seconds or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRecord:
    """That a source has a credential, without the token: ``set_at`` is when that was given."""

    api_url: str
    set_at: datetime
