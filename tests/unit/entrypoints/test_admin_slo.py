from __future__ import annotations

import pytest

from tests.unit.entrypoints.api_function import MINE, OPERATOR, ApiFunction
from tillgate.domain.activity import LATENCY_BOUNDS
from tillgate.domain.slo import Counts
from tillgate.domain.tenant import TenantId

NO_FIGURES = dict.fromkeys(
    ("availability", "budget_left", "burn_rate", "p50_seconds", "p95_seconds")
)


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


def test_the_platforms_error_budget(api: ApiFunction) -> None:
    latency = (2_000, *(0,) * len(LATENCY_BOUNDS))
    api.activity.counted[None] = {"1h": Counts(2_000, 1, latency)}

    answer = api.call("GET", "/admin/api/slo", headers=OPERATOR)

    assert answer.status == 200
    assert answer.json == {
        "tenant_id": None,
        "objective": 0.999,
        "at": "2026-11-23T12:00:00.000000Z",
        "windows": [
            {
                "window": "1h",
                "requests": 2_000,
                "server_errors": 1,
                "availability": 0.9995,
                "budget_left": 0.5,
                "burn_rate": 0.5,
                "p50_seconds": 0.0005,
                "p95_seconds": 0.00095,
            },
            {"window": "24h", "requests": 0, "server_errors": 0, **NO_FIGURES},
            {"window": "30d", "requests": 0, "server_errors": 0, **NO_FIGURES},
        ],
    }


def test_a_tenants_error_budget_is_its_own(api: ApiFunction) -> None:
    tenant = api.store.add_tenant(slug="one", name="One").tenant_id
    other = api.store.add_tenant(slug="two", name="Two").tenant_id
    api.activity.counted[tenant] = {"30d": Counts(10, 10)}

    answers = {
        tenant_id: api.call("GET", f"/admin/api/tenants/{tenant_id}/slo", headers=OPERATOR).json
        for tenant_id in (tenant, other)
    }

    assert answers[tenant]["tenant_id"] == tenant
    assert answers[tenant]["windows"][2]["availability"] == 0.0
    assert answers[other]["windows"][2]["availability"] is None


@pytest.mark.parametrize("tenant_id", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_who_is_no_tenant_has_none(api: ApiFunction, tenant_id: str) -> None:
    api.activity.counted[TenantId(tenant_id)] = {"1h": Counts(1, 0)}

    answer = api.call("GET", f"/admin/api/tenants/{tenant_id}/slo", headers=OPERATOR)

    assert answer.problem == (404, "not-found")


@pytest.mark.parametrize("headers", [{}, MINE, {"authorization": "Bearer made-up"}])
@pytest.mark.parametrize(
    "path", ["/admin/api/slo", "/admin/api/tenants/11111111-1111-4111-8111-111111111111/slo"]
)
def test_only_the_operator_is_told(api: ApiFunction, path: str, headers: dict[str, str]) -> None:
    assert api.call("GET", path, headers=headers).problem == (401, "unauthenticated")


def test_while_the_database_is_down_nothing_is_made_up(api: ApiFunction) -> None:
    api.activity.is_down = True

    assert api.call("GET", "/admin/api/slo", headers=OPERATOR).problem == (503, "unavailable")
