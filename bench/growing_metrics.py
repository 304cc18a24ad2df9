"""What ``GET /metrics`` is asked of a database that grows: through the handler, under its role."""

from __future__ import annotations

import json
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from tests.events import http_event
from tillgate.adapters.postgres.metrics import PostgresMetrics
from tillgate.domain.metrics import RECORDED, Counter, Recorder
from tillgate.entrypoints.exposition import MetricsPage
from tillgate.entrypoints.http import HttpRequest
from tillgate.providers import PROVIDERS
from tillgate.services.operator import TokenGate

if TYPE_CHECKING:
    from bench.growing import Calls
    from bench.seeded import SeededDatabase

_TOKEN = "made-up"  # noqa: S105  Opens a page in this process only.
WITHIN_SECONDS = 30.0
# Flushes that no sweep has folded yet: of a busy minute.
_OPEN = 400
# A flush takes along about so many events; folded ones stay for an hour or a week.
_EVENTS_A_FLUSH = 500
_VALUES = 8
# Of all series, one in so many is in a flush: about twenty.
_SHARE = 8


def metrics(made: SeededDatabase) -> Calls:
    """Give the page of a platform that has counted in every series, and counts on."""
    _add_counts(made)
    page = MetricsPage(
        TokenGate(lambda: json.dumps({"token": _TOKEN}), name="metrics", clock=lambda: 0.0),
        PostgresMetrics(made.connect("health"), within_seconds=WITHIN_SECONDS),
        providers=PROVIDERS,
        version="0.0.0",
    )
    asked = http_event("GET", "/metrics", headers={"Authorization": f"Bearer {_TOKEN}"})
    while True:
        answer = yield partial(page.answer, HttpRequest.from_lambda(asked))
        assert answer["statusCode"] == 200
        assert 'http_requests_total{method="POST"' in answer["body"]


def _add_counts(made: SeededDatabase) -> None:
    """Add flushes that are open, and as many folded ones as the history leaves behind."""
    series = _every_series()
    some = dict(list(series.items())[::_SHARE])
    _add(made, json.dumps(series), 1)
    made.superuser.execute("SELECT tillgate.metrics_fold('0', 1)")
    _add(made, json.dumps(some), _OPEN)
    _add(made, None, made.seeded.events // _EVENTS_A_FLUSH)
    made.superuser.execute("VACUUM (ANALYZE) tillgate.metric_increment")
    made.superuser.execute("VACUUM (ANALYZE) tillgate.metric_total")


def _add(made: SeededDatabase, deltas: str | None, flushes: int) -> None:
    made.superuser.execute(
        "INSERT INTO tillgate.metric_increment (sandbox_id, seq, deltas)"
        " SELECT gen_random_uuid(), 1, %s::jsonb FROM generate_series(1, %s)",
        (deltas, flushes),
    )


def _every_series() -> dict[str, int]:
    """Give an increment in every family, under up to eight values of each label."""
    recorder = Recorder()
    for family in RECORDED:
        values = [sorted(label.values or {"/v1/events"})[:_VALUES] for label in family.labels]
        for labels in product(*values):
            if isinstance(family, Counter):
                recorder.count(family, *labels)
            else:
                recorder.observe(family, 0.003, *labels)
    increment = recorder.unflushed()
    assert increment is not None
    return increment.series
