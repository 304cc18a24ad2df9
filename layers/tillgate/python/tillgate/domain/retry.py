"""How long to wait before another try: by ourselves, or as the other side asks.

tenacity is imported for its types alone: a strategy is any callable, so nothing that loads
the domain pays for the library.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tenacity import RetryCallState

# Whoever names a longer time is asked again after this one: a working service rarely means
# more, and a broken one must not keep an event from being given up, with a person told.
MAX_RETRY_AFTER_SECONDS = 3600.0

_SECONDS = re.compile(r"\d{1,18}", re.ASCII)
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK = r"\d{2}:\d{2}:\d{2}"
# RFC 9110, 5.6.7: the form in use, and the two that a recipient has to read as well.
_HTTP_DATE = re.compile(
    rf"{_DAY}, \d{{2}} {_MONTH} \d{{4}} {_CLOCK} GMT"
    rf"|{_LONG_DAY}, \d{{2}}-{_MONTH}-\d{{2}} {_CLOCK} GMT"
    rf"|{_DAY} {_MONTH} (?:\d{{2}}| \d) {_CLOCK} \d{{4}}",
    re.ASCII,
)


# The system's own: a snapshot of the sandbox would repeat that of ``random`` in every copy.
_uniform = SystemRandom().uniform


def wait_decorrelated_jitter(
    base_seconds: float,
    cap_seconds: float,
    *,
    draw: Callable[[float, float], float] = _uniform,
) -> Callable[[RetryCallState], float]:
    """Give a tenacity wait strategy: ``min(cap, uniform(base, prev * 3))``.

    ``prev`` is the wait before, ``base`` at first. It is taken from the state of the call, so
    that one strategy serves any number of calls at once. ``draw`` is for tests.

    Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if not 0 < base_seconds <= cap_seconds:
        raise ValueError("base_seconds must be above 0, and not above cap_seconds")

    def wait(state: RetryCallState) -> float:
        # tenacity sets it after each wait was chosen; it is 0 before the first.
        previous = max(base_seconds, state.upcoming_sleep)
        return min(cap_seconds, draw(base_seconds, previous * 3))

    return wait


def retry_after_seconds(value: str, *, now: datetime) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3), or give None for what is not one.

    A number of seconds, or an HTTP date, of which what is left from ``now``; never below 0
    nor above MAX_RETRY_AFTER_SECONDS.
    """
    text = value.strip(" \t")
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    if not _HTTP_DATE.fullmatch(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        # The form without a zone is GMT as well.
        moment = moment.replace(tzinfo=now.tzinfo)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)
