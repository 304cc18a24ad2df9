"""A token of the platform's own as Secrets Manager keeps it.

``{"token": "...", "previous": {"token": "...", "good_until": "2026-11-30T04:00:00Z"}}``, where
``previous`` is the token before, during the time in which its holders change over. A version
that does not know ``previous`` reads ``token``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from tillgate.domain.timestamps import instant, rfc3339

if TYPE_CHECKING:
    from datetime import datetime


class PreviousToken(NamedTuple):
    """The token before, and the instant from which on it is good no more."""

    token: str
    good_until: datetime


class TokenSecret(NamedTuple):
    """What one secret holds."""

    token: str
    previous: PreviousToken | None = None

    def text(self) -> str:
        """Write it as Secrets Manager keeps it."""
        document: dict[str, object] = {"token": self.token}
        if self.previous is not None:
            good_until = rfc3339(self.previous.good_until)
            document["previous"] = {"token": self.previous.token, "good_until": good_until}
        return json.dumps(document)


def token_secret(text: str) -> TokenSecret:
    """Read a secret. Raises ValueError where it holds no token.

    A ``previous`` that cannot be read counts as none: the token itself must not be lost for it.
    """
    document = json.loads(text)
    token = document.get("token") if isinstance(document, dict) else None
    if not isinstance(token, str) or not token:
        raise ValueError("no token")
    return TokenSecret(token, _previous(document.get("previous")))


def _previous(found: object) -> PreviousToken | None:
    if not isinstance(found, dict):
        return None
    token, text = found.get("token"), found.get("good_until")
    good_until = instant(text) if isinstance(text, str) else None
    if not isinstance(token, str) or not token or good_until is None:
        return None
    return PreviousToken(token, good_until)
