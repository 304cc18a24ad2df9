"""What is counted, declared once, and the counting itself: in the process, with no library.

A sandbox sends the increase since its last flush under a number of its own. Until it knows that
this was stored it sends the same again, so a repeat counts once. What is counted are whole
numbers, microseconds among them: they add up to the same in whatever order, and never to less.
"""

from __future__ import annotations

from bisect import bisect_left
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tillgate.domain.activity import Activity

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from tillgate.domain.activity import ActivityIncrement
    from tillgate.domain.tenant import TenantId

    # Of each tenant: its rate and burst, and how many events were let through and asked for.
    Used = dict[TenantId, tuple[int, int, int, int]]

# Between the parts of a series as it is stored: family|label|label, and a bucket last.
SEPARATOR = "|"
OTHER = "other"
# Of a histogram: the sum of all that was observed.
SUM = "sum"
MICROSECONDS = 1_000_000
# So many durations are kept as they are until they are put into buckets, one after the other.
_KEPT_WAITS = 256
# What was measured before that is not shown as if it were so now.
GAUGES_FRESH_SECONDS = 300

# The provider of what came by our own API.
FIRST_PARTY = "api"


# Written out, since making a dataclass takes half a millisecond of every cold start. Families are
# compared by identity: on the accept path they are part of a dictionary's keys.
class Label:
    """Whatever is not among ``values`` counts as "other".

    None: who records it takes it out of a list, such as that of our routes.
    """

    __slots__ = ("name", "values")

    def __init__(self, name: str, values: frozenset[str] | None = None) -> None:
        self.name = name
        self.values = values

    def bounded(self, value: str) -> str:
        return value if self.values is None or value in self.values else OTHER


class Family:
    """``text`` is a sentence on what is counted."""

    __slots__ = ("labels", "name", "text")

    def __init__(self, name: str, text: str, labels: tuple[Label, ...] = ()) -> None:
        self.name = name
        self.text = text
        self.labels = labels


class Counter(Family):
    """``name`` ends in _total, as Prometheus wants it."""

    __slots__ = ()


class Gauge(Family):
    """What is looked up when somebody asks; never recorded."""

    __slots__ = ()


class Histogram(Family):
    """Of seconds; ``bounds`` are the buckets' upper ends, but for the last, which is infinity."""

    __slots__ = ("bounds",)

    def __init__(
        self, name: str, text: str, bounds: tuple[float, ...], labels: tuple[Label, ...] = ()
    ) -> None:
        super().__init__(name, text, labels)
        self.bounds = bounds


# From a tenth of Postgres' own time for one event to more than Toast waits; 0.001 and 1 are
# what alarms and goals speak of.
_REQUEST_BOUNDS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
_QUERY_BOUNDS = (
    0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
# From sweep's second look to the day after which a delivery is given up.
_LAG_BOUNDS = (
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0,
)  # fmt: skip

_METHOD = Label("method", frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}))
_ROUTE = Label("route")
# Which there are is the recorder's to know: a vendor is a file, and no line here.
PROVIDER = Label("provider", frozenset({FIRST_PARTY}))
_TARGET = Label("target", frozenset({"supabase", "clover"}))
_DESTINATION = Label("destination", frozenset({"supabase", "none"}))
_STATUS = Label("status", frozenset(str(status) for status in range(100, 600)))

