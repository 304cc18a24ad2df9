"""Errors as RFC 9457 problems."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

TITLES = {
    "idempotency-key-required": (400, "The Idempotency-Key header is missing"),
    "idempotency-key-invalid": (400, "The Idempotency-Key header cannot be used"),
    "idempotency-key-reused": (422, "The key was used for another event"),
    "invalid-json": (400, "The body is not JSON"),
    "invalid-event": (422, "The body is not an event"),
    "payload-too-large": (413, "The body is too large"),
    "unauthenticated": (401, "No usable token"),
    "forbidden": (403, "Another tenant's token"),
}


class ProblemError(Exception):
    def __init__(self, kind: str, **fields: object) -> None:
        super().__init__(kind)
        self.kind = kind
        self.fields = fields


def problem(kind: str, **fields: object) -> dict[str, Any]:
    status, title = TITLES[kind]
    return {"type": f"/problems/{kind}", "title": title, "status": status, **fields}


def pointers(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {"pointer": "".join(f"/{part}" for part in error["loc"] if part != "body"),
         "detail": error["msg"]}
        for error in errors
    ]  # fmt: skip


def _response(request: Request, content: dict[str, Any]) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if content["status"] == 401 else None
    return JSONResponse(
        {**content, "rid": request.state.rid},
        status_code=content["status"],
        headers=headers,
        media_type="application/problem+json",
    )


def register(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    def _problem(request: Request, error: ProblemError) -> JSONResponse:
        return _response(request, problem(error.kind, **error.fields))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return _response(request, problem("invalid-json"))
        return _response(request, problem("invalid-event", errors=pointers(found)))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        content = {"type": "about:blank", "title": error.detail, "status": error.status_code}
        return _response(request, content)
