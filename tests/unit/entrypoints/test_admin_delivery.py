"""The admin API's delivery side: destinations, dead letters, replay."""

from __future__ import annotations

import pytest

from tests.admin_fakes import stored_event
from tests.unit.entrypoints.api_function import OPERATOR, Answer, ApiFunction
from tillgate.domain.stored_event import DeliveryState
from tillgate.domain.tenant import TenantId

DESTINATION = {"kind": "supabase", "url": "https://abc.supabase.co", "secret": "sb_made_up"}
OTHER = "22222222-2222-4222-8222-222222222222"
SINCE = "2026-11-23T00:00:00Z"


@pytest.fixture
def api() -> ApiFunction:
    return ApiFunction()


@pytest.fixture
def tenant_id(api: ApiFunction) -> str:
    made = call(api, "POST", "tenants", {"slug": "cafe", "name": "Café"})
    return str(made.json["tenant_id"])


def call(
    api: ApiFunction, method: str, path: str, body: object = None, *, query: str = ""
) -> Answer:
    return api.call(method, f"/admin/api/{path}", headers=OPERATOR, body=body, query=query)


def test_destination_is_set_shown_and_removed_without_its_secret(
    api: ApiFunction, tenant_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"tenants/{tenant_id}/destination"

    first = call(api, "PUT", path, DESTINATION)
    second = call(api, "PUT", path, DESTINATION)
    shown = call(api, "GET", path)
    removed = call(api, "DELETE", path)
    gone = call(api, "GET", path)

    assert [answer.status for answer in (first, second, shown, removed)] == [201, 200, 200, 200]
    assert gone.problem == (404, "not-found")
    assert shown.json == {
        "tenant_id": tenant_id,
        "kind": "supabase",
        "url": "https://abc.supabase.co",
        "set_at": "2026-11-23T10:00:01.287443Z",
        "breaker": {"state": "closed", "failures": 0, "open_until": None},
    }
    said = first.text + second.text + shown.text + removed.text + capsys.readouterr().out
    assert "sb_made_up" not in said


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://abc.supabase.co"}, "/url"),
        ({"url": "https://192.168.1.1"}, "/url"),
        ({"url": ""}, "/url"),
        ({"kind": "webhook"}, "/kind"),
        ({"secret": "two words"}, "/secret"),
        ({"secret": None}, "/secret"),
        ({"more": 1}, "/more"),
    ],
)
def test_destination_that_cannot_be_one_is_refused(
    api: ApiFunction, tenant_id: str, change: dict[str, object], pointer: str
) -> None:
    answer = call(api, "PUT", f"tenants/{tenant_id}/destination", {**DESTINATION, **change})

    assert answer.problem == (422, "invalid-request")
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    assert api.destinations.kept == {}


def test_dead_letters_are_listed_in_pages_and_planned(api: ApiFunction, tenant_id: str) -> None:
    for reason in ("HTTP 400", "HTTP 400", "expired"):
        api.dead_letters.add(tenant_id, reason)
    api.dead_letters.add(OTHER, "expired")

    page = call(api, "GET", "dead-letters", query=f"tenant_id={tenant_id.upper()}&limit=2")
    rest = call(
        api, "GET", "dead-letters",
        query=f"tenant_id={tenant_id}&limit=2&cursor={page.json['next_cursor']}",
    )  # fmt: skip
    plan = call(api, "GET", "dead-letters/plan", query="reason=HTTP%20400")

    assert [one["reason"] for one in page.json["dead_letters"]] == ["expired", "HTTP 400"]
    assert [one["reason"] for one in rest.json["dead_letters"]] == ["HTTP 400"]
    assert rest.json["next_cursor"] is None
    assert plan.json["count"] == 2
    assert [(g["tenant_id"], g["count"]) for g in plan.json["groups"]] == [(tenant_id, 2)]


@pytest.mark.parametrize("query", ["tenant_id=cafe", "reason=", "limit=0", "cursor=x", "since=1"])
def test_query_of_dead_letters_that_does_not_fit_is_refused(api: ApiFunction, query: str) -> None:
    assert call(api, "GET", "dead-letters", query=query).problem == (422, "invalid-query")


def test_plan_takes_no_page(api: ApiFunction) -> None:
    assert call(api, "GET", "dead-letters/plan", query="limit=1").problem == (422, "invalid-query")


def test_redrive_is_begun_watched_and_cancelled(api: ApiFunction, tenant_id: str) -> None:
    api.dead_letters.add(tenant_id)
    body = {"tenant_id": tenant_id.upper(), "per_second": 10}

    begun = call(api, "POST", "dead-letters/redrives", body)
    path = f"dead-letters/redrives/{begun.json['redrive_id']}"
    shown = call(api, "GET", path)
    cancelled = call(api, "POST", f"{path}/cancel")

    assert (begun.status, begun.json["state"], begun.json["left"]) == (201, "running", 1)
    assert (begun.json["tenant_id"], begun.json["reason"]) == (tenant_id, None)
    assert shown.json == begun.json
    assert (cancelled.status, cancelled.json["state"]) == (200, "cancelled")


