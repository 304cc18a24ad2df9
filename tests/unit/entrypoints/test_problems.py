from __future__ import annotations

import json

import pytest

from tillgate.domain import errors
from tillgate.domain.errors import Fault
from tillgate.domain.tenant import EventId
from tillgate.entrypoints.problems import problem, problem_response, unexpected_response

FAULTS = [Fault("/type", "is required"), Fault("/a~1b", "is not a field of an event")]
# HTTP.md's words and statuses.
CONTRACT = [
    (errors.InvalidJsonError("why"), "invalid-json", 400),
    (errors.InvalidEventError(FAULTS), "invalid-event", 422),
    (errors.InvalidQueryError(FAULTS), "invalid-query", 422),
    (errors.IdempotencyKeyRequiredError("why"), "idempotency-key-required", 400),
    (errors.IdempotencyKeyInvalidError("why"), "idempotency-key-invalid", 400),
    (errors.IdempotencyKeyReusedError(EventId("e-1")), "idempotency-key-reused", 422),
    (errors.UnauthenticatedError("why"), "unauthenticated", 401),
    (errors.TenantMismatchError("why"), "tenant-mismatch", 403),
    (errors.TenantSuspendedError("why"), "tenant-suspended", 403),
    (errors.UnsupportedMediaTypeError("why"), "unsupported-media-type", 415),
    (errors.PayloadTooLargeError(1024), "payload-too-large", 413),
    (errors.NotFoundError("why"), "not-found", 404),
    (errors.MethodNotAllowedError(["GET"]), "method-not-allowed", 405),
    (errors.SignatureRefusedError("why"), "unauthenticated", 401),
    (errors.StoreUnavailableError("why"), "unavailable", 503),
    (errors.SecretUnavailableError("why"), "unavailable", 503),
]


@pytest.mark.parametrize(("error", "kind", "status"), CONTRACT)
def test_every_error_is_a_problem(error: errors.TillgateError, kind: str, status: int) -> None:
    answer = problem_response(error, rid="r-1")
    body = json.loads(answer["body"])

    assert (body["type"], body["status"], answer["statusCode"]) == (kind, status, status)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body["rid"] == answer["headers"]["X-Request-Id"] == "r-1"
    assert body["title"]
    assert body["detail"]


@pytest.mark.parametrize(
    "error", [errors.InvalidEventError(FAULTS), errors.InvalidQueryError(FAULTS)]
)
def test_every_fault_is_listed_with_its_pointer(error: errors.TillgateError) -> None:
    assert problem(error)["errors"] == [
        {"pointer": "/type", "detail": "is required"},
        {"pointer": "/a~1b", "detail": "is not a field of an event"},
    ]


def test_a_reused_key_names_the_first_event() -> None:
    assert problem(errors.IdempotencyKeyReusedError(EventId("e-1")))["event_id"] == "e-1"


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.UnauthenticatedError(), {"WWW-Authenticate": "Bearer"}),
        (errors.StoreUnavailableError(), {"Retry-After": "5"}),
        (errors.SecretUnavailableError(), {"Retry-After": "5"}),
        (errors.MethodNotAllowedError(["GET", "POST"]), {"Allow": "GET, POST"}),
    ],
)
def test_what_a_caller_should_do_next_is_a_header(
    error: errors.TillgateError, headers: dict[str, str]
) -> None:
    assert headers.items() <= problem_response(error, rid="r")["headers"].items()


@pytest.mark.parametrize(
    "error",
    [
        errors.StoreUnavailableError("connection to db.internal failed: SELECT secret"),
        errors.SecretUnavailableError("connection to db.internal failed: SELECT secret"),
    ],
)
def test_what_failed_on_our_side_is_not_told(error: errors.TillgateError) -> None:
    answer = problem_response(error, rid="r")

    assert "db.internal" not in answer["body"]
    assert "SELECT" not in answer["body"]


@pytest.mark.parametrize("error", [errors.StoreUnavailableError(), errors.SecretUnavailableError()])
def test_what_is_said_while_unavailable_is_true_of_reads_and_admin_calls_too(
    error: errors.TillgateError,
) -> None:
    document = problem(error)

    assert document["title"] == "Tillgate cannot answer right now"
    assert "stored;" not in document["title"] + document["detail"]
    assert "look first whether it was added" in document["detail"]


def test_an_error_that_nobody_gave_a_line_is_ours_and_says_nothing() -> None:
    class NewError(errors.TillgateError):
        """Nobody thought of a line for it."""

    answer = problem_response(NewError("db.internal"), rid="r")

    assert answer["statusCode"] == 500
    assert "db.internal" not in answer["body"]


def test_an_unforeseen_error_is_a_problem_too() -> None:
    answer = unexpected_response(rid="r")

    assert answer["statusCode"] == 500
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"]).keys() == {"type", "title", "status", "detail", "rid"}
