"""The way onward: what a till sends is in the tenant's own Supabase soon after, once."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ops.local.supabase_process import SupabaseProject
from tests.integration.polling import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Sweep looks each second, ten seconds of each minute apart, in which one run ends for the next.
DELIVERED_SECONDS = 90


@pytest.fixture
def project(stack: dict[str, Any]) -> SupabaseProject:
    return SupabaseProject(**stack["tenants"][0]["supabase"])


@pytest.fixture
def http(stack: dict[str, Any]) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {stack['tenants'][0]['api_token']}"}
    with httpx.Client(base_url=stack["api_url"], headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def delivery(http: httpx.Client) -> Callable[[str], dict[str, Any]]:
    """Give what reads how an event's delivery stands."""

    def read(event_id: str) -> dict[str, Any]:
        found: dict[str, Any] = http.get(f"/v1/events/{event_id}").json()["delivery"]
        return found

    return read


def test_an_event_arrives_once_however_often_it_is_replayed(
    http: httpx.Client, project: SupabaseProject, delivery: Callable[[str], dict[str, Any]]
) -> None:
    key = f"e2e-{uuid.uuid4()}"
    event = {"type": "order.created", "data": {"total": 17}, "entity_id": key, "entity_version": 3}
    event_id = http.post("/v1/events", json=event, headers={"Idempotency-Key": key}).json()[
        "event_id"
    ]
    until(
        lambda: delivery(event_id)["state"] == "delivered",
        what="it is delivered",
        within_seconds=DELIVERED_SECONDS,
    )
    (first,) = delivery(event_id)["attempts"]
    (row,) = project.rows(event_ids=[event_id])

    replayed = http.post(f"/v1/events/{event_id}/replay")
    until(
        lambda: len(delivery(event_id)["attempts"]) == 2,
        what="it is tried again",
        within_seconds=DELIVERED_SECONDS,
    )
    until(lambda: delivery(event_id)["state"] == "delivered", what="it is delivered again")

    assert (first["outcome"], first["status"]) == ("delivered", 201)
    assert (row["type"], row["data"], row["entity_id"]) == ("order.created", {"total": 17}, key)
    assert replayed.status_code == 202
    assert {a["outcome"] for a in delivery(event_id)["attempts"]} == {"delivered"}
    # What the tenant reads of the attempts is what its Supabase saw of them.
    assert project.seen()["events"][event_id] == {"requests": 2, "rows": 1}


def test_a_destination_is_tested_without_storing_anything(
    stack: dict[str, Any], project: SupabaseProject
) -> None:
    path = f"/admin/api/tenants/{stack['tenants'][0]['tenant_id']}/destination/test"
    answer = httpx.post(
        f"{stack['api_url']}{path}",
        headers={"Authorization": f"Bearer {stack['admin_token']}"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["outcome"]) == (200, "delivered")
    assert all(row["event_id"] for row in project.rows("event_id"))
