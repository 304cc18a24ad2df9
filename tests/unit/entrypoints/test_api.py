from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.admin_fakes import stored_event
from tests.events import http_event
from tests.unit.entrypoints.api_function import (
    MINE,
    OPERATOR,
    OTHER_ID,
    SUSPENDED,
    TENANT_ID,
    Answer,
    ApiFunction,
)
from tillgate.domain.activity import PLATFORM
from tillgate.entrypoints.http import SECURITY_HEADERS
from tillgate.entrypoints.routes import ROUTES

if TYPE_CHECKING:
    from tillgate.domain.stored_event import EventQuery

EVENT = stored_event(1)
OTHERS = stored_event(2)


@pytest.fixture
def api() -> ApiFunction:
    api = ApiFunction()
    api.reader.stored = {TENANT_ID: [stored_event(0), EVENT], OTHER_ID: [OTHERS]}
    return api


def test_event_is_read_whole(api: ApiFunction) -> None:
    answer = api.call("GET", f"/v1/events/{EVENT.head.event_id}", headers=MINE)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["event_id"] == EVENT.head.event_id
    assert '"data":{"total":12.10}' in answer.text


@pytest.mark.parametrize(
    "event_id", [OTHERS.head.event_id, stored_event(7).head.event_id, "nonsense", "%00", "a b"]
)
def test_another_tenants_event_is_answered_as_none(api: ApiFunction, event_id: str) -> None:
    answer = api.call("GET", f"/v1/events/{event_id}", headers=MINE)
    missing = api.call("GET", f"/v1/events/{stored_event(8).head.event_id}", headers=MINE)

    assert answer.problem == (404, "not-found")
    assert answer.without_rid() == missing.without_rid()


def test_a_replay_makes_the_own_event_pending(api: ApiFunction) -> None:
    api.reader.with_destination = {TENANT_ID}
    event_id = EVENT.head.event_id

    answer = api.call("POST", f"/v1/events/{event_id.upper()}/replay", headers=MINE)

    assert (answer.status, answer.without_rid()) == (202, {"event_id": event_id})
    assert answer.json["rid"] == answer.headers["X-Request-Id"]
    assert api.reader.replayed == [event_id]


@pytest.mark.parametrize(
    "event_id", [OTHERS.head.event_id, stored_event(7).head.event_id, "nonsense", "%00"]
)
def test_another_tenants_event_is_replayed_as_none(api: ApiFunction, event_id: str) -> None:
    api.reader.with_destination = {TENANT_ID, OTHER_ID}

    answer = api.call("POST", f"/v1/events/{event_id}/replay", headers=MINE)

    missing = api.call("GET", f"/v1/events/{stored_event(8).head.event_id}", headers=MINE)
    assert answer.without_rid() == missing.without_rid()
    assert api.reader.replayed == []


def test_without_a_destination_there_is_no_replay(api: ApiFunction) -> None:
    answer = api.call("POST", f"/v1/events/{EVENT.head.event_id}/replay", headers=MINE)

    assert answer.problem == (409, "no-destination")


def test_a_suspended_tenant_replays_nothing(api: ApiFunction) -> None:
    answer = api.call("POST", f"/v1/events/{OTHERS.head.event_id}/replay", headers=SUSPENDED)

    assert answer.problem == (403, "tenant-suspended")
    assert api.reader.replayed == []


def test_list_is_newest_first_with_a_cursor_to_the_rest(api: ApiFunction) -> None:
    first = api.call("GET", "/v1/events", headers=MINE, query="limit=1")
    rest = api.call(
        "GET", "/v1/events", headers=MINE, query=f"limit=1&cursor={first.json['next_cursor']}"
    )

    assert [event["idempotency_key"] for event in first.json["events"]] == ["key-1"]
    assert [event["idempotency_key"] for event in rest.json["events"]] == ["key-0"]
    assert rest.json["next_cursor"] is None


def test_query_is_read_as_it_was_sent(api: ApiFunction) -> None:
    api.call("GET", "/v1/events", headers=MINE, query="idempotency_key=a+b%2Cc&type=orders%2Fpaid")

    [query] = api.reader.queries
    assert (query.idempotency_key, query.type) == ("a+b,c", "orders/paid")


def test_every_fault_of_a_query_is_listed(api: ApiFunction) -> None:
    answer = api.call("GET", "/v1/events", headers=MINE, query="limit=0&status=x&colour=red")

    assert answer.problem == (422, "invalid-query")
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/limit", "/status", "/colour"]
    assert api.reader.queries == list["EventQuery"]()


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({}, (401, "unauthenticated")),
        ({"authorization": "Bearer nobody"}, (401, "unauthenticated")),
        ({"authorization": "Bearer operator"}, (401, "unauthenticated")),
        ({**MINE, "x-tenant-id": OTHER_ID}, (403, "tenant-mismatch")),
        (SUSPENDED, (403, "tenant-suspended")),
    ],
)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/nonsense"])
def test_who_is_asking_comes_before_what_is_asked(
    api: ApiFunction, path: str, headers: dict[str, str], problem: tuple[int, str]
) -> None:
    answer = api.call("GET", path, headers=headers, query="limit=0")

    assert answer.problem == problem
    assert ("WWW-Authenticate" in answer.headers) == (answer.status == 401)


