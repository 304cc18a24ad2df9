"""The same contract for ``/v1/events`` as FastAPI's and SQLAlchemy's documentation teach it.

Plain ``def`` for whatever waits for the database, as FastAPI's documentation asks. It does
less than ours: no row-level security, no delivery row, no queue behind the database, JSON
that is read as Python reads it. So it is a peer that has it easier, not a straw man.
"""

import hashlib
import logging
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from cachetools import TTLCache
from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import TypeAdapter, ValidationError
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.peers.fastapi_peer.database import ApiToken, get_session
from bench.peers.fastapi_peer.problems import ProblemError, pointers, problem, register
from bench.peers.fastapi_peer.schemas import (
    BatchIn,
    BatchItem,
    BatchOut,
    BatchResult,
    EventIn,
    Key,
    Stored,
)
from bench.peers.fastapi_peer.store import store
from bench.peers.fastapi_peer.threads import blocking

MAX_BODY_BYTES = 1024 * 1024
SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

logger = logging.getLogger("peer")
_to_stdout = logging.StreamHandler(sys.stdout)
_to_stdout.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(message)s"))
logger.addHandler(_to_stdout)
logger.setLevel(logging.INFO)
logger.propagate = False

app = FastAPI(title="Events", docs_url=None, redoc_url=None)
register(app)

bearer = HTTPBearer(auto_error=False)
key_adapter = TypeAdapter(Key)
tokens: TTLCache[bytes, uuid.UUID] = TTLCache(maxsize=1024, ttl=30)


@app.middleware("http")
async def observe(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    started = time.perf_counter()
    request.state.rid = request.headers.get("x-request-id") or uuid.uuid4().hex
    request.state.tenant_id = None
    response = await call_next(request)
    response.headers["X-Request-Id"] = request.state.rid
    response.headers.update(SECURITY_HEADERS)
    logger.info(
        "request",
        extra={
            "rid": request.state.rid,
            "tenant_id": str(request.state.tenant_id),
            "method": request.method,
            "path": request.url.path,
            "status": response.status_code,
            "latency_ms": round((time.perf_counter() - started) * 1000, 3),
        },
    )
    return response


SessionDep = Annotated[Session, Depends(get_session)]


@blocking
def current_tenant(
    request: Request,
    session: SessionDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    x_tenant_id: Annotated[str | None, Header()] = None,
) -> uuid.UUID:
    if credentials is None:
        raise ProblemError("unauthenticated")
    digest = hashlib.sha256(credentials.credentials.encode()).digest()
    tenant_id = tokens.get(digest)
    if tenant_id is None:
        tenant_id = session.scalar(select(ApiToken.tenant_id).where(ApiToken.digest == digest))
        if tenant_id is None:
            raise ProblemError("unauthenticated")
        tokens[digest] = tenant_id
    if x_tenant_id is not None and x_tenant_id != str(tenant_id):
        raise ProblemError("forbidden")
    request.state.tenant_id = tenant_id
    return tenant_id


@blocking
def limited_body(content_length: Annotated[int, Header()] = 0) -> None:
    if content_length > MAX_BODY_BYTES:
        raise ProblemError("payload-too-large")


@blocking
def usable_key(idempotency_key: Annotated[str | None, Header()] = None) -> str:
    if idempotency_key is None:
        raise ProblemError("idempotency-key-required")
    try:
        return key_adapter.validate_python(idempotency_key)
    except ValidationError:
        raise ProblemError("idempotency-key-invalid") from None


TenantDep = Annotated[uuid.UUID, Depends(current_tenant)]


@app.post("/v1/events", status_code=201, dependencies=[Depends(limited_body)])
@blocking
def post_event(
    request: Request,
    response: Response,
    tenant_id: TenantDep,
    key: Annotated[str, Depends(usable_key)],
    event: EventIn,
    session: SessionDep,
) -> Stored:
    [(status, row)] = store(session, tenant_id, [(key, event)])
    if status == "conflict":
        raise ProblemError("idempotency-key-reused", event_id=str(row.id))
    if status == "duplicate":
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    else:
        response.headers["Location"] = f"/v1/events/{row.id}"
    return Stored(
        event_id=row.id,
        duplicate=status == "duplicate",
        received_at=row.received_at,
        rid=request.state.rid,
    )


@app.post("/v1/events/batch", dependencies=[Depends(limited_body)])
@blocking
def post_batch(
    request: Request, tenant_id: TenantDep, batch: BatchIn, session: SessionDep
) -> BatchOut:
    items = [_item_or_problem(item) for item in batch.events]
    events = [(item.idempotency_key, item) for item in items if isinstance(item, BatchItem)]
    answers = iter(store(session, tenant_id, events) if events else [])
    results = []
    for item in items:
        if isinstance(item, BatchItem):
            status, row = next(answers)
            result = BatchResult(
                idempotency_key=item.idempotency_key, status=status, event_id=row.id
            )
        else:
            result = BatchResult(idempotency_key=None, status="invalid", problem=item)
        results.append(result)
    return BatchOut(results=results, rid=request.state.rid)


def _item_or_problem(item: dict[str, Any]) -> BatchItem | dict[str, Any]:
    try:
        return BatchItem.model_validate(item)
    except ValidationError as error:
        return problem("invalid-event", errors=pointers(error.errors()))
