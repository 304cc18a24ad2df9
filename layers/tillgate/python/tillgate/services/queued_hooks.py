"""A vendor's request that was kept, let in anew: from the accept queue, or out of quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import StoreUnavailableError
from tillgate.domain.quarantine import (
    KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY,
    KEPT_PER_ENDPOINT_A_DAY,
    Reason,
)
from tillgate.services.hook_items import Tally

if TYPE_CHECKING:
    from tillgate.domain.provider import Provider
    from tillgate.domain.quarantine import Part
    from tillgate.domain.queued import QueuedHook
    from tillgate.domain.tenant import Endpoint
    from tillgate.services.hooks import HookStore


class AcceptQueuedHook:
    """Takes a hook that was kept, and lets it in anew. ``store`` must not remember."""

    def __init__(self, store: HookStore) -> None:
        self._store = store

    def accept(self, queued: QueuedHook, *, part: Part | None = None) -> Tally:
        """Store the part's events, or set it aside; idempotent. Without one, what is queued.

        Raises StoreUnavailableError when not all of it is kept yet, and
        SecretUnavailableError.
        """
        store, hook = self._store, queued.hook
        provider = store.provider_of(hook)
        endpoint = store.endpoint_of(provider, hook) if provider is not None else None
        if provider is None or endpoint is None:
            quota = KEPT_OF_UNKNOWN_ENDPOINTS_A_DAY if queued.is_refused else None
            store.keep(hook, None, Reason.UNKNOWN_ENDPOINT, quota=quota)
            return Tally(quarantined=1)
        if not self._is_let_in(provider, endpoint, queued):
            quota = KEPT_PER_ENDPOINT_A_DAY if queued.is_refused else None
            store.keep(hook, endpoint, Reason.SIGNATURE_REFUSED, quota=quota)
            return Tally(quarantined=1)
        tally = Tally()
        store.store(provider, endpoint, hook, tally, part=queued.part if part is None else part)
        if tally.queued:
            raise StoreUnavailableError("not all of the hook is kept") from tally.cause
        return tally

    def _is_let_in(self, provider: Provider, endpoint: Endpoint, queued: QueuedHook) -> bool:
        """Tell whether it was signed as was right when it came."""
        if self._store.is_signed(provider, endpoint, queued.hook):
            return True
        # Ingest verified it by a secret of that time, which was replaced or retired since.
        settled_at = endpoint.settled_at
        return (
            not queued.is_refused
            and settled_at is not None
            and queued.hook.received_at < settled_at
        )
