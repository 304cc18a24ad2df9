"""``/admin/api/tenants/{tenant_id}/retention`` and ``/erasure``."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from tests.retention_fakes import ASKED_AT, NOTHING
from tests.unit.entrypoints.api_function import OPERATOR, Answer, ApiFunction

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def tenant(api: ApiFunction) -> str:
    made: str = call(api, "POST", "tenants", {"slug": "cafe", "name": "Café"}).json["tenant_id"]
    return made


def call(
    api: ApiFunction, method: str, path: str, body: object = None, *, query: str = ""
) -> Answer:
    return api.call(method, f"/admin/api/{path}", headers=OPERATOR, body=body, query=query)


def test_a_retention_is_shown_set_and_removed(api: ApiFunction, tenant: str) -> None:
    path = f"tenants/{tenant}/retention"
    usual = {"tenant_id": tenant, "days": 400, "is_default": True}
    own = {"tenant_id": tenant, "days": 90, "is_default": False}

    assert call(api, "GET", path).without_rid() == usual
    assert call(api, "PUT", path, {"days": 90}).without_rid() == own
    assert call(api, "GET", path).without_rid() == own
    assert call(api, "DELETE", path).without_rid() == usual


def test_the_stages_retention_is_told(api: ApiFunction) -> None:
    told = call(api, "GET", "retention").without_rid()
    assert told == {"default_days": 400, "held_events": 0, "first_go_on": None}


@pytest.mark.parametrize("days", [6, 3661, "90", 90.5, None, True])
def test_a_retention_that_makes_no_sense_is_refused(
    api: ApiFunction, tenant: str, days: object
) -> None:
    answer = call(api, "PUT", f"tenants/{tenant}/retention", {"days": days})

    assert answer.problem == (422, "invalid-request")
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/days"]


def test_a_plan_counts_and_changes_nothing(api: ApiFunction, tenant: str) -> None:
    plan = call(api, "GET", f"tenants/{tenant}/erasure/plan")
    expected = asdict(replace(NOTHING, events=3, tokens=1))
    assert plan.without_rid() == {**expected, "next_cursor": None}
    assert call(api, "GET", f"tenants/{tenant}/erasure").problem == (404, "not-found")


def test_a_plan_of_many_events_goes_on_from_its_cursor(api: ApiFunction, tenant: str) -> None:
    api.retention.pages.append(replace(NOTHING, events=2))
    path = f"tenants/{tenant}/erasure/plan"

    first = call(api, "GET", path)
    last = call(api, "GET", path, query=f"cursor={first.json['next_cursor']}")

    assert (last.json["events"], last.json["next_cursor"]) == (2, None)
    assert call(api, "GET", path, query="cursor=x").problem == (422, "invalid-query")


def test_a_suspended_tenant_is_erased_by_its_slug_once(api: ApiFunction, tenant: str) -> None:
    path = f"tenants/{tenant}/erasure"
    assert call(api, "POST", path, {"slug": "cafe"}).problem == (409, "tenant-not-suspended")
    call(api, "POST", f"tenants/{tenant}/suspend")
    other = call(api, "POST", path, {"slug": "bakery"})
    assert other.problem == (422, "invalid-request")
    assert other.json["errors"] == [{"pointer": "/slug", "detail": "is not this tenant's"}]

    asked = call(api, "POST", path, {"slug": "cafe"})

    assert asked.status == 202
    assert asked.without_rid() == {
        "tenant_id": tenant,
        "asked_at": f"{ASKED_AT:%Y-%m-%dT%H:%M:%S}.000000Z",
        "done_at": None,
        "removed": asdict(NOTHING),
    }
    assert call(api, "POST", path, {"slug": "cafe"}).json["asked_at"] == asked.json["asked_at"]
    assert call(api, "GET", path).without_rid() == asked.without_rid()


@pytest.mark.parametrize("tenant_id", [NOBODY, "x"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "retention", None),
        ("PUT", "retention", {"days": 90}),
        ("DELETE", "retention", None),
        ("GET", "erasure/plan", None),
        ("GET", "erasure", None),
        ("POST", "erasure", {"slug": "cafe"}),
    ],
)
def test_nobody_is_kept_and_erased_by_nobody(
    api: ApiFunction, method: str, path: str, body: object, tenant_id: str
) -> None:
    full = f"tenants/{tenant_id}/{path}"
    assert call(api, method, full, body).problem == (404, "not-found")
    assert api.call(method, f"/admin/api/{full}", body=body).problem == (401, "unauthenticated")
    api.retention.is_down = True
    if tenant_id == NOBODY:
        assert call(api, method, full, body).problem == (503, "unavailable")