def test_redrives_are_listed_by_state_the_last_begun_first(
    api: ApiFunction, tenant_id: str
) -> None:
    begun = [
        call(api, "POST", "dead-letters/redrives", {"tenant_id": tenant_id, "per_second": n}).json
        for n in (1, 2, 3)
    ]
    call(api, "POST", f"dead-letters/redrives/{begun[1]['redrive_id']}/cancel")

    everything = call(api, "GET", "dead-letters/redrives")
    running = call(api, "GET", "dead-letters/redrives", query="state=running&limit=1")

    assert [one["per_second"] for one in everything.json["redrives"]] == [3, 2, 1]
    assert running.json == {"redrives": [{**begun[2], "left": None}]}


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=201", "cursor=x"])
def test_query_of_redrives_that_does_not_fit_is_refused(api: ApiFunction, query: str) -> None:
    refused = call(api, "GET", "dead-letters/redrives", query=query)

    assert refused.problem == (422, "invalid-query")


def test_discard_needs_the_plans_count(api: ApiFunction, tenant_id: str) -> None:
    api.dead_letters.add(tenant_id)
    api.dead_letters.add(tenant_id)
    body = {"tenant_id": tenant_id, "reason": "HTTP 400", "count": 1}

    refused = call(api, "POST", "dead-letters/discard", body)
    done = call(api, "POST", "dead-letters/discard", {**body, "count": 2})

    assert refused.problem == (409, "dead-letters-changed")
    assert (done.status, done.json) == (200, {"discarded": 2, "left": 0})
    assert api.dead_letters.letters == []


def test_discard_by_ids(api: ApiFunction, tenant_id: str) -> None:
    letters = [api.dead_letters.add(tenant_id) for _ in range(2)]
    body = {"tenant_id": tenant_id, "event_ids": [letters[0].event_id.upper()], "count": 1}

    assert call(api, "POST", "dead-letters/discard", body).json["discarded"] == 1
    assert api.dead_letters.letters == [letters[1]]


def test_bulk_replay_counts_then_replays(api: ApiFunction, tenant_id: str) -> None:
    api.reader.stored = {
        TenantId(tenant_id): [
            stored_event(1, delivery_state=DeliveryState.GAVE_UP),
            stored_event(2, delivery_state=DeliveryState.PENDING),
        ]
    }
    call(api, "PUT", f"tenants/{tenant_id}/destination", DESTINATION)
    path = f"tenants/{tenant_id}/replay"
    body = {"since": SINCE, "type": "order.created", "status": "gave_up"}

    counted = call(api, "POST", path, {**body, "dry_run": True})
    waiting = set(api.destinations.pending)
    replayed = call(api, "POST", path, {**body, "dry_run": False})

    query = api.reader.queries[-1]
    assert counted.json == {"count": 1, "dry_run": True, "next_cursor": None}
    assert waiting == set()
    assert replayed.json == {"count": 1, "dry_run": False, "next_cursor": None}
    assert api.destinations.pending == {stored_event(1).head.event_id}
    assert (query.type, query.status, query.limit) == ("order.created", "gave_up", 1001)


def test_a_step_of_a_bulk_replay_is_as_small_as_it_is_told(
    api: ApiFunction, tenant_id: str
) -> None:
    stored = [stored_event(n, delivery_state=DeliveryState.GAVE_UP) for n in (1, 2)]
    api.reader.stored = {TenantId(tenant_id): stored}
    call(api, "PUT", f"tenants/{tenant_id}/destination", DESTINATION)
    body = {"since": SINCE, "limit": 1, "dry_run": False}

    step = call(api, "POST", f"tenants/{tenant_id}/replay", body)

    assert step.json["count"] == 1
    assert step.json["next_cursor"] is not None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"dry_run": True}, "/since"),
        ({"since": SINCE}, "/dry_run"),
        ({"since": SINCE, "dry_run": "yes"}, "/dry_run"),
        ({"since": "yesterday", "dry_run": True}, "/since"),
        ({"since": SINCE, "dry_run": True, "status": "lost"}, "/status"),
        ({"since": SINCE, "dry_run": True, "cursor": "x"}, "/cursor"),
        ({"since": SINCE, "dry_run": True, "limit": 0}, "/limit"),
        ({"since": SINCE, "dry_run": True, "limit": 1001}, "/limit"),
    ],
)
def test_bulk_replay_that_does_not_fit_is_refused(
    api: ApiFunction, tenant_id: str, body: dict[str, object], pointer: str
) -> None:
    answer = call(api, "POST", f"tenants/{tenant_id}/replay", body)

    assert answer.problem == (422, "invalid-request")
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_replay_of_a_tenant_without_a_destination_is_refused(
    api: ApiFunction, tenant_id: str
) -> None:
    event = stored_event(1)
    api.reader.stored = {TenantId(tenant_id): [event]}

    many = call(api, "POST", f"tenants/{tenant_id}/replay", {"since": SINCE, "dry_run": True})
    one = call(api, "POST", f"tenants/{tenant_id}/events/{event.head.event_id}/replay")

    assert many.problem == one.problem == (409, "no-destination")
