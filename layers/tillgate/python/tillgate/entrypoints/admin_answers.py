"""What the admin API's handlers share: a body in, a record out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from tillgate.domain.json_value import parse
from tillgate.domain.timestamps import rfc3339
from tillgate.entrypoints.admin_bodies import checked
from tillgate.entrypoints.http import json_response
from tillgate.entrypoints.json_body import json_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from _typeshed import DataclassInstance

    from tillgate.domain.provider import Provider
    from tillgate.entrypoints.admin_bodies import BodyT
    from tillgate.entrypoints.http import LambdaResponse
    from tillgate.entrypoints.routes import Call

MAX_BODY_BYTES = 1024 * 1024
# Of bodies that name none.
NO_PROVIDERS: Mapping[str, Provider] = MappingProxyType({})


class AdminPart(Protocol):
    """One subject of the admin API; whoever asks for its routes guards them."""

    def routes(self) -> dict[str, Callable[[Call], LambdaResponse]]: ...


def admin_body(
    call: Call, model: type[BodyT], *, providers: Mapping[str, Provider] = NO_PROVIDERS
) -> BodyT:
    """Read the call's body. Raises as ``json_body``, ``parse`` and ``checked`` do."""
    body = json_body(call.request, max_body_bytes=MAX_BODY_BYTES)
    return checked(model, parse(body), providers=providers)


def answer(call: Call, status: int, content: dict[str, Any]) -> LambdaResponse:
    return json_response(status, content, rid=call.request.rid)


def records(found: Sequence[DataclassInstance]) -> list[dict[str, Any]]:
    return [record(one) for one in found]


def if_made(secret: str | None) -> dict[str, str]:
    """Tell a secret that Tillgate made; one that the caller sent is not repeated."""
    return {} if secret is None else {"secret": secret}


def record(found: DataclassInstance) -> dict[str, Any]:
    """Give a record as JSON has it, instants as RFC 3339; records inside it likewise."""
    return _plain(asdict(found))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items()}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value)
    return _plain(value) if isinstance(value, dict) else value
