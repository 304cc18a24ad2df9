"""Reading vendors' bodies without trusting their shape: what does not fit is as if absent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tillgate.domain.errors import InvalidJsonError, UnreadableDeliveryError
from tillgate.domain.json_value import JsonValue, Number, parse
from tillgate.domain.timestamps import instant

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_VERSION_DIGITS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def json_object(body: bytes) -> dict[str, JsonValue]:
    """Read a body that is a JSON object; raises UnreadableDeliveryError."""
    try:
        value = parse(body)
    except InvalidJsonError as error:
        raise UnreadableDeliveryError(str(error)) from error
    if not isinstance(value, dict):
        raise UnreadableDeliveryError("the body is not a JSON object")
    return value


def member(value: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    """Give a member that is an object, or an empty one."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def text(value: Mapping[str, JsonValue], name: str) -> str:
    """Give a member that is a string, or an empty one."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def identifier(value: Mapping[str, JsonValue], name: str) -> str | None:
    """Give a member that is a string or a whole number, as text."""
    return text(value, name) or integer_text(value, name)


def integer_text(value: Mapping[str, JsonValue], name: str) -> str | None:
    """Give a member that is a whole number of 0 or more, as the digits that were sent."""
    found = value.get(name)
    if (
        isinstance(found, Number)
        and found.text.isdigit()
        and len(found.text) <= _MAX_VERSION_DIGITS
    ):
        return found.text
    return None


def occurred_at(value: Mapping[str, JsonValue], name: str) -> str | None:
    """Give a member that is an RFC 3339 date-time, as it was sent."""
    found = text(value, name)
    return found if instant(found) else None


def since_1970(
    value: Mapping[str, JsonValue], name: str, *, unit: Literal["seconds", "milliseconds"]
) -> str | None:
    """Give a member that counts from 1970 as RFC 3339; None where there is no such instant."""
    found = integer_text(value, name)
    if found is None:
        return None
    try:
        moment = _EPOCH + timedelta(**{unit: int(found)})
    except OverflowError:
        return None
    return moment.isoformat(timespec=unit).replace("+00:00", "Z")
