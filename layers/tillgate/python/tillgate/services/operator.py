"""Who may use what one token opens: the admin API its operator's, /metrics a scraper's."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from tillgate.domain.errors import SecretUnavailableError, UnauthenticatedError
from tillgate.domain.tenant import token_digest
from tillgate.domain.token_secret import token_secret
from tillgate.services.authenticate import bearer_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.domain.token_secret import TokenSecret

# The token is read again when it is this old, so that an old one stops working ...
FRESH_SECONDS = 60.0
# ... and at once when another one is offered, so that a new one starts working; but no more often
# than this: whoever guesses must not turn into calls to Secrets Manager.
RETRY_SECONDS = 5.0


CURRENT, PREVIOUS = "current", "previous"


class TokenGate:
    """Compares with the token that ``read_secret`` gives (``domain.token_secret``).

    The token before it is good until the time that stands beside it. ``clock`` gives seconds
    since 1970, by the wall clock: a frozen sandbox's monotonic one may stand. ``name`` is the
    token's, in what is answered; ``on_match`` is told which of the two was offered.
    """

    def __init__(
        self,
        read_secret: Callable[[], str],
        *,
        name: str,
        clock: Callable[[], float],
        on_match: Callable[[str], None] = lambda _generation: None,
    ) -> None:
        self._read_secret = read_secret
        self._name = name
        self._clock = clock
        self._on_match = on_match
        self._secret: TokenSecret | None = None
        self._read_at = 0.0
        self._retried_at = float("-inf")

    def admit(self, authorization: str | None) -> None:
        """Let in who has it.

        Raises UnauthenticatedError, the same whatever is wrong with the token, and
        SecretUnavailableError when the right one cannot be read.
        """
        offered = bearer_token(authorization)
        digest = None if offered is None else token_digest(offered)
        generation = None if digest is None else self._generation(digest)
        if generation is None:
            raise UnauthenticatedError(
                f"Send the {self._name} token: Authorization: Bearer <token>"
            )
        self._on_match(generation)

    def knows(self, digest: bytes) -> bool:
        """Tell whether the token of this SHA-256 is let in. Raises SecretUnavailableError."""
        return self._generation(digest) is not None

    def _generation(self, digest: bytes) -> str | None:
        return self._match(digest) or self._match_anew(digest)

    def _match_anew(self, digest: bytes) -> str | None:
        """Look again, however lately the secret was read: it may have been rotated since."""
        now = self._clock()
        if now == self._read_at or 0 <= now - self._retried_at < RETRY_SECONDS:
            return None
        self._retried_at = now
        self._secret, self._read_at = self._read(), now
        return self._match(digest)

    def _match(self, digest: bytes) -> str | None:
        # An age below zero means that the clock was set back: then it is read again.
        if self._secret is None or not 0 <= self._clock() - self._read_at < FRESH_SECONDS:
            self._secret = self._read()
            self._read_at = self._clock()
        token, previous = self._secret
        # Both are compared, whichever it is: how long it takes tells nothing of either.
        is_current = hmac.compare_digest(token_digest(token), digest)
        is_previous = previous is not None and hmac.compare_digest(
            token_digest(previous.token), digest
        )
        if is_current:
            return CURRENT
        if previous is None or not is_previous:
            return None
        return PREVIOUS if self._clock() < previous.good_until.timestamp() else None

    def _read(self) -> TokenSecret:
        try:
            return token_secret(self._read_secret())
        except ValueError as error:
            raise SecretUnavailableError(
                f"the secret of the {self._name} token holds none"
            ) from error


class OperatorGate(TokenGate):
    """Lets the operator in."""

    def __init__(
        self,
        read_secret: Callable[[], str],
        *,
        clock: Callable[[], float],
        on_match: Callable[[str], None] = lambda _generation: None,
    ) -> None:
        super().__init__(read_secret, name="operator's", clock=clock, on_match=on_match)
