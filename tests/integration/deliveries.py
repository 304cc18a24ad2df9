"""A database of a test's own with events to deliver, and each role's part in delivering them."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString, Self

from tests.integration.events import NOW, event
from tillgate.adapters.postgres.connection import Database
from tillgate.adapters.postgres.event_store import PostgresEventStore
from tillgate.domain.tenant import EventId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.integration.testdatabase import Connection, TestDatabase
    from tillgate.domain.tenant import TenantId

AT = "2026-11-23T10:00:00Z"


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that deliver has begun: its id, and what it was given."""

    attempt_id: str
    answer: dict[str, Any]

    @property
    def event_ids(self) -> list[EventId]:
        return [EventId(one["event_id"]) for one in self.answer["events"]]


class DeliveryStand:
    """One connection for each role, made at first use; ``superuser`` sees everything."""

    def __init__(self, database: TestDatabase) -> None:
        self.database = database
        self._stack = ExitStack()
        self.superuser = self._stack.enter_context(database.superuser())
        self.deliver = self._stack.enter_context(database.as_role("deliver"))
        self.admin = self._stack.enter_context(database.as_role("admin"))
        self.events = PostgresEventStore(self.connect("ingest"), within_seconds=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def connect(self, role: str) -> Database:
        made = Database(lambda: self.database.url(role), max_uses=1_000_000)
        self._stack.callback(made.close)
        return made

    def tenant(self, *, has_destination: bool = True) -> TenantId:
        tenant = self.database.add_tenant(f"t-{uuid.uuid4()}")
        if has_destination:
            self.set_destination(tenant)
        return tenant

    def set_destination(self, tenant: TenantId) -> None:
        self.superuser.execute(
            "INSERT INTO tillgate.destination (tenant_id, kind, url, sealed_secret)"
            " VALUES (%s, 'supabase', 'https://example.test', '\\x01')",
            (tenant,),
        )

    def accept(self, tenant: TenantId, count: int = 1) -> list[EventId]:
        new = [event(uuid.uuid4().hex) for _ in range(count)]
        return [one.event_id for one in self.events.accept(tenant, new, received_at=NOW)]

    def begin(self, tenant: TenantId, event_ids: Sequence[str], *, at: str = AT) -> Begun:
        attempt_id = str(uuid.uuid4())
        return Begun(attempt_id, self.begin_again(tenant, event_ids, attempt_id, at=at))

    def begin_again(
        self, tenant: TenantId, event_ids: Sequence[str], attempt_id: str, *, at: str = AT
    ) -> dict[str, Any]:
        row = self.deliver.execute(
            "SELECT tillgate.begin_attempts(%s, %s::uuid[], %s, %s, '10 seconds')",
            (tenant, list(event_ids), attempt_id, at),
        ).fetchone()
        assert row is not None
        answer: dict[str, Any] = row[0]
        return answer

    def record(
        self,
        tenant: TenantId,
        begun: Begun,
        outcome: str,
        *,
        reason: str | None = None,
        is_well: bool | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Let every event of an attempt have this outcome, and be settled by it."""
        state = "pending" if outcome == "retry_later" else outcome
        attempts = [
            {
                "event_id": one, "attempt_id": begun.attempt_id, "at": AT, "outcome": outcome,
                "status": 500, "duration_ms": 12.5, "reason": reason,
            }
            for one in begun.event_ids
        ]  # fmt: skip
        settled = [
            {"event_id": one, "state": state, "reason": reason, "due_seconds": 3600}
            for one in begun.event_ids
        ]
        (connection or self.deliver).execute(
            "SELECT tillgate.record_attempts(%s, %s, %s, %s, 3, '1 hour')",
            (tenant, json.dumps(attempts), json.dumps(settled), is_well),
        )

    def give_up(
        self, tenant: TenantId, event_ids: Sequence[str], *, reason: str = "refused"
    ) -> None:
        self.record(tenant, self.begin(tenant, event_ids), "gave_up", reason=reason)

    def dead_letters(self, tenant: TenantId, count: int, *, reason: str = "refused") -> list[str]:
        """Accept so many and give them up."""
        made: list[str] = []
        while len(made) < count:
            step = self.accept(tenant, min(500, count - len(made)))
            self.give_up(tenant, step, reason=reason)
            made += step
        return made

    def redrive(self, *, per_second: int, tenant: TenantId | None = None) -> str:
        row = self.admin.execute(
            "INSERT INTO tillgate.redrive (tenant_id, per_second) VALUES (%s, %s)"
            " RETURNING redrive_id::text",
            (tenant, per_second),
        ).fetchone()
        assert row is not None
        return str(row[0])

    def redrive_stands(self, redrive_id: str) -> tuple[str, int]:
        row = self.admin.execute(
            "SELECT state, moved FROM tillgate.redrive WHERE redrive_id = %s", (redrive_id,)
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def let_a_second_pass(self) -> None:
        """Let every redrive have its next step now."""
        self.superuser.execute(
            "UPDATE tillgate.redrive SET stepped_at = stepped_at - interval '1 second'"
        )

    def states(self) -> dict[str, int]:
        """Count the deliveries in each state."""
        rows = self.superuser.execute("SELECT state, count(*) FROM tillgate.delivery GROUP BY 1")
        return dict(rows.fetchall())

    def state(self, event_id: str) -> str:
        return str(self.value("SELECT state FROM tillgate.delivery WHERE event_id = %s", event_id))

    def value(self, query: LiteralString, *params: object) -> Any:  # noqa: ANN401  Whatever it is of.
        """Give the one value of a query."""
        row = self.superuser.execute(query, params).fetchone()
        assert row is not None
        return row[0]
