"""Counts what taking events in comes to, around the ports that HookStore and AcceptQueued use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.metrics import INGEST_EVENTS, QUARANTINED_EVENTS, SECRET_MATCHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.metrics import Recorder
    from tillgate.domain.ports import Quarantine
    from tillgate.domain.provider import Hook
    from tillgate.domain.quarantine import Quarantined
    from tillgate.services.hook_items import Tally


class CountedQuarantine:
    """Implements Quarantine; counts the events of what is kept."""

    def __init__(self, quarantine: Quarantine, recorder: Recorder) -> None:
        self._quarantine = quarantine
        self._recorder = recorder

    def put(self, item: Quarantined) -> bool:
        is_kept = self._quarantine.put(item)
        if is_kept:
            self._recorder.count(
                QUARANTINED_EVENTS, item.provider, item.reason.value, by=item.events
            )
        return is_kept


def counted_matches(recorder: Recorder) -> Callable[[Hook, int], None]:
    """Give what HookStore tells of each good signature: the hook, and which secret's it is.

    That a previous secret is still signed with is kept by endpoint, too: it decides how long that
    secret is good.
    """

    def count(hook: Hook, place: int) -> None:
        recorder.count(SECRET_MATCHED, hook.provider, "previous" if place else "current")
        if place:
            recorder.activity.match_previous(hook.endpoint_id.lower(), hook.received_at)

    return count


def counted_retries(recorder: Recorder) -> Callable[[str, Tally], None]:
    """Give what RetryQuarantine tells of each delivery of which it stored any.

    Its events were counted as set aside when they came; what is a duplicate, or still refused,
    is nothing new.
    """

    def count(provider: str, tally: Tally) -> None:
        recorder.count(INGEST_EVENTS, provider, "stored", by=tally.accepted)
        stored = {
            tenant_id: {"stored": share["stored"]}
            for tenant_id, share in tally.shares.items()
            if share.get("stored")
        }
        recorder.activity.stored(stored, heard=tally.heard)

    return count
