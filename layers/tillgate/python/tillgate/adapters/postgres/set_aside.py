"""What is in quarantine, as the admin role sees it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, LiteralString

import psycopg

from tillgate.adapters.postgres.audit import note
from tillgate.adapters.postgres.claimed_delivery import (
    PostgresClaimedDelivery,
    opened,
    set_aside,
)
from tillgate.adapters.postgres.connection import refusals_as_unavailable
from tillgate.domain.audit import Action, Deed
from tillgate.domain.errors import StoreRefusedError
from tillgate.domain.quarantine import Reason
from tillgate.domain.set_aside import MAX_DISCARDED, Place, SetAsideGroup, Standing
from tillgate.domain.tenant import TenantId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tillgate.adapters.postgres.connection import Database
    from tillgate.adapters.postgres.deadline_connection import Row
    from tillgate.domain.ports import SecretBox
    from tillgate.domain.set_aside import OpenedDelivery, SetAside, SetAsideFilter

_LIST: LiteralString = """
    SELECT q.quarantine_id::text, q.reason, q.provider, q.tenant_id::text, q.endpoint_id::text,
        q.events, q.sealed_bytes, q.rid, q.received_at, q.expires_at
    FROM tillgate.quarantine_list(%s, %s, %s, %s, %s, %s, %s, %s, %s) AS q
"""
_PLAN: LiteralString = """
    SELECT p.reason, p.provider, p.tenant_id::text, t.slug, p.endpoint_id::text, p.count,
        p.events, p.oldest, p.newest
    FROM tillgate.quarantine_plan(%s, %s, %s, %s, %s, %s) AS p
    LEFT JOIN tillgate.tenant AS t ON t.tenant_id = p.tenant_id
    ORDER BY p.reason, p.provider, t.slug, p.endpoint_id
"""
_COUNT: LiteralString = """
    SELECT coalesce(sum(p.count), 0)
    FROM tillgate.quarantine_plan(%s, %s, %s, %s, %s, %s) AS p
"""
_FIND: LiteralString = """
    SELECT q.quarantine_id::text, q.reason, q.provider, q.tenant_id::text, q.endpoint_id::text,
        q.events, q.sealed_bytes, q.rid, q.received_at, q.expires_at, q.sealed_content
    FROM tillgate.quarantine_find(%s, %s) AS q
"""
_NEXT: LiteralString = """
    SELECT q.received_at, q.quarantine_id::text
    FROM tillgate.quarantine_next(%s, %s, %s, %s, %s, %s, %s, %s, %s) AS q
"""
_CLAIM: LiteralString = """
    SELECT q.standing, q.quarantine_id::text, q.reason, q.provider, q.tenant_id::text,
        q.endpoint_id::text, q.events, q.sealed_bytes, q.rid, q.received_at, q.expires_at,
        q.sealed_content
    FROM tillgate.quarantine_claim(%s) AS q
"""
_DISCARD: LiteralString = (
    "SELECT d.tenant_id::text, d.count"
    " FROM tillgate.quarantine_discard_each(%s, %s, %s, %s, %s, %s, %s::uuid[], %s) AS d"
)


class PostgresSetAside:
    """Implements SetAsideDeliveries. ``within_seconds`` is the deadline of one call or claim."""

    def __init__(self, database: Database, secret_box: SecretBox, *, within_seconds: float) -> None:
        self._database = database
        self._secret_box = secret_box
        self._within_seconds = within_seconds

    def page(self, chosen: SetAsideFilter, *, limit: int, before: Place | None) -> list[SetAside]:
        params = (*_filters(chosen), *(before or (None, None)), limit)
        return [set_aside(row) for row in self._rows(_LIST, params)]

    def plan(self, chosen: SetAsideFilter) -> list[SetAsideGroup]:
        return [_group(row) for row in self._rows(_PLAN, _filters(chosen))]

    def find(self, quarantine_id: str) -> SetAside | None:
        rows = self._rows(_FIND, (quarantine_id, False))
        return set_aside(rows[0][:-1]) if rows else None

    def open(self, quarantine_id: str) -> tuple[SetAside, OpenedDelivery] | None:
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            rows = cursor.execute(_FIND, (quarantine_id, True)).fetchall()
            if not rows:
                return None
            head = set_aside(rows[0][:-1])
            target = ("quarantine", quarantine_id)
            deed = Deed(Action.QUARANTINE_CONTENT_READ, tenant_id=head.tenant_id, target=target)
            note(self._database, cursor, deed)
        # Opened once it is written down for good that it was.
        return head, opened(self._secret_box, head, rows[0][-1])

    def next(self, chosen: SetAsideFilter, *, limit: int, after: Place | None) -> list[Place]:
        params = (*_filters(chosen), *(after or (None, None)), limit)
        return [Place(at.astimezone(UTC), id_) for at, id_ in self._rows(_NEXT, params)]

    @contextmanager
    def claim(self, quarantine_id: str) -> Iterator[PostgresClaimedDelivery | Standing]:
        try:
            with (
                refusals_as_unavailable,
                self._database.transaction(within_seconds=self._within_seconds) as cursor,
            ):
                cursor.execute(_CLAIM, (quarantine_id,))
                [(standing, *row)] = cursor.fetchall()
                if standing == "claimed":
                    head = set_aside(tuple(row[:-1]))
                    yield PostgresClaimedDelivery(
                        self._database, cursor, self._secret_box, head, row[-1]
                    )
                else:
                    yield Standing(standing)
        except psycopg.DataError as error:
            # What it holds was checked when it came: here, too, it is ours to mend.
            raise StoreRefusedError("the database refuses what was set aside") from error

    def discard(
        self, chosen: SetAsideFilter, *, ids: Sequence[str] | None, count: int
    ) -> int | None:
        filters = _filters(chosen)
        with self._database.transaction(within_seconds=self._within_seconds) as cursor:
            # One more than there should be; of very many, which are counted, a step's.
            limit = count + 1
            if count > MAX_DISCARDED:
                cursor.execute(_COUNT, filters)
                [(found,)] = cursor.fetchall()
                if found != count:
                    return None
                limit = MAX_DISCARDED
            cursor.execute(_DISCARD, (*filters, None if ids is None else list(ids), limit))
            by_tenant = cursor.fetchall()
            discarded = sum(int(number) for _, number in by_tenant)
            if discarded == min(count, MAX_DISCARDED):
                for tenant_id, number in by_tenant:
                    details = {"count": int(number), "by_ids": ids is not None}
                    deed = Deed(Action.QUARANTINE_DISCARDED, tenant_id=tenant_id, details=details)
                    note(self._database, cursor, deed)
                return discarded
            cursor.execute("ROLLBACK AND CHAIN")
            return None

    def _rows(self, query: LiteralString, params: Sequence[object]) -> list[Row]:
        return self._database.rows(query, params, within_seconds=self._within_seconds)


def _filters(chosen: SetAsideFilter) -> tuple[object, ...]:
    return (
        chosen.tenant_id,
        chosen.endpoint_id,
        chosen.provider,
        chosen.reason.value if chosen.reason else None,
        chosen.since,
        chosen.until,
    )


def _group(row: Row) -> SetAsideGroup:
    reason, provider, tenant_id, slug, endpoint_id, count, events, oldest, newest = row
    return SetAsideGroup(
        reason=Reason(reason), provider=provider,
        tenant_id=TenantId(tenant_id) if tenant_id else None, slug=slug, endpoint_id=endpoint_id,
        count=count, events=events, oldest=oldest.astimezone(UTC),
        newest=newest.astimezone(UTC),
    )  # fmt: skip
