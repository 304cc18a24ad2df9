"""Deliveries into a tenant's own Supabase, through PostgREST, and taking one away again.

The table is ops/supabase/schema.sql's. Rows whose event_id is there already are left alone, so
a request may be repeated. https://docs.postgrest.org/en/stable/references/api/tables_views.html
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tillgate.adapters.outbound_http import OutboundError
from tillgate.domain.delivery import Delivered, GaveUp, RetryLater
from tillgate.domain.destination_address import destination_flaw
from tillgate.domain.enrichment import EnrichmentState
from tillgate.domain.retry import retry_after_seconds
from tillgate.domain.timestamps import instant, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tillgate.adapters.outbound_http import OutboundAnswer, OutboundHttp
    from tillgate.domain.delivery import Destination, OutgoingEvent, SendResult
    from tillgate.domain.tenant import EventId, TenantId

TABLE_PATH = "/rest/v1/tillgate_event"

# With return=minimal each of them comes with an empty body.
_TAKEN = frozenset({200, 201, 204})
# They ask for another try, by their meaning (RFC 9110, RFC 8470, RFC 6585) or, 409, because
# a row that another transaction holds may be gone by then.
_PASSING = frozenset({408, 409, 425, 429})
# The address is wrong for good; any other redirect may be a page that says "back soon".
_MOVED_FOR_GOOD = frozenset({301, 308})
# SQLSTATE, or PostgREST's own: nothing else out of an answer is worth a reason.
_ERROR_CODE = re.compile(r"[0-9A-Z]{5}|PGRST[0-9X]{1,3}", re.ASCII)
_CLIENT_ERRORS = range(400, 500)


class SupabaseUpstream:
    """Implements Upstream and RemovingUpstream. ``request_seconds`` is for one request as a whole.

    ``budget`` gives the seconds that are left of what the request is part of.
    """

    def __init__(
        self,
        http: OutboundHttp,
        *,
        request_seconds: float,
        allow_private: bool,
        budget: Callable[[], float] = lambda: float("inf"),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._request_seconds = request_seconds
        self._allow_private = allow_private
        self._budget = budget
        self._clock = clock

    def send(
        self, destination: Destination, secret: str, events: Sequence[OutgoingEvent]
    ) -> SendResult:
        flaw = self._flaw(destination, secret)
        if flaw is not None:
            return flaw
        origin, path = _table(destination)
        try:
            answer = self._http.post(
                origin,
                path,
                {
                    **_authorised(secret),
                    "Content-Type": "application/json",
                    "Prefer": "resolution=ignore-duplicates,return=minimal",
                },
                rows_text(destination.tenant_id, events).encode(),
                within_seconds=min(self._request_seconds, self._budget()),
            )
        except OutboundError as error:
            return RetryLater(error.reason)
        return _result(answer, now=self._clock())

    def remove(self, destination: Destination, secret: str, event_id: EventId) -> SendResult:
        flaw = self._flaw(destination, secret)
        if flaw is not None:
            return flaw
        origin, path = _table(destination)
        # Several tenants may share a project.
        row = f"event_id=eq.{event_id}&tenant_id=eq.{destination.tenant_id}"
        try:
            answer = self._http.delete(
                origin,
                f"{path}?{row}",
                {**_authorised(secret), "Prefer": "return=minimal"},
                within_seconds=min(self._request_seconds, self._budget()),
            )
        except OutboundError as error:
            return RetryLater(error.reason)
        return _result(answer, now=self._clock())

    def _flaw(self, destination: Destination, secret: str) -> GaveUp | None:
        if destination_flaw(destination.url, allow_private=self._allow_private) is not None:
            return GaveUp("bad-address")
        if not (secret.isascii() and secret.isprintable()):
            return GaveUp("bad-secret")
        return None

    def close(self) -> None:
        """Let go of all connections; the next request makes another."""
        self._http.close()


def _table(destination: Destination) -> tuple[str, str]:
    parts = urlsplit(destination.url)
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/") + TABLE_PATH


def _authorised(secret: str) -> dict[str, str]:
    return {"apikey": secret, "Authorization": f"Bearer {secret}"}


def rows_text(tenant_id: TenantId, events: Sequence[OutgoingEvent]) -> str:
    """Write the rows as a JSON array, in which numbers stand exactly as they were accepted.

    The columns for what was fetched are named only where something was to be: a table that was
    made before there were such columns goes on taking everything else.
    """
    # PostgREST wants the same members in every row.
    is_enriched = any(one.enrichment.state is not EnrichmentState.NONE for one in events)
    return "[" + ",".join(_row(tenant_id, one, is_enriched=is_enriched) for one in events) + "]"


def _row(tenant_id: TenantId, event: OutgoingEvent, *, is_enriched: bool) -> str:
    members = {
        "event_id": _text(event.event_id),
        "tenant_id": _text(tenant_id),
        "type": _text(event.type),
        "source": _text(event.source_id or "api"),
        "idempotency_key": _text(event.idempotency_key),
        "occurred_at": _text(_moment(event.occurred_at)),
        "entity_id": _text(event.entity_id),
        # Digits, and JSON text: neither is read and written again.
        "entity_version": event.entity_version or "null",
        "data": event.data,
        "received_at": _text(rfc3339(event.received_at)),
        "stored_at": _text(rfc3339(event.stored_at)),
    }
    if is_enriched:
        members |= {
            "object": event.enrichment.object or "null",
            "enrichment": _text(event.enrichment.state),
            "enrichment_reason": _text(event.enrichment.reason),
        }
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"


def _moment(text: str | None) -> str | None:
    """Write it as Postgres reads it too, which takes fewer forms than RFC 3339 allows."""
    moment = instant(text) if text is not None else None
    return text if moment is None else rfc3339(moment)


def _text(value: str | None) -> str:
    return json.dumps(value)


def _result(answer: OutboundAnswer, *, now: datetime) -> SendResult:
    status = answer.status
    if status in _TAKEN and not answer.body:
        return Delivered(status)
    if status < 300:  # noqa: PLR2004  Success, by the word of somebody who is not PostgREST.
        return RetryLater("unexpected-answer", status)
    if status in _PASSING or (status not in _CLIENT_ERRORS and status not in _MOVED_FOR_GOOD):
        asked = answer.headers.get("retry-after")
        after = None if asked is None else retry_after_seconds(asked, now=now)
        return RetryLater(f"http-{status}", status, after)
    code = _error_code(answer.body)
    return GaveUp(f"http-{status}-{code}" if code else f"http-{status}", status)


def _error_code(body: bytes) -> str | None:
    """Give the code out of an error of PostgREST's, and nothing else of it."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    code = document.get("code") if isinstance(document, dict) else None
    return code if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else None