BUILD_INFO = Gauge("build_info", "1, of the version that answers.", (Label("version"),))
HTTP_REQUESTS = Counter(
    "http_requests_total", "Requests that were answered.", (_METHOD, _ROUTE, _STATUS)
)
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "From a request's arrival in the function to its answer.",
    _REQUEST_BOUNDS,
    (_METHOD, _ROUTE),
)
INGEST_LATENCY = Histogram(
    "ingest_latency_seconds",
    "Until what was taken in is durable, of requests that brought any such event.",
    _REQUEST_BOUNDS,
    (PROVIDER,),
)
INGEST_EVENTS = Counter(
    "ingest_events_total",
    "What became of the events that were sent.",
    (
        PROVIDER,
        Label(
            "outcome",
            frozenset(
                {
                    "stored", "duplicate", "conflict", "queued", "quarantined", "invalid",
                    "refused", "limited",
                }
            ),
        ),
    ),
)  # fmt: skip
QUARANTINED_EVENTS = Counter(
    "quarantined_events_total",
    "Events that were set aside, by why; what cannot be read counts as one.",
    (
        PROVIDER,
        Label(
            "reason",
            frozenset(
                {
                    "signature-refused", "unknown-endpoint", "merchant-unknown",
                    "merchant-mismatch", "unreadable", "key-conflict", "tenant-suspended",
                    "conflict-after-queued", "token-revoked",
                }
            ),
        ),
    ),
)  # fmt: skip
SECRET_MATCHED = Counter(
    "secret_matched_total",
    "Deliveries of vendors whose signature was good, by the secret that it was made with.",
    (PROVIDER, Label("generation", frozenset({"current", "previous"}))),
)
TOKEN_MATCHED = Counter(
    "token_matched_total",
    "Requests let in by a token of the platform's own, by whether it is the one before, which a"
    " rotation leaves good for a while.",
    (
        Label("token", frozenset({"operator", "metrics"})),
        Label("generation", frozenset({"current", "previous"})),
    ),
)
UPSTREAM_REQUESTS = Counter(
    "upstream_requests_total",
    "Requests to destinations and vendors' APIs, those without an answer included.",
    (_TARGET,),
)
RETRY_ATTEMPTS = Counter(
    "retry_attempts_total",
    "Requests that failed in a way that may pass, so that another is made.",
    (
        _TARGET,
        Label(
            "reason",
            frozenset(
                {
                    "timeout", "connection", "rate-limited", "server-error", "client-error",
                    "redirect", "unexpected-answer",
                }
            ),
        ),
    ),
)  # fmt: skip
DB_CONNECTIONS = Gauge(
    "db_connections", "Connections to the database, by the function's role.", (Label("role"),)
)
DB_DURATION = Histogram(
    "db_query_duration_seconds",
    "One statement and its answer, failed ones and reconnecting included.",
    _QUERY_BOUNDS,
)
DELIVERIES = Counter(
    "deliveries_total",
    "What attempts to deliver an event came to.",
    (
        _DESTINATION,
        Label("outcome", frozenset({"delivered", "retry_later", "gave_up"})),
    ),
)
DELIVERY_LAG = Histogram(
    "delivery_lag_seconds",
    "From an event's receipt, or a replay's or redrive's beginning, until it is delivered.",
    _LAG_BOUNDS,
    (_DESTINATION,),
)

RECORDED: tuple[Counter | Histogram, ...] = (
    HTTP_REQUESTS, HTTP_DURATION, INGEST_LATENCY, INGEST_EVENTS, QUARANTINED_EVENTS,
    SECRET_MATCHED, UPSTREAM_REQUESTS, RETRY_ATTEMPTS, DB_DURATION, DELIVERIES, DELIVERY_LAG,
    TOKEN_MATCHED,
)  # fmt: skip
LOOKED_UP: tuple[Gauge, ...] = (BUILD_INFO, DB_CONNECTIONS)


class Increment(NamedTuple):
    """What was counted between two flushes: ``series`` -> by how much it grew.

    ``activity`` is None where no tenant's request and no work of ours was counted, ``used``
    where no tenant's rate was worth telling of.
    """

    seq: int
    series: dict[str, int]
    activity: ActivityIncrement | None = None
    used: Used | None = None


class Sums(NamedTuple):
    """What all sandboxes have counted, and how many connections each role has.

    ``gauges`` is what was measured lately, by series; ``gauges_at`` when anything was measured
    last, in seconds since 1970, and None when nothing ever was.
    """

    series: dict[str, int]
    connections: dict[str, int]
    gauges: Mapping[str, float] = MappingProxyType({})
    gauges_at: float | None = None


