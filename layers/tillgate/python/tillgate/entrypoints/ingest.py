"""``POST /v1/events``, ``/v1/events/batch`` and ``/v1/hooks/...`` in HTTP's words.

The order of checks is the contract's: token, tenant, rate, content type, size, key, JSON, schema.
"""

from __future__ import annotations

import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

from tillgate.domain.errors import (
    IdempotencyKeyInvalidError,
    IdempotencyKeyRequiredError,
    IdempotencyKeyReusedError,
    InvalidEventError,
    InvalidJsonError,
    NotFoundError,
    OverRateError,
    PayloadTooLargeError,
    RateLimitedError,
    SenderError,
    SignatureRefusedError,
    UnsupportedMediaTypeError,
    UpstreamError,
)
from tillgate.domain.event import Outcome
from tillgate.domain.idempotency import idempotency_key
from tillgate.domain.provider import Hook
from tillgate.domain.queued import Queued
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.http import HttpRequest, LambdaResponse, json_response, response
from tillgate.entrypoints.json_body import json_body, limited_body
from tillgate.entrypoints.observability import note
from tillgate.entrypoints.problems import problem
from tillgate.services.hook_items import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.tenant import Caller
    from tillgate.entrypoints.observability import RequestLog
    from tillgate.services.authenticate import Authenticator
    from tillgate.services.hooks import AcceptHook
    from tillgate.services.ingest import BatchAnswer, Ingest
    from tillgate.services.limits import TenantLimits

MAX_HOOK_BODY_BYTES = 4 * 1024 * 1024

_BATCH_STATUS = {
    Outcome.NEW: "stored",
    Outcome.DUPLICATE: "duplicate",
    Outcome.CONFLICT: "conflict",
}
# What is counted of an event that is refused for what it is. Who must not send has sent none.
_REFUSED: dict[type[SenderError], str] = {
    IdempotencyKeyReusedError: "conflict",
    InvalidEventError: "invalid",
    InvalidJsonError: "invalid",
    IdempotencyKeyInvalidError: "invalid",
    IdempotencyKeyRequiredError: "invalid",
    PayloadTooLargeError: "invalid",
    UnsupportedMediaTypeError: "invalid",
    SignatureRefusedError: "refused",
    RateLimitedError: "limited",
}
# Of 500 items, each with its share of an answer that Lambda has to take.
_MAX_FAULTS_AN_ITEM = 10


