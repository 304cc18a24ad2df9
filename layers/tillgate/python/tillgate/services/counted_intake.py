"""Counts what taking events in comes to, around the ports that HookStore and AcceptQueued use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.metrics import QUARANTINED_EVENTS, SECRET_MATCHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.metrics import Recorder
    from tillgate.domain.ports import Quarantine
    from tillgate.domain.quarantine import Quarantined


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


def counted_matches(recorder: Recorder) -> Callable[[str, int], None]:
    """Give what HookStore tells of each good signature: the provider, and which secret's it is."""

    def count(provider: str, place: int) -> None:
        recorder.count(SECRET_MATCHED, provider, "previous" if place else "current")

    return count
