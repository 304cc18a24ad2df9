"""Who may use what one token opens: the admin API its operator's, /metrics a scraper's."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING

from tillgate.domain.errors import SecretUnavailableError, UnauthenticatedError
from tillgate.domain.tenant import token_digest
from tillgate.services.authenticate import bearer_token

if TYPE_CHECKING:
    from collections.abc import Callable

# The token is read again when it is this old, so that an old one stops working ...
FRESH_SECONDS = 60.0
# ... and sooner when another one is offered, so that a new one starts working.
RETRY_SECONDS = 5.0


class TokenGate:
    """Compares with the secret ``{"token": "..."}``, which ``read_secret`` gives as text.

    ``clock`` gives seconds, by the wall clock: a frozen sandbox's monotonic one may stand.
    ``name`` is the token's, in what is answered.
    """

    def __init__(
        self, read_secret: Callable[[], str], *, name: str, clock: Callable[[], float]
    ) -> None:
        self._read_secret = read_secret
        self._name = name
        self._clock = clock
        self._digest: bytes | None = None
        self._read_at = 0.0

    def admit(self, authorization: str | None) -> None:
        """Let in who has it.

        Raises UnauthenticatedError, the same whatever is wrong with the token, and
        SecretUnavailableError when the right one cannot be read.
        """
        offered = bearer_token(authorization)
        if offered is None or not self.knows(token_digest(offered)):
            raise UnauthenticatedError(
                f"Send the {self._name} token: Authorization: Bearer <token>"
            )

    def knows(self, digest: bytes) -> bool:
        """Tell whether the token of this SHA-256 is let in. Raises SecretUnavailableError."""
        return self._is(digest, within_seconds=FRESH_SECONDS) or self._is(
            digest, within_seconds=RETRY_SECONDS
        )

    def _is(self, digest: bytes, *, within_seconds: float) -> bool:
        # An age below zero means that the clock was set back: then it is read again.
        if self._digest is None or not 0 <= self._clock() - self._read_at < within_seconds:
            self._digest = token_digest(_token(self._read_secret(), self._name))
            self._read_at = self._clock()
        return hmac.compare_digest(self._digest, digest)


def _token(secret: str, name: str) -> str:
    try:
        token = json.loads(secret)["token"]
    except (ValueError, TypeError, KeyError) as error:
        raise SecretUnavailableError(f"the secret of the {name} token holds none") from error
    if not isinstance(token, str) or not token:
        raise SecretUnavailableError(f"the secret of the {name} token holds none")
    return token


class OperatorGate(TokenGate):
    """Lets the operator in."""

    def __init__(self, read_secret: Callable[[], str], *, clock: Callable[[], float]) -> None:
        super().__init__(read_secret, name="operator's", clock=clock)