class IngestRoutes:
    """Answers ingest's three routes."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        ingest: Ingest,
        accept_hook: AcceptHook,
        limits: TenantLimits,
        max_body_bytes: int,
        reconsider: Callable[[], bool] = lambda: False,
    ) -> None:
        """``reconsider`` tells whether the database may be asked after all.

        That is: it was spared this request, because it gave no answer a moment ago, or because
        the tenant is over its rate.
        """
        self._authenticator = authenticator
        self._ingest = ingest
        self._accept_hook = accept_hook
        self._limits = limits
        self._max_body_bytes = max_body_bytes
        self._reconsider = reconsider
        self._routes = {
            "POST /v1/events": self._event,
            "POST /v1/events/batch": self._batch,
            "POST /v1/hooks/{provider}/{endpoint_id}": self._hook,
        }

    def handle(self, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        route = self._routes.get(request.route)
        if route is None:
            raise NotFoundError("There is no such path.")
        try:
            try:
                return route(request, log)
            except UpstreamError:
                # 503 is for when neither store is there, and one of them was not even asked.
                if not self._reconsider():
                    raise
            return route(request, log)
        except SenderError as error:
            outcome = _REFUSED.get(type(error))
            if outcome is not None:
                log.events[outcome] = 1
            raise

    def _event(self, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        caller = self._caller(request, log)
        body = json_body(request, max_body_bytes=self._max_body_bytes)
        key = idempotency_key(request.headers.get("idempotency-key"))
        accepted = self._ingest.accept_event(
            caller,
            body,
            key=key,
            received_at=request.received_at,
            rid=request.rid,
            trace=request.trace,
        )
        if isinstance(accepted, Queued):
            return _queued(accepted, key, request, log)
        log.outcome = accepted.outcome
        duplicate = accepted.outcome is Outcome.DUPLICATE
        log.events["duplicate" if duplicate else "stored"] = 1
        log.fields["event_id"] = accepted.event_id
        return json_response(
            200 if duplicate else 201,
            {
                "event_id": accepted.event_id,
                "status": "stored",
                "duplicate": duplicate,
                "received_at": rfc3339(accepted.received_at),
                "rid": request.rid,
            },
            rid=request.rid,
            headers={"Idempotent-Replayed": "true"}
            if duplicate
            else {"Location": f"/v1/events/{accepted.event_id}"},
        )

    def _batch(self, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        caller = self._caller(request, log)
        body = json_body(request, max_body_bytes=self._max_body_bytes)
        answers = self._ingest.accept_batch(
            caller,
            body,
            received_at=request.received_at,
            rid=request.rid,
            trace=request.trace,
        )
        # The first was charged when the request was let in.
        self._limits.charge(caller.tenant.tenant_id, len(answers) - 1)
        results = [_batch_result(answer) for answer in answers]
        log.events = Counter(result["status"] for result in results)
        log.outcome = "batch"
        log.fields["items"] = len(results)
        queued = [a.accepted for a in answers if isinstance(a.accepted, Queued)]
        if queued:
            log.fields["queued"] = len(queued)
            note(log, queued[0].cause)
        return json_response(200, {"results": results, "rid": request.rid}, rid=request.rid)

    def _hook(self, request: HttpRequest, log: RequestLog) -> LambdaResponse:
        provider = request.path_parameters.get("provider", "")
        log.provider = provider[:32]
        tally = Tally()
        # Filled as it turns out whose the hook is, so that it is known also where it fails.
        log.shares, log.heard = tally.shares, tally.heard
        self._accept_hook.accept(
            Hook(
                hook_id=str(uuid.uuid4()),
                provider=provider,
                endpoint_id=request.path_parameters.get("endpoint_id", ""),
                headers=request.headers,
                body=limited_body(request, max_body_bytes=MAX_HOOK_BODY_BYTES),
                received_at=request.received_at,
                rid=request.rid,
            ),
            tally,
            trace=request.trace,
        )
        log.tenant_id = ",".join(sorted(tally.tenant_ids)) or None
        log.outcome = "handshake" if tally.is_handshake else "hook"
        counts = {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "queued": tally.queued,
            "quarantined": tally.quarantined,
        }
        log.fields.update(counts)
        log.events = {
            "stored": tally.accepted,
            "duplicate": tally.duplicates,
            "queued": tally.queued,
            "quarantined": tally.quarantined,
        }
        if tally.limited:
            log.fields["limited"] = sum(map(len, tally.limited.values()))
        if tally.cause is not None and not isinstance(tally.cause, OverRateError):
            note(log, tally.cause)
        if tally.acknowledgement is not None:
            return response(200, tally.acknowledgement, rid=request.rid, content_type="text/plain")
        return json_response(200, {**counts, "rid": request.rid}, rid=request.rid)

    def _caller(self, request: HttpRequest, log: RequestLog) -> Caller:
        caller = self._authenticator.caller_of(
            request.headers.get("authorization"), request.headers.get("x-tenant-id")
        )
        is_first_try = log.tenant_id is None
        log.tenant_id = caller.tenant.tenant_id
        log.token_digest = caller.token_digest
        if is_first_try:
            self._limits.admit(caller.tenant)
        return caller


def _queued(queued: Queued, key: str, request: HttpRequest, log: RequestLog) -> LambdaResponse:
    """Answer 202: no event_id yet, so no Location; the key finds it once it is stored."""
    log.outcome = "queued"
    log.events["queued"] = 1
    note(log, queued.cause)
    content = {
        "status": "queued",
        "idempotency_key": key,
        "received_at": rfc3339(queued.received_at),
        "rid": request.rid,
    }
    return json_response(202, content, rid=request.rid)


def _batch_result(answer: BatchAnswer) -> dict[str, Any]:
    result: dict[str, Any] = {"idempotency_key": answer.idempotency_key}
    if answer.accepted is None:
        result["status"] = "invalid"
    elif isinstance(answer.accepted, Queued):
        result["status"] = "queued"
    else:
        result["status"] = _BATCH_STATUS[answer.accepted.outcome]
        result["event_id"] = answer.accepted.event_id
    if answer.error is not None:
        result["problem"] = problem(answer.error, max_faults=_MAX_FAULTS_AN_ITEM)
    return result
