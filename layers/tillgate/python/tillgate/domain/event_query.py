"""The query of a list of events, read strictly: every fault is named, nothing is clamped."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tillgate.domain.errors import Fault, IdempotencyKeyInvalidError, InvalidQueryError
from tillgate.domain.idempotency import usable_key
from tillgate.domain.stored_event import DeliveryState, EventQuery, event_before
from tillgate.domain.timestamps import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tillgate.domain.tenant import EventId

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
LIMIT_PATTERN = r"[1-9][0-9]{0,2}"
# Wider than what ``POST /v1/events`` takes: vendors' types, such as orders/create, are here too.
TYPE_PATTERN = r"[!-~]{1,128}"
# A plus sign that somebody on the way decoded to a space.
_SPACE_FOR_PLUS = re.compile(r" (?=\d\d:\d\d\Z)")


class RefusedError(ValueError):
    """A value does not fit; the message says what would."""


def read_limit(value: str) -> int:
    if re.fullmatch(LIMIT_PATTERN, value) and int(value) <= MAX_LIMIT:
        return int(value)
    raise RefusedError(f"must be a whole number from 1 to {MAX_LIMIT}")


def read_type(value: str) -> str:
    if re.fullmatch(TYPE_PATTERN, value):
        return value
    raise RefusedError("must be 1 to 128 visible ASCII characters")


def read_status(value: str) -> DeliveryState:
    try:
        return DeliveryState(value)
    except ValueError:
        raise RefusedError(f"must be one of {', '.join(DeliveryState)}") from None


def read_moment(value: str) -> datetime:
    moment = instant(_SPACE_FOR_PLUS.sub("+", value))
    if moment is None:
        raise RefusedError(
            "must be an RFC 3339 date-time with an offset, for example 2026-11-23T10:00:00Z"
        )
    return moment


def _key(value: str) -> str:
    try:
        return usable_key(value)
    except IdempotencyKeyInvalidError as error:
        raise RefusedError(str(error)) from None


def read_cursor(value: str) -> EventId:
    event_id = event_before(value)
    if event_id is None:
        raise RefusedError("must be the next_cursor of an earlier page, unchanged")
    return event_id


# Parameter: the field of EventQuery that it fills, and how it is read.
_PARAMETERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "type": ("type", read_type),
    "status": ("status", read_status),
    "since": ("since", read_moment),
    "until": ("until", read_moment),
    "idempotency_key": ("idempotency_key", _key),
    "limit": ("limit", read_limit),
    "cursor": ("before", read_cursor),
}


def event_query(query_string: str) -> EventQuery:
    """Read the query string (still percent-encoded) of a list of events.

    A plus sign is a plus sign (RFC 3986), not a space: keys and offsets hold it.
    Raises InvalidQueryError that names every fault: unknown, repeated, empty and
    malformed parameters.
    """
    fields = read_query(query_string, {name: read for name, (_, read) in _PARAMETERS.items()})
    return EventQuery(
        **{"limit": DEFAULT_LIMIT, **{_PARAMETERS[name][0]: fields[name] for name in fields}}
    )


def read_query(query_string: str, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Read the parameters that ``readers`` names; each raises RefusedError for what is unfit.

    Raises InvalidQueryError that names every fault, unknown and repeated parameters too.
    """
    pairs = [_decoded(part) for part in query_string.split("&") if part]
    counts = Counter(name for name, _ in pairs)
    faults = [_fault(name, "is given more than once") for name, n in counts.items() if n > 1]
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in readers:
            faults.append(_fault(name, f"is not one of {', '.join(readers)}"))
            continue
        try:
            values[name] = readers[name](text)
        except RefusedError as refused:
            faults.append(_fault(name, str(refused)))
    if faults:
        raise InvalidQueryError(list(dict.fromkeys(faults)))
    return values


def _decoded(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    # Bytes that are not UTF-8 become U+FFFD, which no parameter accepts.
    return unquote(name), unquote(value)


def _fault(name: str, detail: str) -> Fault:
    pointer = "/" + name[:128].replace("~", "~0").replace("/", "~1")
    return Fault(pointer, detail)
