"""CloudFormation custom resources: an answer always, or the deploy hangs for an hour.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tillgate.domain.errors import TillgateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEOUT_SECONDS = 10


def serve_custom_resource(
    event: Mapping[str, Any], work: Callable[[], Mapping[str, object]], *, physical_id: str
) -> None:
    """Do the work on Create and Update, nothing on Delete, and tell CloudFormation.

    A failure is told in a sentence, which outlives the log group when CloudFormation rolls
    back. It is not raised: CloudFormation calls asynchronously, and Lambda would repeat the
    work twice for a deploy that has failed. That CloudFormation could not be told is raised.
    """
    try:
        data = work() if event["RequestType"] != "Delete" else {}
    except Exception as error:  # noqa: BLE001  CloudFormation must be told, whatever it was.
        reason = _reason(error)
        print(json.dumps({"task": physical_id, "outcome": "failed", "reason": reason}))  # noqa: T201  Standard output is Lambda's log.
        _tell(
            event,
            {
                "Status": "FAILED",
                "Reason": reason,
                "PhysicalResourceId": event.get("PhysicalResourceId", physical_id),
            },
        )
        return
    _tell(
        event,
        {
            "Status": "SUCCESS",
            "PhysicalResourceId": event.get("PhysicalResourceId", physical_id),
            "Data": data,
        },
    )


def _reason(error: Exception) -> str:
    """Say what failed. Only our own errors' words: another's may quote a secret or a row."""
    told = str(error) if isinstance(error, TillgateError) else "see the function's log"
    return f"{type(error).__name__}: {told}"


def _tell(event: Mapping[str, Any], answer: Mapping[str, object]) -> None:
    body = json.dumps(
        {
            **answer,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    url = urlsplit(event["ResponseURL"])
    connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = connect(url.netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("PUT", f"{url.path}?{url.query}", body, {"Content-Type": ""})
        answer_status = connection.getresponse().status
    finally:
        connection.close()
    if answer_status >= http.client.BAD_REQUEST:
        raise RuntimeError(f"CloudFormation's answer URL answered {answer_status}")
