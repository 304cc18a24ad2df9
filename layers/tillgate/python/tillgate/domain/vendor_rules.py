"""How a vendor delivers: how long it waits, what it sends again and when, when it gives up.

Each provider declares its vendor's, as data for the simulators and for people: nothing that
Tillgate answers depends on it. Numbers are the vendors' own, from the page named. Where a
vendor's pages disagree, or leave something open, the reading is taken under which more is
lost, and is said beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3_600, 86_400
ANY_FAILURE = frozenset(range(300, 600))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """So many errors in so long pause a subscription; so many pauses in so long stop it.

    An error counts for the whole of ``errors_within_seconds``, before a pause and after it.
    """

    errors: int
    errors_within_seconds: int
    pause_seconds: int
    pauses: int
    pauses_within_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """What a vendor does with a delivery that was not answered 2xx in time.

    ``answer_seconds`` is None where no deadline is published. ``resent`` are the statuses
    after which it is sent again; after no answer in time it always is. ``delays_seconds``
    are counted from the attempt before. What is due while the subscription is paused or
    ended is not sent, then or later.
    """

    documents: str
    answer_seconds: int | None
    delays_seconds: tuple[int, ...]
    resent: frozenset[int] = ANY_FAILURE
    pausing: Pausing | None = None
    # One delivery that failed to its last attempt ends the subscription.
    ends_when_exhausted: bool = False
    # So long without any 2xx, while there was something to send, ends it.
    ends_after_silent_seconds: int | None = None
