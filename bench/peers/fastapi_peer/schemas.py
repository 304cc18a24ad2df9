"""What comes in and goes out, as pydantic models."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Key = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]


class EventIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
    data: dict[str, Any]
    occurred_at: AwareDatetime | None = None
    entity_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    entity_version: Annotated[int, Field(ge=0, strict=True)] | None = None


class BatchItem(EventIn):
    idempotency_key: Key


class BatchIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    # Each is validated by itself: a bad item must not fail its neighbours.
    events: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=500)]


class Stored(BaseModel):
    event_id: uuid.UUID
    status: Literal["stored"] = "stored"
    duplicate: bool
    received_at: dt.datetime
    rid: str


class BatchResult(BaseModel):
    idempotency_key: str | None
    status: Literal["stored", "duplicate", "conflict", "invalid"]
    event_id: uuid.UUID | None = None
    problem: dict[str, Any] | None = None


class BatchOut(BaseModel):
    results: list[BatchResult]
    rid: str
