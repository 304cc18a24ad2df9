"""Reads and replays at a tenant's rate, and the operator's say in it."""

from __future__ import annotations

import pytest

from tests.admin_fakes import stored_event
from tests.unit.entrypoints.api_function import MINE, OPERATOR, TENANT_ID, ApiFunction
from tillgate.domain.tenant import RateLimit

EVENT = stored_event(1)
EVENT_ID = EVENT.head.event_id


@pytest.fixture
def api() -> ApiFunction:
    made = ApiFunction(limit=RateLimit(2, 3))
    made.reader.stored[TENANT_ID] = [EVENT]
    made.reader.with_destination.add(TENANT_ID)
    return made


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/events"),
        ("GET", f"/v1/events/{EVENT_ID}"),
        ("POST", f"/v1/events/{EVENT_ID}/replay"),
    ],
)
def test_reads_and_replays_are_no_way_around_the_limit(
    api: ApiFunction, method: str, path: str
) -> None:
    assert [api.call(method, path, headers=MINE).status // 100 for _ in range(3)] == [2] * 3

    answer = api.call(method, path, headers=MINE)

    assert (answer.status, answer.json["type"]) == (429, "rate-limited")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["RateLimit"] == '"tenant";r=0;t=1'
    assert answer.headers["RateLimit-Policy"] == '"tenant";q=3;w=2'
    api.clock += 1
    assert api.call(method, path, headers=MINE).status // 100 == 2


def test_429_comes_before_what_is_wrong_with_a_query_and_after_the_token(api: ApiFunction) -> None:
    for _ in range(3):
        api.call("GET", "/v1/events", query="limit=0", headers=MINE)

    assert api.call("GET", "/v1/events", query="limit=0", headers=MINE).status == 429
    assert api.call("GET", "/v1/events", headers={}).status == 401


def test_the_operator_s_reads_are_nobody_s(api: ApiFunction) -> None:
    for _ in range(10):
        assert api.call("GET", "/admin/api/tenants", headers=OPERATOR).status == 200


def test_a_limit_is_set_shown_and_taken_away(api: ApiFunction) -> None:
    tenant = api.store.add_tenant(slug="cafe", name="Café").tenant_id
    path = f"/admin/api/tenants/{tenant}/limit"
    default = {"events_per_second": 2, "burst": 3, "is_default": True}
    own = {"events_per_second": 20, "burst": 500, "is_default": False}

    assert api.call("GET", path, headers=OPERATOR).json["limit"] == default
    body = {"events_per_second": 20, "burst": 500}
    assert api.call("PUT", path, headers=OPERATOR, body=body).json["limit"] == own
    [listed] = api.call("GET", "/admin/api/tenants", headers=OPERATOR).json["tenants"]
    assert listed["limit"] == own
    assert api.call("DELETE", path, headers=OPERATOR).json["limit"] == default


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"events_per_second": 0, "burst": 1}, "/events_per_second"),
        ({"events_per_second": 1_000_001, "burst": 1}, "/events_per_second"),
        ({"events_per_second": 1, "burst": 0}, "/burst"),
        ({"events_per_second": 1, "burst": 10_000_001}, "/burst"),
        ({"events_per_second": 1}, "/burst"),
        ({"events_per_second": 1.5, "burst": 1}, "/events_per_second"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(
    api: ApiFunction, body: dict[str, float], pointer: str
) -> None:
    answer = api.call("PUT", f"/admin/api/tenants/{TENANT_ID}/limit", headers=OPERATOR, body=body)

    assert answer.status == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_nobody_s_limit_is_not_found(api: ApiFunction) -> None:
    body = {"events_per_second": 20, "burst": 500}
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        answer = api.call(
            method, f"/admin/api/tenants/{TENANT_ID}/limit", headers=OPERATOR, body=sent
        )
        assert answer.status == 404
