"""What the demo says of the other end, and of what has not arrived there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from ops.local import arrivals
from ops.local.arrivals import Arrivals
from ops.local.handout import TenantAccess

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

TENANT = TenantAccess(slug="demo", tenant_id="t", api_token="token", supabase=None)


def event(number: int, state: str) -> dict[str, Any]:
    return {
        "event_id": str(number),
        "type": f"kind.{number}",
        "idempotency_key": f"sq-run1-{number}",
        "delivery": {"state": state},
    }


class Project:
    """As much of a project as is asked here."""

    def __init__(self, *event_ids: str, **enrichment: str) -> None:
        self.event_ids = event_ids
        self.enrichment = enrichment

    def project(self, name: str) -> Project:
        assert name == "demo"
        return self

    def rows(self, *_columns: str, event_ids: Sequence[str]) -> list[dict[str, str]]:
        return [
            {"event_id": found, "type": f"kind.{found}", "enrichment": "none"} | self.enrichment
            for found in event_ids
            if found in self.event_ids
        ]


def arrived(
    *events: dict[str, Any], at: Project, keys: Sequence[str] = ()
) -> tuple[str, list[str]]:
    """Give the summary and the faults of a tenant with these events."""

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"events": events})

    with httpx.Client(base_url="http://t", transport=httpx.MockTransport(answer)) as http:
        told = Arrivals(http, tenants=[TENANT], supabase=at, run_id="run1", keys=keys).run()  # type: ignore[arg-type]  # A fake.
    (exchange,) = told
    return exchange.answer, exchange.faults


def test_all_that_was_delivered_is_there() -> None:
    told = arrived(event(1, "delivered"), event(2, "delivered"), at=Project("1", "2"))
    assert told == ("2 of 2: kind.1, kind.2", [])


def test_what_another_run_sent_is_no_matter() -> None:
    before = {**event(1, "gave_up"), "idempotency_key": "sq-run0-1"}
    assert arrived(before, event(2, "delivered"), at=Project("2")) == ("1 of 1: kind.2", [])


def test_a_key_that_does_not_show_the_run_is_known_by_itself() -> None:
    hashed = {**event(1, "delivered"), "idempotency_key": "shop:5f0c"}
    assert arrived(hashed, at=Project("1"), keys=["shop:5f0c"]) == ("1 of 1: kind.1", [])


def test_what_only_one_end_knows_of_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "ARRIVAL_SECONDS", 0)
    summary, faults = arrived(
        event(1, "delivered"), event(2, "pending"), event(3, "gave_up"), at=Project("2")
    )
    assert summary.startswith("1 of 3: ")
    assert faults == [
        "kind.1 is delivered, and not there",
        "kind.2 is pending, and is there",
        "kind.3 is gave_up, and not there",
    ]


def test_what_was_fetched_is_counted() -> None:
    told = arrived(event(1, "delivered"), at=Project("1", enrichment="fetched"))
    assert told == ("1 of 1: kind.1; 1 with what was fetched for it", [])


def test_an_object_that_was_not_to_be_had_is_a_fault() -> None:
    at = Project("1", enrichment="gave_up", enrichment_reason="http-401")
    assert arrived(event(1, "delivered"), at=at)[1] == ["kind.1 came without its object: http-401"]


def test_nothing_sent_is_nothing_arrived() -> None:
    assert arrived(at=Project()) == ("0 of 0: ", [])
