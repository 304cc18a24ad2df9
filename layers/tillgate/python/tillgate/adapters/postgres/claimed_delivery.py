"""A delivery of quarantine while it is tried again: one transaction, from the claim to its end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, LiteralString

from tillgate.adapters.postgres.audit import note
from tillgate.adapters.postgres.quarantine import quarantine_seal_context
from tillgate.adapters.postgres.registry import PostgresRegistry
from tillgate.adapters.quarantine_form import Opened, decode, encode_opened
from tillgate.domain.audit import Action, Deed
from tillgate.domain.event import Accepted, Outcome
from tillgate.domain.json_writer import json_writer
from tillgate.domain.quarantine import Reason
from tillgate.domain.set_aside import OpenedDelivery, SetAside
from tillgate.domain.tenant import EventId, TenantId, TenantState
from tillgate.domain.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from tillgate.adapters.postgres.audit import ActedOn
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.event import NewEvent
    from tillgate.domain.ports import EventStore, Registry, SecretBox
    from tillgate.domain.set_aside import Remainder

_ACCEPT: LiteralString = "SELECT tillgate.quarantine_accept(%s, %s, %s)::text"
_STATE: LiteralString = "SELECT t.state FROM tillgate.tenant AS t WHERE t.tenant_id = %s"
_SETTLE: LiteralString = """
    SELECT tillgate.quarantine_settle(
        %s, %s, %s, %s::uuid[], %s::text[], %s::uuid[], %s::integer[], %s::bytea[]
    )
"""
_write_items = json_writer(ensure_ascii=False)


class PostgresClaimedDelivery:
    """Implements ClaimedDelivery and EventStore, and is the rows that its registry asks for."""

    def __init__(
        self,
        database: ActedOn,
        cursor: psycopg.Cursor[Row],
        secret_box: SecretBox,
        head: SetAside,
        sealed: bytes,
    ) -> None:
        self._database = database
        self._cursor = cursor
        self._secret_box = secret_box
        self._head = head
        self._sealed = sealed
        # How many events were new, by tenant: a delivery to an app may hold those of several.
        self._stored: dict[TenantId, int] = {}

    @property
    def head(self) -> SetAside:
        return self._head

    @property
    def events(self) -> EventStore:
        return self

    @property
    def registry(self) -> Registry:
        # The deadline is the transaction's.
        return PostgresRegistry(self, within_seconds=0.0)

    def open(self) -> OpenedDelivery:
        return opened(self._secret_box, self._head, self._sealed)

    def rows(
        self,
        query: LiteralString,
        params: Sequence[object] = (),
        *,
        within_seconds: float,  # noqa: ARG002  The deadline is the transaction's.
    ) -> list[Row]:
        """Run one statement in the claim's transaction."""
        self._cursor.execute(query, params)
        return self._cursor.fetchall()

    def accept(
        self, tenant_id: TenantId, events: Sequence[NewEvent], *, received_at: datetime
    ) -> list[Accepted]:
        received = rfc3339(received_at)
        items = [{**event.document(), "received_at": received} for event in events]
        self._cursor.execute(_ACCEPT, (self._head.quarantine_id, tenant_id, _write_items(items)))
        [(answers,)] = self._cursor.fetchall()
        accepted = [_accepted(answer) for answer in json.loads(answers)]
        news = sum(one.outcome is Outcome.NEW for one in accepted)
        self._stored[tenant_id] = self._stored.get(tenant_id, 0) + news
        return accepted

    def tenant_state(self, tenant_id: TenantId) -> TenantState | None:
        self._cursor.execute(_STATE, (tenant_id,))
        rows = self._cursor.fetchall()
        return TenantState(rows[0][0]) if rows else None

    def settle(self, remaining: Sequence[Remainder]) -> None:
        first = remaining[0] if remaining else self._head
        self._cursor.execute(
            _SETTLE,
            (
                self._head.quarantine_id,
                first.provider,
                first.endpoint_id,
                [one.quarantine_id for one in remaining],
                [one.reason.value for one in remaining],
                [one.tenant_id for one in remaining],
                [one.events for one in remaining],
                [self._sealed_anew(one) for one in remaining],
            ),
        )
        nobody_new = [self._head.tenant_id or first.tenant_id]
        for tenant_id in self._stored or nobody_new:
            stored = self._stored.get(tenant_id, 0) if tenant_id else 0
            deed = Deed(
                Action.QUARANTINE_RETRIED,
                tenant_id=tenant_id,
                target=("quarantine", self._head.quarantine_id),
                details={"stored": stored, "remaining": len(remaining)},
            )
            note(self._database, self._cursor, deed)

    def _sealed_anew(self, remainder: Remainder) -> bytes:
        """Seal the delivery for what is left of it: sealed text is bound to its own row."""
        known = self.open()
        plain = encode_opened(
            Opened(known.headers, known.content, remainder.part, known.address, known.is_cut)
        )
        context = quarantine_seal_context(remainder.quarantine_id)
        return self._secret_box.seal(plain, context=context)


def set_aside(row: Row) -> SetAside:
    """Make a head of a row, without the sealed content."""
    (
        quarantine_id, reason, provider, tenant_id, endpoint_id, events, sealed_bytes, rid,
        received_at, expires_at,
    ) = row  # fmt: skip
    return SetAside(
        quarantine_id=quarantine_id, reason=Reason(reason), provider=provider,
        tenant_id=TenantId(tenant_id) if tenant_id else None, endpoint_id=endpoint_id,
        events=events, sealed_bytes=sealed_bytes, rid=rid,
        received_at=received_at.astimezone(UTC), expires_at=expires_at.astimezone(UTC),
    )  # fmt: skip


def opened(secret_box: SecretBox, head: SetAside, sealed: bytes) -> OpenedDelivery:
    """Raises SealBrokenError, and SecretUnavailableError without a key ring."""
    plain = secret_box.open(bytes(sealed), context=quarantine_seal_context(head.quarantine_id))
    found = decode(plain, reason=head.reason)
    return OpenedDelivery(
        headers=found.headers, content=found.content, part=found.part, address=found.address,
        is_cut=found.is_cut,
    )  # fmt: skip


def _accepted(answer: Mapping[str, str]) -> Accepted:
    return Accepted(
        Outcome(answer["outcome"]),
        EventId(answer["event_id"]),
        datetime.fromisoformat(answer["received_at"]).astimezone(UTC),
    )
