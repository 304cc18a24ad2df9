"""Signing the operator in to the admin page, and telling who is signed in."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING

from tillgate.domain.errors import TooManyAttemptsError, UnauthenticatedError
from tillgate.domain.sessions import Session
from tillgate.domain.tenant import token_digest

if TYPE_CHECKING:
    from datetime import datetime

    from tillgate.domain.sessions import SessionStore
    from tillgate.services.operator import OperatorGate

# A working day: then the token is asked for again.
SESSION_SECONDS = 12 * 3600
_COOKIE_BYTES = 32
# What one customer of a provider has at least (RFC 6177), and may walk through at will.
_IPV6_PREFIX = 64
WRONG_TOKEN = "That is not the operator's token."  # noqa: S105  What is said of a wrong one.


class SignIn:
    """Sessions by cookie. A session ends with its time, at sign-out, or with its token."""

    def __init__(self, sessions: SessionStore, *, gate: OperatorGate) -> None:
        self._sessions = sessions
        self._gate = gate

    def sign_in(self, digest: bytes, *, address: str) -> tuple[str, datetime]:
        """Give a new session's cookie, and when it ends.

        ``digest`` is the SHA-256 of the token that was typed, ``address`` where the request came
        from. Raises UnauthenticatedError for a wrong token, TooManyAttemptsError where too many
        were (whatever this one is), StoreUnavailableError and SecretUnavailableError.
        """
        address = _network(address)
        wait_seconds = self._sessions.begin_attempt(address)
        if wait_seconds:
            raise TooManyAttemptsError(wait_seconds)
        if not self._gate.knows(digest):
            raise UnauthenticatedError(WRONG_TOKEN)
        cookie = secrets.token_urlsafe(_COOKIE_BYTES)
        ends_at = self._sessions.open_session(
            token_digest(cookie), token_digest=digest, seconds=SESSION_SECONDS, address=address
        )
        return cookie, ends_at

    def session(self, cookie: str | None) -> Session | None:
        """Tell who shows this cookie. Raises StoreUnavailableError, SecretUnavailableError."""
        if not cookie:
            return None
        found = self._sessions.find_session(token_digest(cookie))
        # One that a rotated token opened ends with the token.
        if found is None or not self._gate.knows(found.token_digest):
            return None
        return Session(
            csrf=_csrf(cookie), token_digest=found.token_digest, expires_at=found.expires_at
        )

    def sign_out(self, cookie: str) -> None:
        """End the session, for whoever else may hold its cookie, too."""
        self._sessions.close_session(token_digest(cookie))


def is_own_form(session: Session, csrf: str) -> bool:
    """Tell whether what was sent was filled in on a page that this session was served."""
    return hmac.compare_digest(session.csrf.encode(), csrf.encode())


def _csrf(cookie: str) -> str:
    """Derive it: no script can read the cookie, and from this nobody gets back to it."""
    return hmac.new(cookie.encode(), b"tillgate-csrf", hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    """Give what one attacker has as one: an IPv4 address, or an IPv6 network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
