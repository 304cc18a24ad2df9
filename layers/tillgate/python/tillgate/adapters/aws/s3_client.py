"""Objects in one S3 bucket."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import quote

from tillgate.adapters.aws.endpoints import configured_endpoint, regional_endpoint
from tillgate.adapters.aws.errors import AwsError
from tillgate.adapters.aws.service import NOT_FOUND, OK, AwsService, unlimited, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime


class S3Client:
    """Writes and reads whole objects of ``bucket``. Raises AwsError.

    The other arguments are those of AwsService. A bucket's name must have no dots: on AWS it
    is part of the host's name, which the certificate covers for one label only.
    """

    def __init__(
        self,
        bucket: str,
        *,
        env: Mapping[str, str],
        timeout_seconds: float,
        max_requests_per_socket: int = 1000,
        budget: Callable[[], float] = unlimited,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        configured = configured_endpoint("s3", env)
        self._service = AwsService(
            "s3",
            f"{configured}/{bucket}" if configured else regional_endpoint(f"{bucket}.s3", env),
            env=env,
            timeout_seconds=timeout_seconds,
            max_requests_per_socket=max_requests_per_socket,
            budget=budget,
            clock=clock,
            error_code=_error_code,
        )

    def put(self, key: str, body: bytes, *, content_type: str = "application/octet-stream") -> None:
        """Make ``body`` the object at ``key``; a repeat changes nothing.

        S3 computes the checksum itself and refuses a body of another one.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
        """
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers = {"content-type": content_type, "x-amz-checksum-sha256": checksum}
        answer = self._service.send("PUT", _path(key), headers, body)
        if answer.status != OK:
            raise AwsError(f"s3.PutObject answered {answer.status}", code=_error_code(answer.body))

    def get(self, key: str) -> bytes | None:
        """Give the object at ``key``, or None when there is none.

        Whoever may not list the bucket is told AccessDenied of a key that does not exist.
        """
        answer = self._service.send("GET", _path(key), {})
        if answer.status == OK:
            return answer.body
        code = _error_code(answer.body)
        # A bucket that is not there is a mistake of ours, not an object that is not there.
        if answer.status == NOT_FOUND and code != "NoSuchBucket":
            return None
        raise AwsError(f"s3.GetObject answered {answer.status}", code=code)

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        self._service.close()


def _path(key: str) -> str:
    if not key:
        raise ValueError("an object's key is empty: that path is the bucket itself")
    return f"/{quote(key, safe='/')}"


def _error_code(body: bytes) -> str:
    """Give what stands in the first Code element; a parser is not worth its import."""
    return body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode(errors="replace")
