"""The event: what a sender says happened at a till, and what became of storing it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from tillgate.domain.errors import Fault, IdempotencyKeyInvalidError, InvalidEventError
from tillgate.domain.idempotency import API_NAMESPACE, fingerprint, stored_key, usable_key
from tillgate.domain.json_value import JsonValue, LoneSurrogateError, Number, dump
from tillgate.domain.timestamps import instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tillgate.domain.tenant import EventId, SourceId

MAX_BATCH = 500
MAX_TYPE_LENGTH = 128
MAX_ENTITY_ID_LENGTH = 128

_TYPE = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
# Nobody counts further, and a column has to have an end.
_MAX_VERSION_DIGITS = 100


# Never changed; not frozen only because eight fields then take five times as long to set.
@dataclass(slots=True, unsafe_hash=True, kw_only=True)
class NewEvent:
    """An event as it is to be stored.

    ``key`` is namespaced (``api:...``, ``square:...``); ``data`` is the canonical JSON
    text of an object; ``occurred_at`` is RFC 3339 and ``entity_version`` digits, both
    as sent; ``source_id`` is None for what came through ``/v1/events``.
    """

    key: str
    fingerprint: str
    source_id: SourceId | None
    type: str
    data: str
    occurred_at: str | None = None
    entity_id: str | None = None
    entity_version: str | None = None

    def document(self) -> dict[str, str | None]:
        """Give it as JSON's members, by the names that messages and quarantine keep."""
        return {
            "key": self.key,
            "fingerprint": self.fingerprint,
            "source_id": self.source_id,
            "type": self.type,
            "occurred_at": self.occurred_at,
            "entity_id": self.entity_id,
            "entity_version": self.entity_version,
            "data": self.data,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> NewEvent:
        """Read what ``document`` gave; members that this version does not know are a later one's.

        Raises KeyError.
        """
        return cls(
            key=document["key"],
            fingerprint=document["fingerprint"],
            source_id=document["source_id"],
            type=document["type"],
            data=document["data"],
            occurred_at=document["occurred_at"],
            entity_id=document["entity_id"],
            entity_version=document["entity_version"],
        )


class Outcome(StrEnum):
    """What became of one event: stored now, known already, or its key is another event's."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


# Not frozen, as NewEvent is not.
@dataclass(slots=True, unsafe_hash=True)
class Accepted:
    """The answer for one event; id and time are those of the event that holds the key."""

    outcome: Outcome
    event_id: EventId
    received_at: datetime


def is_storable(text: str) -> bool:
    """Tell whether a text column can hold it: neither NUL nor a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _type_fault(value: JsonValue) -> str | None:
    if isinstance(value, str) and _TYPE.match(value):
        return None
    return "must be a string of 1 to 128 characters out of A-Z, a-z, 0-9, '.', '_' and '-'"


def _data_fault(value: JsonValue) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _occurred_at_fault(value: JsonValue) -> str | None:
    if isinstance(value, str) and instant(value) is not None:
        return None
    return "must be an RFC 3339 date-time with an offset, for example 2026-11-23T10:00:00Z"


def _entity_id_fault(value: JsonValue) -> str | None:
    if isinstance(value, str) and 1 <= len(value) <= MAX_ENTITY_ID_LENGTH and is_storable(value):
        return None
    return "must be a string of 1 to 128 characters, without NUL and lone surrogates"


def _entity_version_fault(value: JsonValue) -> str | None:
    # As bytes, which a Number is: only ASCII's digits are digits.
    if isinstance(value, Number) and value.isdigit() and len(value) <= _MAX_VERSION_DIGITS:
        return None
    return "must be an integer of 0 or more, of at most 100 digits"


def _key_fault(value: JsonValue) -> str | None:
    if not isinstance(value, str):
        return "must be a string of 1 to 255 visible ASCII characters"
    try:
        usable_key(value)
    except IdempotencyKeyInvalidError as error:
        return str(error)
    return None


_FAULTS: dict[str, Callable[[JsonValue], str | None]] = {
    "type": _type_fault,
    "data": _data_fault,
    "occurred_at": _occurred_at_fault,
    "entity_id": _entity_id_fault,
    "entity_version": _entity_version_fault,
}
_BATCH_FAULTS = {"idempotency_key": _key_fault, **_FAULTS}


def _faults(
    value: Mapping[str, JsonValue],
    checks: Mapping[str, Callable[[JsonValue], str | None]],
    required: tuple[str, ...],
) -> list[Fault]:
    faults: list[Fault] = []
    for name in required:
        if name not in value:
            faults.append(Fault(f"/{name}", "is required"))  # noqa: PERF401  A list's own function would be called for nothing, as a rule.
    for name, member in value.items():
        check = checks.get(name)
        if check is None:
            faults.append(Fault(_pointer(name), "is not a field of an event"))
        elif detail := check(member):
            faults.append(Fault(f"/{name}", detail))
    return faults


def _pointer(name: str) -> str:
    """Write an RFC 6901 pointer to a member of the outermost object, cut to a readable length."""
    readable = name[:128].encode("utf-8", "replace").decode()
    return "/" + readable.replace("~", "~0").replace("/", "~1")


def event_from_json(value: JsonValue, *, key: str) -> NewEvent:
    """Make an event of the body of ``POST /v1/events`` and its idempotency key.

    Raises InvalidEventError that names every fault.
    """
    if not isinstance(value, dict):
        raise InvalidEventError([Fault("", "must be an object")])
    faults = _faults(value, _FAULTS, ("type", "data"))
    if faults:
        raise InvalidEventError(faults)
    return _event(value, key=key)


def batch_item_from_json(value: JsonValue) -> NewEvent:
    """Make an event of one item of a batch, which carries its own ``idempotency_key``.

    Raises InvalidEventError that names every fault; its pointers begin at the item.
    """
    if not isinstance(value, dict):
        raise InvalidEventError([Fault("", "must be an object")])
    faults = _faults(value, _BATCH_FAULTS, ("idempotency_key", "type", "data"))
    if faults:
        raise InvalidEventError(faults)
    return _event(value, key=str(value["idempotency_key"]))


def batch_from_json(value: JsonValue) -> list[JsonValue]:
    """Take the 1 to 500 items out of a batch's envelope; raises InvalidEventError."""
    if not isinstance(value, dict):
        raise InvalidEventError([Fault("", "must be an object")])
    faults = [
        Fault(_pointer(name), "is not a field of a batch") for name in value if name != "events"
    ]
    items = value.get("events")
    if not isinstance(items, list):
        faults.append(Fault("/events", "must be an array of 1 to 500 events"))
    elif not 1 <= len(items) <= MAX_BATCH:
        faults.append(Fault("/events", f"must hold 1 to {MAX_BATCH} events, not {len(items)}"))
    elif not faults:
        return items
    raise InvalidEventError(faults)


def _event(value: dict[str, JsonValue], *, key: str) -> NewEvent:
    try:
        data = dump(value["data"])
    except LoneSurrogateError as error:
        raise InvalidEventError([Fault("/data", str(error))]) from None
    type_, version = str(value["type"]), value.get("entity_version")
    occurred_at, entity_id = _text(value.get("occurred_at")), _text(value.get("entity_id"))
    entity_version = version.text if isinstance(version, Number) else None
    return NewEvent(
        key=stored_key(API_NAMESPACE, key),
        fingerprint=fingerprint(_head(type_, occurred_at, entity_id, entity_version), data),
        source_id=None,
        type=type_,
        data=data,
        occurred_at=occurred_at,
        entity_id=entity_id,
        entity_version=entity_version,
    )


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _head(
    type_: str, occurred_at: str | None, entity_id: str | None, entity_version: str | None
) -> str:
    """Write what stands around the data as ``dump`` would, once it is known to be sound.

    Only an entity's id may then hold what JSON escapes.
    """
    text = f'"type":"{type_}"}}'
    if occurred_at is not None:
        text = f'"occurred_at":"{occurred_at}",{text}'
    if entity_version is not None:
        text = f'"entity_version":{entity_version},{text}'
    if entity_id is not None:
        text = f'"entity_id":{encode_basestring(entity_id)},{text}'
    return "{" + text
