"""Calls to AWS's JSON services.

boto3 and a client take a second to import, and Toast waits two for a whole answer; this
takes a tenth.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from tillgate.adapters.aws.endpoints import configured_endpoint, regional_endpoint
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.service import OK, AwsService, unlimited, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class AwsJsonClient:
    """Calls one service that speaks the JSON 1.0 or 1.1 protocol. Raises AwsError.

    The arguments are those of AwsService.
    """

    def __init__(
        self,
        service: str,
        *,
        env: Mapping[str, str],
        timeout_seconds: float,
        max_requests_per_socket: int = 1000,
        json_version: Literal["1.0", "1.1"] = "1.1",
        budget: Callable[[], float] = unlimited,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._content_type = f"application/x-amz-json-{json_version}"
        self._service = AwsService(
            service,
            configured_endpoint(service, env) or regional_endpoint(service, env),
            env=env,
            timeout_seconds=timeout_seconds,
            max_requests_per_socket=max_requests_per_socket,
            budget=budget,
            clock=clock,
            error_code=_error_code,
        )

    def call(
        self, target: str, request: Mapping[str, object], *, within_seconds: float | None = None
    ) -> dict[str, Any]:
        """Call ``target`` (for example ``secretsmanager.GetSecretValue``), repeated at most once.

        It may be carried out twice, when the first answer is lost. ``within_seconds``, where
        given, goes before the client's own time-out.
        """
        answer = self._service.send(
            "POST",
            "/",
            {"content-type": self._content_type, "x-amz-target": target},
            json.dumps(request).encode(),
            within_seconds=within_seconds,
        )
        if answer.status != OK:
            raise AwsError(f"{target} answered {answer.status}", code=_error_code(answer.body))
        try:
            result = json.loads(answer.body)
        except ValueError as error:
            raise AwsError(f"{target} answered no JSON") from error
        if not isinstance(result, dict):
            raise AwsError(f"{target} answered no JSON object")
        return result

    def close(self) -> None:
        """Let go of the connection; the next call makes another."""
        self._service.close()


def _error_code(body: bytes) -> str:
    """Give the name in ``namespace#name:address``, of which only the name is always there.

    https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization
    """
    try:
        kind = str(json.loads(body).get("__type", ""))
        return kind.partition(":")[0].rpartition("#")[2]
    except (ValueError, AttributeError):
        return ""
