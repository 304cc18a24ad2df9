"""What a delivery scenario runs in: a World, merchants with destinations, deliver and sweep."""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from ops.local.supabase import DATABASE_FILE
from ops.local.supabase_process import SupabaseProcess
from tests.chaos.delivery_reckoning import Account, Arrived, Kept
from tests.chaos.emulator import Queue
from tests.chaos.event_source import EventSource
from tests.chaos.ledger import digest_of, text_digest
from tests.chaos.world import OPERATOR_TOKEN, World
from tests.events import http_event
from tests.integration.integrity import faults
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ops.local.postgres import EmbeddedPostgres
    from ops.local.supabase_process import SupabaseProject
    from tests.chaos.delivery_scene import DeliveryShape
    from tests.chaos.emulator import Emulator
    from tests.chaos.sweeps import SweepLoop
    from tests.integration.sandbox import Answer, Sandbox
    from tests.integration.testdatabase import Connection

_KINDS = ("delivery", "redrive")


@dataclass(frozen=True, slots=True)
class Merchant:
    """A tenant with a token, and a destination of its own."""

    name: str
    tenant_id: TenantId
    token: str
    project: SupabaseProject


class DeliveryWorld:
    """A World of its own, a stand-in for Supabase, and deliver's two queues with their pollers."""

    def __init__(
        self, server: EmbeddedPostgres, emulator: Emulator, folder: Path, *, shape: DeliveryShape
    ) -> None:
        self.shape = shape
        self.emulator = emulator
        self._folder = folder
        self._stack = ExitStack()
        self.base = World(server, emulator, folder, visibility_seconds=shape.visibility_seconds)
        self.sweeps: list[SweepLoop] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.base)
            folder = self._folder / f"supabase-{self.base.name}"
            self.supabase = SupabaseProcess(folder, log=self._folder / "supabase.log")
            stack.callback(self.supabase.stop)
            self.supabase.start()
            self._rows = folder / DATABASE_FILE
            self.queues = {kind: self._make_queue(kind) for kind in _KINDS}
            self.api = self.sandbox("api")
            self.sources = {kind: stack.enter_context(self._source(kind)) for kind in _KINDS}
            self.superuser: Connection = stack.enter_context(
                closing(self.base.database.superuser())
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.__exit__(None, None, None)

    def _make_queue(self, kind: str) -> Queue:
        return self.emulator.make_queue(
            f"{self.base.name}-{kind}", visibility_seconds=self.shape.visibility_seconds
        )

    def _source(self, kind: str) -> EventSource:
        queue = Queue(self.base.url("sqs"), f"{self.base.name}-{kind}")
        return EventSource(
            queue,
            lambda: self.sandbox("deliver"),
            function="deliver",
            workers=self.shape.workers,
            batch_size=1,
        )

    def sandbox(self, function: str, **more: object) -> Sandbox:
        return self.base.sandbox(
            function,
            **{
                "delivery_queue_url": self.base.queue_url("-delivery"),
                "redrive_queue_url": self.base.queue_url("-redrive"),
                "admin_database_secret_arn": "admin",
                "operator_secret_arn": "operator",
                "allow_private_destinations": 1,
                "batch_seconds": self.shape.batch_seconds,
                **more,
            },
        )

    def admin(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Ask /admin/api, and give what it answers. Raises AssertionError for no success."""
        answer = self._ask(method, f"/admin/api/{path}", OPERATOR_TOKEN, body)
        assert answer.status < 300, f"{method} {path} was answered {answer.status} {answer.body}"
        return answer.body

    def _ask(self, method: str, path: str, token: str, body: object = None) -> Answer:
        return self.api.call(
            http_event(
                method,
                path,
                route="$default",
                headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
                body=None if body is None else json.dumps(body),
            )
        )

    def merchant(self, name: str) -> Merchant:
        """Let one in as the operator does: tenant, token, and a project of its own to fill."""
        slug = f"{name}-{self.base.name}".replace("_", "-").lower()
        tenant = self.admin("POST", "tenants", {"slug": slug, "name": name})["tenant_id"]
        token = self.admin("POST", f"tenants/{tenant}/tokens", {"name": "till"})["token"]
        project = self.supabase.project(name)
        self.admin(
            "PUT",
            f"tenants/{tenant}/destination",
            {"kind": "supabase", "url": project.url, "secret": project.secret},
        )
        return Merchant(name, TenantId(tenant), token, project)

    def pending(self, *, until: float | None = None) -> dict[str, int]:
        """Count by tenant what waits; ``until``: what waits since then, by the wall clock."""
        rows = self.superuser.execute(
            "SELECT tenant_id::text, count(*) FROM tillgate.delivery WHERE state = 'pending'"
            " AND since <= coalesce(to_timestamp(%s), 'infinity') GROUP BY 1",
            (until,),
        )
        return dict(rows.fetchall())

    def kept(self, merchant: Merchant) -> list[Kept]:
        """Read what is stored of a merchant's, as somebody from whom nothing is hidden."""
        rows = self.superuser.execute(
            "SELECT e.idempotency_key, e.event_id::text, e.data, d.state, d.gave_up_reason"
            " FROM tillgate.event AS e JOIN tillgate.delivery AS d USING (tenant_id, event_id)"
            " WHERE e.tenant_id = %s",
            (merchant.tenant_id,),
        )
        return [
            Kept(key, event_id, text_digest(data), state, reason)
            for key, event_id, data, state, reason in rows
        ]

    def arrived(self, merchant: Merchant) -> list[Arrived]:
        """Read the table of a merchant's destination."""
        columns = ("event_id", "tenant_id", "idempotency_key", "data")
        return [
            Arrived(
                row["idempotency_key"], row["event_id"], digest_of(row["data"]), row["tenant_id"]
            )
            for row in merchant.project.rows(*columns)
        ]

    def accounts(self, merchant: Merchant, event_ids: Sequence[str]) -> dict[str, Account]:
        """Ask the API for each event, and read what it tells of the attempts."""
        return {
            event_id: _account(self._ask("GET", f"/v1/events/{event_id}", merchant.token).body)
            for event_id in event_ids
        }

    def requests(self, merchant: Merchant) -> list[tuple[float, str]]:
        """Give when a merchant's destination was asked, by the wall clock, and what it answered."""
        with closing(sqlite3.connect(f"file:{self._rows}?mode=ro", uri=True)) as rows:
            return rows.execute(
                "SELECT at, answer FROM request WHERE project = ? ORDER BY at", (merchant.name,)
            ).fetchall()

    def seen(self, merchant: Merchant) -> dict[str, int]:
        """Give by event id in how many requests a merchant's destination saw it."""
        events: Mapping[str, Mapping[str, int]] = merchant.project.seen()["events"]
        return {event_id: one["requests"] for event_id, one in events.items()}

    def pending_since(self, merchant: Merchant) -> list[float]:
        """Give, by the wall clock, since when each delivery is or was pending."""
        rows = self.superuser.execute(
            "SELECT extract(epoch FROM since)::float8 FROM tillgate.delivery WHERE tenant_id = %s",
            (merchant.tenant_id,),
        )
        return [since for (since,) in rows]

    def strikes(self) -> int:
        return sum(worker.strikes for s in self.sources.values() for worker in s.workers)

    def unknown_attempts(self) -> int:
        """Count the requests of which nobody came back to tell."""
        row = self.superuser.execute(
            "SELECT count(DISTINCT attempt_id) FROM tillgate.attempt WHERE outcome IS NULL"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def faults(self) -> list[str]:
        """Name what must not be and is no one merchant's matter."""
        return [
            *(fault for source in self.sources.values() for fault in source.faults),
            *(fault for sweep in self.sweeps for fault in sweep.faults),
            *(
                f"torn: {what} ({tenant}, {event})"
                for what, tenant, event in faults(self.superuser)
            ),
            *([f"{n} buried messages"] if (n := self.base.dead_letters.depth()) else []),
            *([f"{n} messages for accept"] if (n := self.base.queue.depth()) else []),
        ]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is pending, and nothing is on a queue."""
        return not self.pending() and not any(q.depth() for q in self.queues.values())


def _account(document: Mapping[str, Any]) -> Account:
    attempts = document["delivery"]["attempts"]
    ends = [
        datetime.fromisoformat(one["at"]).timestamp() + one["duration_ms"] / 1000
        for one in attempts
        if one["outcome"] == "delivered"
    ]
    return Account(
        attempts=len(attempts),
        unknown=sum(one["outcome"] == "unknown" for one in attempts),
        received_at=datetime.fromisoformat(document["received_at"]).timestamp(),
        delivered_at=min(ends, default=None),
    )
