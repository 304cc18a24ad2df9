from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.events import http_event
from tests.fakes import InMemoryAcceptQueue, InMemoryMetrics, InMemorySecretStore
from tillgate.domain.errors import NotFoundError, StoreUnavailableError
from tillgate.entrypoints.exposition import MetricsPage
from tillgate.entrypoints.health import HealthRoutes
from tillgate.entrypoints.http import HttpRequest
from tillgate.entrypoints.observability import RequestLog
from tillgate.providers import PROVIDERS
from tillgate.services.health import CheckReadiness
from tillgate.services.operator import TokenGate

if TYPE_CHECKING:
    from collections.abc import Callable


class InMemoryProbe:
    """Implements SchemaProbe; None is a database that gives no answer."""

    def __init__(self, migration: int | None, *, destinations: int = 0) -> None:
        self._migration = migration
        self._destinations = destinations

    def current_migration(self, *, within_seconds: float) -> int:
        if self._migration is None:
            raise StoreUnavailableError(f"no answer within {within_seconds}")
        return self._migration

    def has_destination(self, *, within_seconds: float) -> bool:
        return self._destinations > 0 and within_seconds > 0


def routes(
    migration: int | None, read_secret: Callable[[], object] = dict, *, destinations: int = 0
) -> HealthRoutes:
    check = CheckReadiness(
        probe=InMemoryProbe(migration, destinations=destinations),
        read_secret=read_secret,
        queue=InMemoryAcceptQueue(),
        expected_migration=4,
        within_seconds=0.8,
        clock=lambda: 0.0,
    )
    page = MetricsPage(
        TokenGate(lambda: '{"token": "t"}', name="metrics", clock=lambda: 0.0),
        InMemoryMetrics(),
        providers=PROVIDERS,
        version="0.2.0",
    )
    return HealthRoutes(check, page, version="0.2.0")


def get(path: str, routes: HealthRoutes) -> tuple[int, Any, RequestLog]:
    log = RequestLog()
    answer = routes.handle(HttpRequest.from_lambda(http_event("GET", path)), log)
    return answer["statusCode"], json.loads(answer["body"]), log


def test_livez_asks_nobody() -> None:
    def refuse() -> object:
        raise AssertionError("livez asked for something")

    status, body, log = get("/livez", routes(None, refuse))

    assert (status, body) == (200, {"status": "ok", "version": "0.2.0"})
    assert log.outcome == "ok"


def test_startupz_says_that_everything_is_there() -> None:
    status, body, log = get("/startupz", routes(4))

    assert status == 200
    assert body == {
        "status": "ready",
        "version": "0.2.0",
        "checks": {
            "database": {"ok": True, "latency_ms": 0.0},
            "migrations": {"ok": True, "current": 4, "expected": 4},
            "secrets": {"ok": True},
            "queue": {"ok": True},
            "supabase": "absent",
        },
    }
    assert log.outcome == "ready"


@pytest.mark.parametrize(
    ("migration", "failed"), [(None, {"database", "migrations"}), (3, {"migrations"})]
)
def test_startupz_says_what_is_missing(migration: int | None, failed: set[str]) -> None:
    status, body, log = get("/startupz", routes(migration))

    assert status == 503
    assert {
        name for name, found in body["checks"].items() if found == "x" or not_ok(found)
    } == failed
    assert body["status"] == log.outcome == "not_ready"


def not_ok(found: object) -> bool:
    return isinstance(found, dict) and not found["ok"]


def test_startupz_says_that_events_are_delivered_to_somewhere() -> None:
    status, body, _ = get("/startupz", routes(4, destinations=1))

    assert (status, body["checks"]["supabase"]) == (200, "configured")


def test_startupz_without_secrets_is_503() -> None:
    status, body, _ = get("/startupz", routes(4, lambda: InMemorySecretStore().read("ring")))

    assert status == 503
    assert body["checks"]["secrets"] == {"ok": False}


def test_there_is_no_third_route() -> None:
    with pytest.raises(NotFoundError):
        get("/livez/", routes(4))