class Recorder:
    """Counts in one sandbox. Not for two threads at once.

    ``increments`` and ``stored`` are the two sides of a flush: what is not known to be stored is
    given again, under the same number and with nothing added to it.

    ``activity`` is counted by whoever knows whose it is; ``database_seconds`` is how long the
    database was waited for since ``begin``. ``providers`` are the vendors that are counted under
    their own names.
    """

    def __init__(self, *, providers: Container[str] = ()) -> None:
        self._providers = providers
        self.activity = Activity()
        self.database_seconds = 0.0
        self._counts: dict[tuple[Counter, tuple[str, ...]], int] = {}
        # Of each bucket, and last the sum in microseconds.
        self._cells: dict[tuple[Histogram, tuple[str, ...]], list[int]] = {}
        # Seconds, of DB_DURATION: a request only notes them.
        self._waits: list[float] = []
        self._unconfirmed: Increment | None = None
        self._seq = 0

    def count(self, counter: Counter, *labels: str, by: int = 1) -> None:
        """Add to a counter; ``labels`` in the order of their declaration."""
        key = (counter, labels)
        if key not in self._counts:
            # Only a bounded key is kept, so that what a sender makes up fills no memory.
            key = (counter, self._bounded(counter, labels))
        self._counts[key] = self._counts.get(key, 0) + by

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Put a duration into its bucket."""
        self.observe_all(histogram, (seconds,), *labels)

    def observe_all(self, histogram: Histogram, seconds: Sequence[float], *labels: str) -> None:
        """Put durations into their buckets."""
        cell = self._cells.get((histogram, labels))
        if cell is None:
            bounded = self._bounded(histogram, labels)
            cell = self._cells.setdefault((histogram, bounded), [0] * (len(histogram.bounds) + 2))
        bounds = histogram.bounds
        for one in seconds:
            cell[bisect_left(bounds, one)] += 1
            # A clock that was set back must not make a sum fall.
            cell[-1] += max(0, round(one * MICROSECONDS))

    def begin(self) -> None:
        """Say that what is waited for from now on is another request's."""
        self.database_seconds = 0.0

    def waited(self, seconds: float) -> None:
        """Count one statement and its answer."""
        self.database_seconds += seconds
        self._waits.append(seconds)
        if len(self._waits) >= _KEPT_WAITS:
            self._observe_waits()

    def unflushed(self, report: Callable[[], Used | None] = lambda: None) -> Increment | None:
        """Give what has to be stored next, with the report; None when all is known to be."""
        self._observe_waits()
        if self._unconfirmed is None and (self._counts or self._cells or self.activity):
            self._seq += 1
            activity = self.activity.increment() if self.activity else None
            self._unconfirmed = Increment(self._seq, self._series(), activity, report())
            self._counts, self._cells, self.activity = {}, {}, Activity()
        return self._unconfirmed

    @property
    def is_repeating(self) -> bool:
        """Tell whether ``unflushed`` gives what it gave before."""
        return self._unconfirmed is not None

    @property
    def has_counted(self) -> bool:
        """Tell whether more is to be stored than how long the last flush itself took.

        A worker may count nothing but whose its time was, and who was heard.
        """
        return bool(self._counts or self.activity) or self.is_repeating

    def stored(self, increment: Increment) -> None:
        """Say that it is stored, by this call or by one before."""
        if increment is self._unconfirmed:
            self._unconfirmed = None

    def _bounded(self, family: Counter | Histogram, labels: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(
            value if label is PROVIDER and value in self._providers else label.bounded(value)
            for label, value in zip(family.labels, labels, strict=True)
        )

    def _observe_waits(self) -> None:
        if self._waits:
            self.observe_all(DB_DURATION, self._waits)
            self._waits.clear()

    def _series(self) -> dict[str, int]:
        series = {
            SEPARATOR.join((counter.name, *labels)): count
            for (counter, labels), count in self._counts.items()
        }
        for (histogram, labels), cell in self._cells.items():
            stem = SEPARATOR.join((histogram.name, *labels))
            for end, count in zip((*histogram.bounds, float("inf")), cell, strict=False):
                if count:
                    series[f"{stem}{SEPARATOR}{bound_text(end)}"] = count
            series[f"{stem}{SEPARATOR}{SUM}"] = cell[-1]
        return series


def bound_text(bound: float) -> str:
    """Write a bucket's upper end as Prometheus does."""
    return "+Inf" if bound == float("inf") else repr(bound)
