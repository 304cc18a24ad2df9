from __future__ import annotations

import hashlib

import pytest

from tests.admin_fakes import stored_event
from tests.unit.entrypoints.api_function import MINE, OPERATOR, TENANT_ID, ApiFunction
from tillgate.domain.audit import Action, Deed

PATH = "/admin/api/audit"


@pytest.fixture
def function() -> ApiFunction:
    return ApiFunction()


def test_trail_is_the_operators(function: ApiFunction) -> None:
    assert function.call("GET", PATH, headers=MINE).problem == (401, "unauthenticated")


def test_payload_is_shown_once_it_is_written_down_to_whom(function: ApiFunction) -> None:
    tenant = function.store.add_tenant(slug="a", name="A").tenant_id
    event = stored_event()
    function.reader.stored = {tenant: [event]}
    path = f"/admin/api/tenants/{tenant}/events/{event.head.event_id}"
    headers = {**OPERATOR, "x-operator": "Alice Smith", "x-request-id": "rid-7"}

    shown = function.call("GET", path, headers=headers)
    page = function.call("GET", PATH, headers=OPERATOR).json

    assert shown.status == 200
    assert page["next_cursor"] is None
    assert page["entries"] == [
        {
            "entry_id": "00000000-0000-0000-0000-000000000001",
            "at": "2026-11-23T10:00:00.000000Z",
            "actor": {
                "kind": "operator",
                "id": f"sha256:{hashlib.sha256(b'operator').hexdigest()[:8]}",
                "claimed_name": "Alice_Smith",
            },
            "action": "event.payload_read",
            "tenant_id": tenant,
            "target": {"kind": "event", "id": event.head.event_id},
            "rid": "rid-7",
            "source_address": "192.0.2.1",
            "details": {},
        }
    ]


def test_payload_is_not_shown_when_that_cannot_be_written_down(function: ApiFunction) -> None:
    tenant = function.store.add_tenant(slug="a", name="A").tenant_id
    event = stored_event(data='{"card":"4111"}')
    function.reader.stored = {tenant: [event]}
    function.audit.is_down = True

    answer = function.call(
        "GET", f"/admin/api/tenants/{tenant}/events/{event.head.event_id}", headers=OPERATOR
    )

    assert answer.problem == (503, "unavailable")
    assert "4111" not in answer.text


def test_tenants_own_look_at_its_event_is_not_written_down(function: ApiFunction) -> None:
    event = stored_event()
    function.reader.stored = {TENANT_ID: [event]}

    assert function.call("GET", f"/v1/events/{event.head.event_id}", headers=MINE).status == 200
    assert function.audit.written == []


def test_list_is_paged_and_filtered(function: ApiFunction) -> None:
    for action in (Action.TOKEN_CREATED, Action.TOKEN_REVOKED, Action.TOKEN_CREATED):
        function.audit.record(Deed(action, tenant_id=TENANT_ID))

    first = function.call("GET", PATH, headers=OPERATOR, query="limit=2").json
    second = function.call(
        "GET", PATH, headers=OPERATOR, query=f"limit=2&cursor={first['next_cursor']}"
    ).json
    chosen = function.call(
        "GET", PATH, headers=OPERATOR, query=f"action=token.created&tenant_id={TENANT_ID}"
    ).json

    written = [one.entry_id for one in reversed(function.audit.written)]
    assert [one["entry_id"] for one in first["entries"] + second["entries"]] == written
    assert second["next_cursor"] is None
    assert [one["action"] for one in chosen["entries"]] == ["token.created"] * 2


@pytest.mark.parametrize(
    "query",
    [
        "tenant_id=mine", "action=token.stolen", "action=", "actor=", "actor=a%20b",
        "since=yesterday", "until=2026", "limit=0", "limit=201", "cursor=e1_x", "by=alice",
        "limit=1&limit=2",
    ],
)  # fmt: skip
def test_query_that_does_not_fit_is_refused_with_its_faults(
    function: ApiFunction, query: str
) -> None:
    answer = function.call("GET", PATH, headers=OPERATOR, query=query)

    assert answer.problem == (422, "invalid-query")
    assert [fault["pointer"] for fault in answer.json["errors"]] == [f"/{query.partition('=')[0]}"]


def test_trail_cannot_be_read_without_the_database(function: ApiFunction) -> None:
    function.audit.is_down = True

    assert function.call("GET", PATH, headers=OPERATOR).problem == (503, "unavailable")
