"""schemathesis against the deployed stack: what OpenAPI promises, for inputs nobody thought of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tillgate.entrypoints.docs.openapi import openapi

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation

# Each example is a request to the emulator, which waits 10 to 50 ms by itself.
EXAMPLES = 12
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

# What no schema can say: that a key was used before, and which addresses may be delivered to.
BEYOND_SCHEMAS = (
    '"idempotency-key-reused"', '"pointer":"/url"', '"pointer":"/time_zone"',
    '"pointer":"/opening_hours',
)  # fmt: skip


def operations() -> list[Any]:
    document = schemathesis.openapi.from_dict(openapi(version="0.0.0"))
    made = [found.ok() for found in document.get_all_operations() if isinstance(found, Ok)]
    assert len(made) > 1, "the document has calls"
    return [pytest.param(operation, id=operation.label) for operation in made]


def as_written(value: Any) -> Any:  # noqa: ANN401  Whatever was generated, at any depth.
    """Write whole numbers without a fraction: JSON Schema takes 3.0 for an integer, we do not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: as_written(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    return value


@pytest.mark.parametrize("operation", operations())
def test_every_call_answers_as_documented(
    stack: dict[str, Any], operation: APIOperation[Any, Any, Any, Any]
) -> None:
    token = stack["tenants"][1]["api_token"]
    if operation.path.startswith("/admin"):
        token = stack["admin_token"]
    elif operation.path == "/metrics":
        token = stack["metrics_token"]

    @QUICK
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        case.body = as_written(case.body)
        response = case.call(
            base_url=stack["api_url"], headers={"Authorization": f"Bearer {token}"}
        )
        is_valid = not any(said in response.text for said in BEYOND_SCHEMAS)
        case.validate_response(
            response, excluded_checks=[] if is_valid else [positive_data_acceptance]
        )

    check()
