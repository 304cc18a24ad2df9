"""Every problem that can be answered, with an example as it is really answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tillgate.domain import errors
from tillgate.domain.errors import Fault
from tillgate.domain.tenant import EventId, RateLimit
from tillgate.entrypoints.problems import problem

EXAMPLE_RID = "7f3c9a52e1b84d06a2c5d81f90e3b467"
EXAMPLE_EVENT_ID = "01a207d9-2607-7716-9e0b-6a4f1d2c8b35"


@dataclass(frozen=True, slots=True)
class ProblemDoc:
    """A problem's name, what to do about it, and an error that stands for it."""

    mend: str
    error: errors.TillgateError

    @property
    def document(self) -> dict[str, Any]:
        """Give the document as it is answered."""
        return {**problem(self.error), "rid": EXAMPLE_RID}


_BY_TYPE = [
    ProblemDoc(
        "Send `Authorization: Bearer <token>` with a token that was not revoked. For a provider's "
        "hook: check the secret, and that the URL is the registered one to the letter.",
        errors.UnauthenticatedError("Send a valid API token: Authorization: Bearer tg_live_..."),
    ),
    ProblemDoc(
        "Leave `X-Tenant-Id` out, or send the id of the tenant whose token you use.",
        errors.TenantMismatchError("X-Tenant-Id names another tenant than the token does."),
    ),
    ProblemDoc(
        "Ask the operator why. Keep your events, and send them when the tenant is resumed.",
        errors.TenantSuspendedError("The operator has suspended this tenant."),
    ),
    ProblemDoc(
        "Wait for `Retry-After` seconds, and repeat the call. `RateLimit-Policy` says how many "
        "events (`q`) may come in how many seconds (`w`); each item of a batch counts as one, and "
        "so does a duplicate. Reads and replays have a budget of their own, of the same size. If "
        "you need more, ask the operator.",
        errors.RateLimitedError(RateLimit(100, 1000), retry_seconds=3),
    ),
    ProblemDoc(
        "Check the path and the id. Another tenant's event is answered in the same way.",
        errors.NotFoundError("There is no such event."),
    ),
    ProblemDoc(
        "Use one of the methods in the `Allow` header.",
        errors.MethodNotAllowedError(["GET", "POST"]),
    ),
    ProblemDoc(
        "Send `Content-Type: application/json`, with or without `charset=utf-8`.",
        errors.UnsupportedMediaTypeError("Send the body as application/json, in UTF-8."),
    ),
    ProblemDoc(
        "Send less at once: split a batch, or keep large documents elsewhere and send a link.",
        errors.PayloadTooLargeError(1024 * 1024),
    ),
    ProblemDoc(
        "Add an `Idempotency-Key` header that is unique to the event, such as your own id of it.",
        errors.IdempotencyKeyRequiredError(
            "Send an Idempotency-Key header that is unique to this event, so that it is safe to"
            " repeat the call."
        ),
    ),
    ProblemDoc(
        "Use 1 to 255 visible ASCII characters without comma, quote or backslash; or one whole "
        "quoted string.",
        errors.IdempotencyKeyInvalidError("The key is longer than 255 characters."),
    ),
    ProblemDoc(
        "The first event's id is in `event_id`. If yours is another event, or corrects that one, "
        "send it with a key of its own.",
        errors.IdempotencyKeyReusedError(EventId(EXAMPLE_EVENT_ID)),
    ),
    ProblemDoc(
        "Send one JSON value in UTF-8: no duplicate keys, no NaN, at most 64 levels deep.",
        errors.InvalidJsonError("An object holds the same key twice."),
    ),
    ProblemDoc(
        "Mend each fault in `errors`; `pointer` says where it is (RFC 6901).",
        errors.InvalidEventError(
            [
                Fault("/data", "is required"),
                Fault("/price", "is not a field of an event"),
            ]
        ),
    ),
    ProblemDoc(
        "Mend each parameter that `errors` names. Nothing is clamped or ignored.",
        errors.InvalidQueryError([Fault("/limit", "must be a whole number from 1 to 200")]),
    ),
    ProblemDoc(
        "Mend each fault in `errors`; `pointer` says where it is (RFC 6901).",
        errors.InvalidRequestError([Fault("/slug", "is required")]),
    ),
    ProblemDoc(
        "Choose another slug, or look for the tenant that has it: `?slug=`.",
        errors.SlugTakenError("There is a tenant with the slug corner-cafe already."),
    ),
    ProblemDoc(
        "A merchant is bound to one source of an app. See which tenant has it before binding anew.",
        errors.MerchantTakenError("This app has a source for the merchant MLEFBHHSJGVHD already."),
    ),
    ProblemDoc(
        "Suspend the tenant first: POST .../suspend. Nothing was changed.",
        errors.TenantNotSuspendedError("Suspend it first: nothing was removed."),
    ),
    ProblemDoc(
        "Set one first: PUT .../destination. Until then events are kept, and can be delivered "
        "later by a replay.",
        errors.NoDestinationError("The tenant has no destination to deliver to."),
    ),
    ProblemDoc(
        "Read the plan again, and confirm what it says now. Nothing was discarded.",
        errors.DeadLettersChangedError(
            "There are not 12 such dead letters, or no more: look at the plan again."
        ),
    ),
    ProblemDoc(
        "Repeat the call in a few seconds. Nothing was removed, and no other attempt is begun.",
        errors.DeliveryUnderWayError("An attempt to deliver it has begun, and has not ended yet."),
    ),
    ProblemDoc(
        "Look at the list: a pending endpoint has no secret to rotate, of two that are good the "
        "older one has to be retired or replaced, and a token has one successor.",
        errors.RotationConflictError(
            "A rotation is under way: the secret before this one is still good. Ask for that one"
            " to be replaced, which ends it at once, or retire it first."
        ),
    ),
    ProblemDoc(
        "Read the plan again, and confirm what it says now. Nothing was discarded.",
        errors.QuarantineChangedError(
            "There are not 12 such deliveries, or no more: look at the plan again."
        ),
    ),
    ProblemDoc(
        "Repeat the call after `Retry-After` seconds. With the database unreachable an event is "
        "still taken, and answered as `queued`; this answer means that it could not be kept at "
        "all, or that it cannot be told whose token it is. An event is safe to repeat with the "
        "same key: it was not stored, or it will be recognised. Whether a call that adds a tenant, "
        "token, app or source did so is not known: list them before you repeat it.",
        errors.StoreUnavailableError("no answer"),
    ),
]
PROBLEMS: dict[str, ProblemDoc] = {str(doc.document["type"]): doc for doc in _BY_TYPE}

INTERNAL = {
    "type": "internal",
    "title": "Internal server error",
    "status": 500,
    "detail": "Something failed here. Repeating the call with the same key is safe.",
    "rid": EXAMPLE_RID,
}
INTERNAL_MEND = (
    "A fault of Tillgate's. Tell the operator the `rid`; repeating the call with the same key is "
    "safe."
)
