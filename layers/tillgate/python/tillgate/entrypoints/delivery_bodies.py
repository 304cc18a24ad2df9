"""What the admin API's calls about delivery take, checked as the others are."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from tillgate.domain.dead_letters import MAX_DISCARDED_IDS, MAX_PER_SECOND, DeadLetterFilter
from tillgate.domain.destination_address import MAX_URL_LENGTH
from tillgate.domain.errors import Fault
from tillgate.domain.event_query import read_cursor, read_moment, read_status, read_type
from tillgate.domain.json_value import Number
from tillgate.domain.stored_event import EventQuery
from tillgate.domain.tenant import EventId, TenantId
from tillgate.entrypoints.admin_bodies import (
    REASON_PATTERN,
    SECRET_PATTERN,
    URL_PATTERN,
    UUID_PATTERN,
    AdminBody,
    Secret,
)
from tillgate.services.replay import MAX_STEP


def whole(value: object) -> object:
    """Give a JSON number's value if it is written as a whole number, and of a usable length."""
    if isinstance(value, Number) and re.fullmatch(r"-?[0-9]{1,18}", value.text):
        return int(value.text)
    return value


# Some vendors' tokens hold what they allow, signed.
MAX_TOKEN_LENGTH = 4096

Id = Annotated[str, Field(pattern=UUID_PATTERN)]
ReasonText = Annotated[str, Field(pattern=REASON_PATTERN)]


Url = Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH, pattern=URL_PATTERN)]


class DestinationBody(AdminBody):
    kind: Literal["supabase"]
    url: Url
    secret: Secret


class CredentialBody(AdminBody):
    token: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_LENGTH, pattern=SECRET_PATTERN)]
    api_url: Url | None = None


class ReplayBody(AdminBody):
    """Which events, by when they were stored and what they are; ``cursor`` goes on from a step.

    ``limit`` is the most that one step looks at.
    """

    since: str
    until: str | None = None
    type: str | None = None
    status: str | None = None
    cursor: str | None = None
    limit: Annotated[int, BeforeValidator(whole), Field(ge=1, le=MAX_STEP)] = MAX_STEP
    dry_run: bool

    @field_validator("since", "until")
    @classmethod
    def _check_moment(cls, value: str) -> str:
        read_moment(value)
        return value

    @field_validator("type")
    @classmethod
    def _check_type(cls, value: str) -> str:
        return read_type(value)

    @field_validator("status")
    @classmethod
    def _check_status(cls, value: str) -> str:
        return read_status(value)

    @field_validator("cursor")
    @classmethod
    def _check_cursor(cls, value: str) -> str:
        read_cursor(value)
        return value

    def query(self) -> EventQuery:
        """Give the query of one step."""
        return EventQuery(
            limit=self.limit,
            since=read_moment(self.since),
            until=read_moment(self.until) if self.until is not None else None,
            type=self.type,
            status=read_status(self.status) if self.status is not None else None,
            before=read_cursor(self.cursor) if self.cursor is not None else None,
        )


class RedriveBody(AdminBody):
    tenant_id: Id | None = None
    reason: ReasonText | None = None
    per_second: Annotated[int, BeforeValidator(whole), Field(ge=1, le=MAX_PER_SECOND)]

    def chosen(self) -> DeadLetterFilter:
        tenant_id = TenantId(self.tenant_id.lower()) if self.tenant_id is not None else None
        return DeadLetterFilter(tenant_id=tenant_id, reason=self.reason)


class DiscardBody(AdminBody):
    """``count`` is what the plan says, or how many ids there are."""

    tenant_id: Id
    reason: ReasonText | None = None
    event_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_DISCARDED_IDS)] | None = None
    count: Annotated[int, BeforeValidator(whole), Field(ge=1, le=10**12)]

    def faults(self) -> list[Fault]:
        if (self.reason is None) == (self.event_ids is None):
            return [Fault("", "must hold one of reason and event_ids")]
        return []

    def chosen(self) -> DeadLetterFilter:
        return DeadLetterFilter(tenant_id=TenantId(self.tenant_id.lower()), reason=self.reason)

    def ids(self) -> list[EventId] | None:
        if self.event_ids is None:
            return None
        return [EventId(event_id.lower()) for event_id in self.event_ids]
