"""The demo's other end: what of a tenant's events has arrived at its own Supabase."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ops.local.supabase import TABLE_PATH
from ops.local.traffic import Exchange

if TYPE_CHECKING:
    from collections.abc import Collection

    import httpx

    from ops.local.handout import TenantAccess
    from ops.local.supabase_process import SupabaseProcess

# Sweep looks each second; should its run have been missed, the next one comes in a minute.
ARRIVAL_SECONDS = 90
LOOK_EVERY_SECONDS = 0.2
# The run's events are the newest, but for what somebody else sends meanwhile.
LISTED = 200


class Arrivals:
    """Waits until nothing of one run's is pending, and compares both ends."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        tenants: list[TenantAccess],
        supabase: SupabaseProcess,
        run_id: str,
        keys: Collection[str] = (),
    ) -> None:
        """``keys`` are those of the run's events that do not show its id."""
        self._http = http
        self._tenants = tenants
        self._supabase = supabase
        self._run_id = run_id
        self._keys = keys

    def run(self) -> list[Exchange]:
        deadline = time.monotonic() + ARRIVAL_SECONDS
        for tenant in self._tenants:
            while self._is_pending(tenant) and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY_SECONDS)
        return [self._arrived(tenant) for tenant in self._tenants]

    def _arrived(self, tenant: TenantAccess) -> Exchange:
        """Look for the events where they were to arrive."""
        sent = {event["event_id"]: event for event in self._events(tenant)}
        project = self._supabase.project(tenant.slug)
        columns = ("event_id", "type", "enrichment", "enrichment_reason")
        rows = project.rows(*columns, event_ids=sorted(sent)) if sent else []
        arrived = {row["event_id"] for row in rows}
        fetched = sum(row.get("enrichment") == "fetched" for row in rows)
        without = [row for row in rows if row.get("enrichment") in {"gone", "gave_up"}]
        kinds = dict.fromkeys(event["type"] for event in sent.values())
        return Exchange(
            title=f"Arrived at Supabase, tenant {tenant.slug}",
            call=f"GET {TABLE_PATH}",
            status=200,
            answer=f"{len(arrived)} of {len(sent)}: {', '.join(list(kinds)[:3])}"
            + (f"; {fetched} with what was fetched for it" if fetched else ""),
            faults=[
                f"{event['type']} is {event['delivery']['state']}, and"
                f" {'is' if event_id in arrived else 'not'} there"
                for event_id, event in sent.items()
                if event["delivery"]["state"] != "delivered" or event_id not in arrived
            ]
            + [
                f"{row['type']} came without its object: {row['enrichment_reason']}"
                for row in without
            ],
        )

    def _is_pending(self, tenant: TenantAccess) -> bool:
        return any(event["delivery"]["state"] == "pending" for event in self._events(tenant))

    def _events(self, tenant: TenantAccess) -> list[dict[str, Any]]:
        """Give a tenant's events of this run, as they are listed."""
        answer = self._http.get(
            "/v1/events",
            params={"limit": LISTED},
            headers={"Authorization": f"Bearer {tenant.api_token}"},
        )
        answer.raise_for_status()
        return [
            event
            for event in answer.json()["events"]
            if self._run_id in event["idempotency_key"] or event["idempotency_key"] in self._keys
        ]
