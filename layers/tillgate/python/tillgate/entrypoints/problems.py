"""Errors out: every TillgateError as application/problem+json (RFC 9457), by one table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tillgate.domain import errors
from tillgate.entrypoints.http import LambdaResponse, response

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
# A body of a mebibyte can hold a hundred thousand faults, and Lambda takes 6 MB of answer.
MAX_FAULTS = 100

# type, status, title. A problem's type is a relative reference, resolved nowhere: the
# names are the contract, and /docs explains each.
_PROBLEMS: dict[type[errors.TillgateError], tuple[str, int, str]] = {
    errors.InvalidJsonError: ("invalid-json", 400, "The body is not valid JSON"),
    errors.InvalidEventError: ("invalid-event", 422, "The body is not an event"),
    errors.InvalidQueryError: ("invalid-query", 422, "A query parameter does not fit"),
    errors.InvalidRequestError: ("invalid-request", 422, "The body does not fit this call"),
    errors.IdempotencyKeyRequiredError: (
        "idempotency-key-required",
        400,
        "The Idempotency-Key header is missing",
    ),
    errors.IdempotencyKeyInvalidError: (
        "idempotency-key-invalid",
        400,
        "The Idempotency-Key header holds no usable key",
    ),
    errors.IdempotencyKeyReusedError: (
        "idempotency-key-reused",
        422,
        "The key belongs to another event",
    ),
    errors.UnauthenticatedError: ("unauthenticated", 401, "A valid token is needed"),
    errors.TooManyAttemptsError: ("too-many-attempts", 429, "Too many attempts"),
    errors.FormRefusedError: ("form-refused", 403, "The form was not sent from its own page"),
    errors.TenantMismatchError: ("tenant-mismatch", 403, "The token is another tenant's"),
    errors.TenantSuspendedError: ("tenant-suspended", 403, "The tenant is suspended"),
    errors.RateLimitedError: ("rate-limited", 429, "The tenant is over its rate"),
    errors.UnsupportedMediaTypeError: (
        "unsupported-media-type",
        415,
        "The content type must be application/json",
    ),
    errors.PayloadTooLargeError: ("payload-too-large", 413, "The body is too large"),
    errors.NotFoundError: ("not-found", 404, "There is no such thing here"),
    errors.MethodNotAllowedError: ("method-not-allowed", 405, "The method is not allowed here"),
    errors.SlugTakenError: ("slug-taken", 409, "Another tenant has this slug"),
    errors.MerchantTakenError: ("merchant-taken", 409, "The merchant is bound already"),
    errors.TenantNotSuspendedError: ("tenant-not-suspended", 409, "The tenant is not suspended"),
    errors.NoDestinationError: ("no-destination", 409, "The tenant has no destination"),
    errors.DeadLettersChangedError: (
        "dead-letters-changed",
        409,
        "The dead letters are not those that were confirmed",
    ),
    errors.DeliveryUnderWayError: (
        "delivery-under-way",
        409,
        "The event is being delivered right now",
    ),
    errors.RotationConflictError: (
        "rotation-conflict",
        409,
        "This cannot be rotated as it stands",
    ),
    errors.QuarantineChangedError: (
        "quarantine-changed",
        409,
        "What is in quarantine is not what was confirmed",
    ),
    errors.SignatureRefusedError: ("unauthenticated", 401, "The delivery is not authentic"),
    errors.StoreUnavailableError: ("unavailable", 503, "Tillgate cannot answer right now"),
    # With the queue down as well it is stored after all: nobody gets this for a rate alone.
    errors.OverRateError: ("unavailable", 503, "Tillgate cannot answer right now"),
    errors.QueueUnavailableError: ("unavailable", 503, "Tillgate cannot answer right now"),
    errors.ObjectsUnavailableError: ("unavailable", 503, "Tillgate cannot answer right now"),
    errors.SecretUnavailableError: ("unavailable", 503, "Tillgate cannot answer right now"),
    # What has no line of its own is a fault of ours, and gets an answer all the same.
    errors.TillgateError: ("internal", 500, "Internal server error"),
}
# What is wrong on our side is the log's business, not the caller's.
_OUR_FAULT_DETAIL = (
    "Try again in a moment. An event is safe to repeat with the same key, which stores it once; "
    "if the call adds anything else, look first whether it was added."
)


def problem(error: errors.TillgateError, *, max_faults: int = MAX_FAULTS) -> dict[str, Any]:
    """Give the problem document of an error, without the rid.

    Of more than ``max_faults`` faults, the first are named and the rest counted.
    """
    kind, status, title = next(_PROBLEMS[cls] for cls in type(error).__mro__ if cls in _PROBLEMS)
    document: dict[str, Any] = {
        "type": kind,
        "title": title,
        "status": status,
        "detail": str(error) if isinstance(error, errors.SenderError) else _OUR_FAULT_DETAIL,
    }
    if isinstance(
        error, (errors.InvalidEventError, errors.InvalidQueryError, errors.InvalidRequestError)
    ):
        document["errors"] = [
            {"pointer": fault.pointer, "detail": fault.detail}
            for fault in _at_most(max_faults, error.faults)
        ]
    if isinstance(error, errors.IdempotencyKeyReusedError):
        document["event_id"] = error.event_id
    return document


def _at_most(limit: int, faults: tuple[errors.Fault, ...]) -> tuple[errors.Fault, ...]:
    if len(faults) <= limit:
        return faults
    return (*faults[:limit], errors.Fault("", f"and {len(faults) - limit} more faults"))


def problem_response(error: errors.TillgateError, *, rid: str) -> LambdaResponse:
    """Answer an error that Tillgate raised on purpose."""
    document = problem(error)
    return _answer(document, rid=rid, headers=problem_headers(error))


def unexpected_response(*, rid: str) -> LambdaResponse:
    """Answer an error that nobody foresaw; it says nothing of the cause."""
    document = {
        "type": "internal",
        "title": "Internal server error",
        "status": 500,
        "detail": "Something failed here. Repeating the call with the same key is safe.",
    }
    return _answer(document, rid=rid, headers={})


def problem_headers(error: errors.TillgateError) -> dict[str, str]:
    """Give what the answer says beside the document."""
    if isinstance(error, (errors.UnauthenticatedError, errors.SignatureRefusedError)):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.TooManyAttemptsError):
        return {"Retry-After": str(error.wait_seconds)}
    if isinstance(error, errors.UpstreamError):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, errors.RateLimitedError):
        return _rate_headers(error)
    if isinstance(error, errors.MethodNotAllowedError):
        return {"Allow": ", ".join(error.allowed)}
    return {}


def _rate_headers(error: errors.RateLimitedError) -> dict[str, str]:
    """Say the limit as the draft for it has it: a burst, over the time in which it fills again.

    Who keeps to that is never refused, however it spreads its events over that time.
    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
    """
    rate, burst = error.limit
    return {
        "Retry-After": str(error.retry_seconds),
        "RateLimit": f'"tenant";r=0;t={error.retry_seconds}',
        "RateLimit-Policy": f'"tenant";q={burst};w={-(-burst // rate)}',
    }


def _answer(document: dict[str, Any], *, rid: str, headers: Mapping[str, str]) -> LambdaResponse:
    return response(
        int(document["status"]),
        json.dumps({**document, "rid": rid}, separators=(",", ":")),
        rid=rid,
        content_type=CONTENT_TYPE,
        headers=headers,
    )
