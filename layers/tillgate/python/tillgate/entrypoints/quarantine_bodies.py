"""What the admin API's calls about quarantine take, checked as the others are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from tillgate.domain.errors import Fault
from tillgate.domain.event_query import RefusedError, read_moment
from tillgate.domain.quarantine import Reason
from tillgate.domain.set_aside import (
    MAX_DISCARDED_IDS,
    MAX_RETRIED,
    Place,
    SetAsideFilter,
    place_of,
)
from tillgate.domain.tenant import TenantId
from tillgate.entrypoints.admin_bodies import UUID_PATTERN, AdminBody
from tillgate.entrypoints.delivery_bodies import Id, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A vendor's word in the URL, ``api``, or ``unknown``.
PROVIDER_PATTERN = r"^[a-z][a-z0-9_-]{0,31}$"


def read_id(value: str) -> str:
    if re.fullmatch(UUID_PATTERN, value):
        return value.lower()
    raise RefusedError("must be an id, such as 4c1d6f0e-8a57-4b1e-9d3c-2f6b7a905e18")


def read_provider(value: str) -> str:
    if re.fullmatch(PROVIDER_PATTERN, value):
        return value
    raise RefusedError("must be a provider's name, or api, or unknown")


def read_reason(value: str) -> Reason:
    try:
        return Reason(value)
    except ValueError:
        raise RefusedError(f"must be one of {', '.join(Reason)}") from None


def read_place(value: str) -> Place:
    place = place_of(value)
    if place is None:
        raise RefusedError("must be the next_cursor of an earlier answer, unchanged")
    return place


def read_flag(value: str) -> bool:
    if value in {"true", "false"}:
        return value == "true"
    raise RefusedError("must be true or false")


# The filters, by the names that they have in a query and in a body.
FILTERS: dict[str, Callable[[str], Any]] = {
    "tenant_id": read_id,
    "endpoint_id": read_id,
    "provider": read_provider,
    "reason": read_reason,
    "since": read_moment,
    "until": read_moment,
}


def filter_of(fields: Mapping[str, Any]) -> SetAsideFilter:
    """Make a filter of what FILTERS read."""
    return SetAsideFilter(**{name: fields.get(name) for name in FILTERS})


class _FilterBody(AdminBody):
    ids: list[Id] | None = None
    tenant_id: Id | None = None
    endpoint_id: Id | None = None
    provider: Annotated[str, Field(pattern=PROVIDER_PATTERN)] | None = None
    reason: str | None = None
    since: str | None = None
    until: str | None = None

    @field_validator("since", "until")
    @classmethod
    def _check_moment(cls, value: str) -> str:
        read_moment(value)
        return value

    @field_validator("reason")
    @classmethod
    def _check_reason(cls, value: str) -> str:
        return read_reason(value).value

    def chosen(self) -> SetAsideFilter:
        fields = self.model_dump(include=set(FILTERS), exclude_none=True)
        read = {name: FILTERS[name](value) for name, value in fields.items()}
        if "tenant_id" in read:
            read["tenant_id"] = TenantId(read["tenant_id"])
        return filter_of(read)

    def named(self) -> list[str] | None:
        """Give the ids, each once and in their order; None where there are none."""
        return None if self.ids is None else list(dict.fromkeys(map(str.lower, self.ids)))

    def _filter_faults(self, *others: str) -> list[Fault]:
        """Name what does not go with ids, which say all there is to say."""
        if self.ids is None:
            return []
        given = [name for name in (*FILTERS, *others) if name in self.model_fields_set]
        return [Fault(f"/{name}", "does not go with ids: leave it out") for name in given]


class RetryBody(_FilterBody):
    """Which to try again: by their ids, or by a filter, with ``cursor`` to go on from."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_RETRIED)] | None = None
    limit: Annotated[int, BeforeValidator(whole), Field(ge=1, le=MAX_RETRIED)] = MAX_RETRIED
    cursor: str | None = None

    @field_validator("cursor")
    @classmethod
    def _check_cursor(cls, value: str) -> str:
        read_place(value)
        return value

    def after(self) -> Place | None:
        return place_of(self.cursor) if self.cursor is not None else None

    def faults(self) -> list[Fault]:
        return self._filter_faults("limit", "cursor")


class DiscardSetAsideBody(_FilterBody):
    """``count`` is what the plan says, or how many ids there are."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_DISCARDED_IDS)] | None = None
    count: Annotated[int, BeforeValidator(whole), Field(ge=1, le=10**12)]

    def faults(self) -> list[Fault]:
        if self.ids is None and self.reason is None:
            return [Fault("", "must hold one of reason and ids")]
        return self._filter_faults()
