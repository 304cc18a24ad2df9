"""The error budget, as the OpenAPI document has it."""

from __future__ import annotations

from tillgate.domain.slo import OBJECTIVE, WINDOWS
from tillgate.entrypoints.docs.admin import EXAMPLE_TENANT_ID, TENANT_PATH, operation
from tillgate.entrypoints.docs.answers import Json, answer, parameter, schema
from tillgate.entrypoints.docs.schemas import COUNT, INSTANT, UUID, nullable, obj

_NUMBER: Json = {"type": "number"}
_PORTION: Json = {**_NUMBER, "minimum": 0, "maximum": 1}
_NOT_NEGATIVE: Json = {**_NUMBER, "minimum": 0}
_LEVEL: Json = {
    "window": "1h",
    "requests": 12_000,
    "server_errors": 3,
    "availability": 0.99975,
    "budget_left": 0.75,
    "burn_rate": 0.25,
    "p50_seconds": 0.0031,
    "p95_seconds": 0.0094,
}
_LEVELS: Json = {
    "tenant_id": None,
    "objective": OBJECTIVE,
    "at": "2026-11-23T09:30:00.000000Z",
    "windows": [
        _LEVEL,
        {**_LEVEL, "window": "24h", "requests": 288_000, "server_errors": 72},
        {**_LEVEL, "window": "30d", "requests": 8_640_000, "server_errors": 2_160},
    ],
}
_SILENT: Json = {
    **_LEVELS,
    "tenant_id": EXAMPLE_TENANT_ID,
    "windows": [
        {**dict.fromkeys(_LEVEL), "window": window.name, "requests": 0, "server_errors": 0}
        for window in WINDOWS
    ],
}
_DESCRIPTION = (
    f"The objective is {OBJECTIVE:.1%} of requests under `/v1/` answered without a 5xx. "
    "`budget_left` is the part of a window's error budget that its errors have left, below 0 once "
    "it is overspent; at a `burn_rate` of 1 the errors are just as many as are allowed. A window "
    "in which nothing was asked has no figures. What never reached a function, such as the "
    "gateway's own 5xx, is not in here: only the CloudWatch alarms see it. The numbers come from "
    "what sandboxes counted: they are a minute or two behind, a killed sandbox's last two seconds "
    "are missing, and each window begins with a full bucket, of five minutes, or in 30 days of an "
    "hour. "
)

SCHEMAS: Json = {
    "ServiceLevel": obj(
        {
            "window": {"enum": [window.name for window in WINDOWS]},
            "requests": COUNT,
            "server_errors": COUNT,
            "availability": nullable(_PORTION),
            "budget_left": nullable({**_NUMBER, "maximum": 1}),
            "burn_rate": nullable(_NOT_NEGATIVE),
            "p50_seconds": nullable(_NOT_NEGATIVE),
            "p95_seconds": {
                **nullable(_NOT_NEGATIVE),
                "description": "Estimated within a bucket; 30 is as much as it says.",
            },
        }
    ),
    "ServiceLevels": obj(
        {
            "tenant_id": {**nullable(UUID), "description": "null: the platform."},
            "objective": _PORTION,
            "at": INSTANT,
            "windows": {"type": "array", "items": schema("ServiceLevel")},
        }
    ),
}
PATHS: Json = {
    "/admin/api/slo": {
        "get": operation(
            "readSlo",
            "What is left of the platform's error budget?",
            {"200": answer("Over 1 hour, 24 hours and 30 days", "ServiceLevels", _LEVELS)},
            description=_DESCRIPTION,
        )
    },
    f"{TENANT_PATH}/slo": {
        "get": operation(
            "readTenantSlo",
            "What is left of a tenant's error budget?",
            {
                "200": answer(
                    "Over 1 hour, 24 hours and 30 days",
                    "ServiceLevels",
                    {**_LEVELS, "tenant_id": EXAMPLE_TENANT_ID},
                    others={"no requests": _SILENT},
                )
            },
            "not-found",
            parameters=(parameter("tenant_id"),),
            description=f"{_DESCRIPTION}A request counts as a tenant's once it is known whose it "
            "is, and one for many tenants as one of each.",
        )
    },
}