def test_own_tenant_may_be_named_in_any_case(api: ApiFunction) -> None:
    assert api.call("GET", "/v1/events", headers={**MINE, "x-tenant-id": TENANT_ID}).status == 200


@pytest.mark.parametrize("path", ["/nope", "/v1/events/", "/v1/usage"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_unknown_path_is_not_found_for_anyone(api: ApiFunction, method: str, path: str) -> None:
    assert api.call(method, path).problem == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, path)
        for method in ("PUT", "PATCH", "OPTIONS", "TRACE")
        for path, allowed in ROUTES.items()
        if method not in allowed
    ],
)
def test_wrong_method_is_told_before_anything_else(
    api: ApiFunction, method: str, path: str
) -> None:
    answer = api.call(method, path.replace("{", "").replace("}", ""))

    assert answer.problem == (405, "method-not-allowed")
    assert answer.headers["Allow"] == ", ".join(ROUTES[path])


def test_hooks_and_batches_are_not_read(api: ApiFunction) -> None:
    assert api.call("GET", "/v1/events/batch", headers=MINE).headers["Allow"] == "POST"
    assert api.call("GET", "/v1/hooks/square/x").headers["Allow"] == "POST"


def test_answer_to_head_has_no_content(api: ApiFunction) -> None:
    answer = api.call("HEAD", "/v1/events", headers=MINE)

    assert (answer.status, answer.text, answer.headers["Allow"]) == (405, "", "GET, POST")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/v1/events", MINE),
        ("GET", "/v1/events", {}),
        ("GET", "/docs", {}),
        ("GET", "/nope", {}),
        ("DELETE", "/v1/events", {}),
        ("GET", "/admin/api/tenants", {}),
    ],
)
def test_every_answer_carries_the_promised_headers(
    api: ApiFunction, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = api.call(method, path, headers={**headers, "X-Request-Id": "till-7"})

    assert SECURITY_HEADERS.items() <= answer.headers.items()
    assert answer.headers["X-Request-Id"] == "till-7"


def test_stage_before_the_path_is_taken_off(api: ApiFunction) -> None:
    for raw_path, stage in [
        ("/prod/v1/events", "prod"),
        ("/v1/events", "prod"),
        ("/v1/events", "v1"),
    ]:
        event = http_event("GET", raw_path, route="$default", headers=MINE)
        event["requestContext"]["stage"] = stage
        status = Answer(api.routes(event)).status
        assert status == (404 if stage == "v1" else 200)


def test_database_that_is_down_is_503_and_says_nothing_of_it(api: ApiFunction) -> None:
    api.reader.is_down = True

    answer = api.call("GET", "/v1/events", headers=MINE)

    assert answer.problem == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_what_nobody_foresaw_is_answered_without_its_cause(
    api: ApiFunction, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("SELECT secret FROM db.internal")

    monkeypatch.setattr(api.reader, "events", fail)

    answer = api.call("GET", "/v1/events", headers=MINE)

    output = capsys.readouterr()
    assert answer.problem == (500, "internal")
    assert "secret" not in answer.text + output.out + output.err
    [line] = output.out.splitlines()
    assert json.loads(line)["error"][0].startswith("builtins.RuntimeError at test_api.py:")


def test_one_line_is_logged_with_the_promised_fields(
    api: ApiFunction, capsys: pytest.CaptureFixture[str]
) -> None:
    api.call("GET", f"/v1/events/{EVENT.head.event_id}", headers={**MINE, "x-request-id": "r1"})

    output = capsys.readouterr()
    [line] = output.out.splitlines()
    logged = json.loads(line)
    assert (logged["rid"], logged["tenantId"], logged["version"]) == ("r1", TENANT_ID, "9.8.7")
    assert (logged["route"], logged["status"]) == ("/v1/events/{event_id}", 200)
    assert logged["latency_ms"] > 0
    assert "tg_live" not in line
    assert output.err == ""


def test_large_answer_goes_as_base64_so_that_it_fits(api: ApiFunction) -> None:
    data = json.dumps({"text": '"' * 1_500_000})
    api.reader.stored[TENANT_ID] = [stored_event(3, data=data)]

    answer = api.call("GET", f"/v1/events/{stored_event(3).head.event_id}", headers=MINE)

    assert answer.response["isBase64Encoded"] is True
    assert json.loads(base64.b64decode(answer.text))["data"] == json.loads(data)


def test_what_a_tenant_asks_for_is_counted_as_its_and_the_operators_requests_are_not(
    api: ApiFunction,
) -> None:
    api.call("GET", "/v1/events", headers=MINE)
    api.call("GET", "/v1/events/nonsense", headers=MINE)
    api.call("GET", "/v1/events")
    for path in (f"/admin/api/tenants/{TENANT_ID}/tokens", "/admin/api/tenants/nonsense/tokens"):
        api.call("GET", path, headers=OPERATOR)
    api.call("GET", "/openapi.json")
    api.meter.flush()

    [activity] = api.metrics.activity.values()
    counted = {
        tenant: (deltas["requests"], deltas["client_errors"])
        for tenant, deltas in activity.tenants.items()
    }
    assert counted == {TENANT_ID: (2, 1), PLATFORM: (3, 2)}
