"""What waits on the accept queue while the database is unreachable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tillgate.domain.quarantine import WHOLE, Part

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.errors import StoreUnavailableError
    from tillgate.domain.event import NewEvent
    from tillgate.domain.provider import Hook
    from tillgate.domain.tenant import TenantId
    from tillgate.domain.trace import Trace

# The worker comes back for a message after this long, then twice that, up to the longest.
_FIRST_RETRY_SECONDS = 5
_LONGEST_RETRY_SECONDS = 900
# So often a message may be received and fail by a trouble of its own, in about three days. SQS
# counts an outage's receives, too: what comes of one must have some left.
MAX_OWN_FAILURES = 300
# Neighbours of one that failed are out of sight for no longer than this.
LONGEST_UNTRIED_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvents:
    """Events of ``/v1/events``, and by which token (its SHA-256) they were let in.

    ``message_id`` is UUID text; ``trace`` that of the request.
    """

    message_id: str
    tenant_id: TenantId
    token_digest: bytes
    received_at: datetime
    rid: str
    events: tuple[NewEvent, ...]
    trace: Trace | None = None

    @property
    def group(self) -> str:
        """Whose backlog it is part of."""
        return self.tenant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedHook:
    """A vendor's request, whole, so that it goes the same way again.

    ``is_refused``: it was answered 401, as signed otherwise than was known of its endpoint.
    ``part`` is what of it is to be stored: where a tenant is over its rate, its items only.
    ``tenant_id`` is that tenant, where it is one.
    """

    hook: Hook
    is_refused: bool = False
    trace: Trace | None = None
    part: Part = WHOLE
    tenant_id: TenantId | None = None

    @property
    def message_id(self) -> str:
        return self.hook.hook_id

    @property
    def group(self) -> str:
        """Whose backlog it is part of: forgeries, which anyone can send, are one."""
        if self.is_refused:
            return "refused"
        return self.tenant_id or self.hook.endpoint_id.lower()

    @property
    def received_at(self) -> datetime:
        return self.hook.received_at

    @property
    def rid(self) -> str:
        return self.hook.rid


QueuedMessage = QueuedEvents | QueuedHook


@dataclass(frozen=True, slots=True)
class Queued:
    """The answer for an event that is kept on the queue; ``cause`` is for the log."""

    received_at: datetime
    cause: StoreUnavailableError


def retry_seconds(receive_count: int) -> int:
    """Give how long a message stays out of sight after it was received so many times.

    In twelve hours that is fewer than sixty times.
    """
    doublings = min(max(receive_count, 1) - 1, 10)
    return min(_FIRST_RETRY_SECONDS << doublings, _LONGEST_RETRY_SECONDS)
