"""What is particular to each secret that is rotated: the key ring, and the two tokens."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import string
from datetime import timedelta
from typing import TYPE_CHECKING

from tillgate.domain.errors import SecretUnavailableError, StoreUnavailableError
from tillgate.domain.key_ring import next_kid, standings
from tillgate.domain.rotation import RotationRefusedError
from tillgate.domain.token_secret import PreviousToken, TokenSecret, token_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tillgate.domain.ports import SecretBox
    from tillgate.domain.sealed import SealedRows
    from tillgate.services.rotate import Report

# As the deployment generates the first: 64 letters and digits are 381 bits, 48 are 285.
_ALPHABET = string.ascii_letters + string.digits
_KEY_LENGTH, _TOKEN_LENGTH = 64, 48
# What is handed out has to be a token, as an Authorization header takes it.
_TOKEN = re.compile(r"[A-Za-z0-9]{32,256}\Z", re.ASCII)
_TRIED = b"tried by a rotation"
_CONTEXT = "rotation:test"
# So much of an overlap may be gone when its token becomes the current one: Secrets Manager tries
# again for hours. Of less its holders could not rely on the time that they were promised.
_LATE = timedelta(days=1)


class RotatedKeyRing:
    """A ring grows by the key that seals next, and loses those that nothing can need any more.

    ``make_box`` gives what seals and opens by a ring's text.
    """

    def __init__(self, rows: SealedRows, *, make_box: Callable[[str], SecretBox]) -> None:
        self._rows = rows
        self._make_box = make_box

    def renewed(self, current: str, now: datetime) -> tuple[str, Report]:
        ring = _ring(current)
        made = next_kid(list(ring), now.date())
        grown = {**ring, made: _random(_KEY_LENGTH)}
        report: Report = {"made": made}
        try:
            dropped = self._may_leave(list(grown), now)
        except StoreUnavailableError:
            # A key too many does no harm, and the next rotation looks again.
            dropped, report["is_unused_known"] = [], False
        kept = {kid: text for kid, text in grown.items() if kid not in dropped}
        return json.dumps(kept), {**report, "dropped": dropped, "kids": list(kept)}

    def check(self, pending: str, current: str, now: datetime) -> None:
        before, after = _ring(current), _ring(pending)
        if any(after[kid] != text for kid, text in before.items() if kid in after):
            raise RotationRefusedError("key-changed", "a key has the same name and another text")
        added = [kid for kid in after if kid not in before]
        if added and (len(added) > 1 or list(after)[-1] != added[0]):
            raise RotationRefusedError("ring-differs", "the ring grew by more than the last key")
        dropped = [kid for kid in before if kid not in after]
        # Anew: what nobody named when the value was made may be named now.
        if dropped and not set(dropped) <= set(self._may_leave([*before, *added], now)):
            raise RotationRefusedError("key-needed", "the ring lacks a key that is still needed")
        self._try(pending, current)

    def without_overlap(self, current: str) -> str | None:
        """Give nothing: a key that seals no more is no way in, and what it sealed must open."""
        _ring(current)
        return None

    def _may_leave(self, kids: Sequence[str], now: datetime) -> list[str]:
        # Most rings have nothing old enough, whatever the rows say: then nobody is asked.
        if all(key.stays_because for key in standings(kids, {}, now.date())):
            return []
        found = standings(kids, self._rows.named(), now.date())
        return [key.kid for key in found if not key.stays_because]

    def _try(self, pending: str, current: str) -> None:
        """Seal and open: what the current ring sealed, and what the new key does."""
        old, new = self._make_box(current), self._make_box(pending)
        try:
            sealed = old.seal(_TRIED, context=_CONTEXT), new.seal(_TRIED, context=_CONTEXT)
            opened = [new.open(one, context=_CONTEXT) for one in sealed]
        except SecretUnavailableError as error:
            raise RotationRefusedError(
                "seal-broken", "the ring opens not what it has to"
            ) from error
        if opened != [_TRIED, _TRIED]:
            raise RotationRefusedError("seal-broken", "the ring opens not what it has to")


class RotatedToken:
    """A token is replaced; the one before stays good for ``overlap``, in which holders change."""

    def __init__(self, *, overlap: timedelta) -> None:
        self._overlap = overlap

    def renewed(self, current: str, now: datetime) -> tuple[str, Report]:
        before = _token(current)
        good_until = now + self._overlap
        made = TokenSecret(_random(_TOKEN_LENGTH), PreviousToken(before.token, good_until))
        return made.text(), {"previous_good_until": good_until.isoformat(timespec="seconds")}

    def check(self, pending: str, current: str, now: datetime) -> None:
        before, after = _token(current), _token(pending)
        if not _TOKEN.match(after.token):
            raise RotationRefusedError("token-malformed", "the new token is none")
        if hmac.compare_digest(after.token, before.token):
            # A copy, by which Secrets Manager tries the function when a schedule is set.
            return
        previous = after.previous
        if previous is None or not hmac.compare_digest(previous.token, before.token):
            raise RotationRefusedError("previous-differs", "its previous token is not the current")
        if previous.good_until < now + self._overlap - _LATE:
            raise RotationRefusedError("overlap-short", "too little is left of the overlap")

    def without_overlap(self, current: str) -> str | None:
        secret = _token(current)
        return TokenSecret(secret.token).text() if secret.previous is not None else None


def _ring(text: str) -> dict[str, str]:
    try:
        ring = json.loads(text)
    except ValueError:
        ring = None
    if not isinstance(ring, dict) or not ring:
        raise RotationRefusedError("no-ring", "the key ring is no JSON object of keys")
    return ring


def _token(text: str) -> TokenSecret:
    try:
        return token_secret(text)
    except ValueError:
        raise RotationRefusedError("no-token", "the secret holds no token") from None


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
