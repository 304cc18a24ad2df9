"""What goes wrong between us and AWS."""

from __future__ import annotations

from tillgate.domain.errors import UpstreamError


class AwsError(UpstreamError):
    """AWS could not be reached, or refused; ``code`` is its error's name, '' when unreachable."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AwsUnreachableError(AwsError):
    """No connection, or none that held until the whole answer was there: a repeat may do."""
