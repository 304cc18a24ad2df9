"""What the OpenAPI document says of quarantine is what the code takes and gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_openapi import DOCUMENT, validator
from tillgate.domain.errors import InvalidRequestError
from tillgate.domain.json_value import parse
from tillgate.domain.quarantine import Reason
from tillgate.entrypoints.admin_bodies import checked
from tillgate.entrypoints.quarantine_bodies import DiscardSetAsideBody, RetryBody

if TYPE_CHECKING:
    from tillgate.entrypoints.admin_bodies import AdminBody

ID = "00000000-0000-4000-8000-000000000000"
AT = "2026-11-23T10:00:00Z"
CURSOR = "q1_" + "A" * 32

RETRIES: list[object] = [
    {}, {"ids": [ID]}, {"ids": [ID] * 100}, {"ids": [ID] * 101}, {"ids": []},
    {"ids": ["x"]}, {"ids": ID}, {"ids": [ID], "reason": "unreadable"},
    {"ids": [ID], "limit": 1}, {"ids": [ID], "cursor": CURSOR}, {"reason": "unreadable"},
    {"reason": "http-400"}, {"reason": None}, {"tenant_id": ID}, {"tenant_id": "cafe"},
    {"endpoint_id": ID}, {"provider": "square"}, {"provider": "Square!"}, {"since": AT},
    {"since": "yesterday"}, {"until": AT}, {"limit": 1}, {"limit": 100}, {"limit": 101},
    {"limit": 0}, {"limit": "1"}, {"cursor": CURSOR}, {"cursor": "e1_x"}, {"count": 1},
]  # fmt: skip
DISCARDS: list[object] = [
    {"reason": "unreadable", "count": 1}, {"ids": [ID], "count": 1},
    {"ids": [ID] * 1001, "count": 1}, {"count": 1}, {"reason": "unreadable"},
    {"reason": "unreadable", "count": 0}, {"reason": "unreadable", "count": 10**12},
    {"reason": "unreadable", "count": 10**12 + 1}, {"ids": [ID], "provider": "square",
    "count": 1}, {"ids": [ID], "reason": "unreadable", "count": 1},
    {"reason": "unreadable", "tenant_id": ID, "since": AT, "until": AT, "count": 1},
    {"tenant_id": ID, "count": 1},
]  # fmt: skip
BODIES: list[tuple[str, type[AdminBody], object]] = [
    *(("NewQuarantineRetry", RetryBody, body) for body in RETRIES),
    *(("NewQuarantineDiscard", DiscardSetAsideBody, body) for body in DISCARDS),
]


@pytest.mark.parametrize(("name", "model", "body"), BODIES)
def test_schema_of_a_body_takes_what_the_code_takes(
    name: str, model: type[AdminBody], body: object
) -> None:
    try:
        checked(model, parse(json.dumps(body).encode()), providers={})
        taken = True
    except InvalidRequestError:
        taken = False

    assert validator(name).is_valid(body) is taken


def test_reasons_are_those_of_the_domain() -> None:
    parameters = DOCUMENT["paths"]["/admin/api/quarantine"]["get"]["parameters"]
    [reason] = [one for one in parameters if one.get("name") == "reason"]

    assert reason["schema"]["enum"] == list(Reason)
