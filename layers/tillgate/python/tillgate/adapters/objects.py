"""The object store on S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tillgate.adapters.aws.errors import AwsError
from tillgate.domain.errors import ObjectsUnavailableError

if TYPE_CHECKING:
    from tillgate.adapters.aws.s3_client import S3Client


class S3Objects:
    """Implements ObjectStore over one bucket."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def put(self, key: str, content: bytes) -> None:
        try:
            self._s3.put(key, content)
        except AwsError as error:
            raise ObjectsUnavailableError("the object was not kept") from error

    def get(self, key: str) -> bytes | None:
        try:
            return self._s3.get(key)
        except AwsError as error:
            raise ObjectsUnavailableError("the object cannot be read") from error

    def close(self) -> None:
        """Let go of the connection; the next use makes another."""
        self._s3.close()
