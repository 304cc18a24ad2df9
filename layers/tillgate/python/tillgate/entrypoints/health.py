"""``/livez``, ``/startupz`` and ``/metrics`` in HTTP's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.domain.errors import NotFoundError
from tillgate.entrypoints.http import HttpRequest, LambdaResponse, json_response

if TYPE_CHECKING:
    from tillgate.entrypoints.exposition import MetricsPage
    from tillgate.entrypoints.observability import RequestLog
    from tillgate.services.health import CheckReadiness

METRICS_ROUTE = "GET /metrics"


class HealthRoutes:
    """Answers health's three routes."""

    def __init__(self, check: CheckReadiness, metrics: MetricsPage, *, version: str) -> None:
        self._check = check
        self._metrics = metrics
        self._version = version

    def handle(self, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        if request.route == "GET /livez":
            log.outcome = "ok"
            log.is_local = True
            return json_response(200, {"status": "ok", "version": self._version}, rid=request.rid)
        if request.route == "GET /startupz":
            return self._startupz(request, log)
        if request.route == METRICS_ROUTE:
            answer = self._metrics.answer(request)
            log.outcome = "ok"
            return answer
        raise NotFoundError("There is no such path.")

    def _startupz(self, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        readiness = self._check.run()
        log.outcome = "ready" if readiness.is_ready else "not_ready"
        content = {
            "status": log.outcome,
            "version": self._version,
            "checks": {
                "database": {
                    "ok": readiness.database_ok,
                    "latency_ms": readiness.database_latency_ms,
                },
                "migrations": {
                    "ok": readiness.migrations_ok,
                    "current": readiness.current_migration,
                    "expected": readiness.expected_migration,
                },
                "secrets": {"ok": readiness.secrets_ok},
                "queue": {"ok": readiness.queue_ok},
                "supabase": "configured" if readiness.has_destination else "absent",
            },
        }
        return json_response(200 if readiness.is_ready else 503, content, rid=request.rid)
