"""Clover's REST API, where the objects are that its webhooks only name.

https://docs.clover.com/docs/making-rest-api-calls and https://docs.clover.com/dev/docs/webhooks
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tillgate.adapters.outbound_http import OutboundError
from tillgate.domain.delivery import GaveUp, RetryLater
from tillgate.domain.destination_address import destination_flaw
from tillgate.domain.enrichment import GONE, Fetched, PosObject
from tillgate.domain.errors import InvalidJsonError
from tillgate.domain.json_value import parse
from tillgate.domain.retry import retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from tillgate.adapters.outbound_http import OutboundAnswer, OutboundHttp
    from tillgate.domain.delivery import OutgoingEvent
    from tillgate.domain.enrichment import PosAccess
    from tillgate.domain.json_value import JsonValue

MAX_OBJECT_BYTES = 1024 * 1024

# Where an object of a kind is. Those that are missing here have no address by their id alone:
# modifiers (IM) are found through their group, cash events (CA) in a list only, and an app's (A)
# and a service hour's (SH) events name nothing that a merchant's token may read by that id.
# A call expands three fields at most: https://docs.clover.com/dev/docs/expanding-fields
_PATHS = {
    "C": "customers/{id}",
    "E": "employees/{id}",
    "I": "items/{id}?expand=categories",
    "IC": "categories/{id}",
    "IG": "modifier_groups/{id}",
    "O": "orders/{id}?expand=lineItems%2Cpayments%2Cdiscounts",
    "P": "payments/{id}",
}
_OK = 200
_ABSENT = frozenset({404, 410})
# As for a destination: they ask for another try by their meaning (RFC 9110, RFC 8470, RFC 6585).
_PASSING = frozenset({408, 409, 425, 429})
_MOVED_FOR_GOOD = frozenset({301, 308})
_CLIENT_ERRORS = range(400, 500)


class CloverApi:
    """Implements PosApi. ``request_seconds`` is the most for one request as a whole."""

    def __init__(
        self,
        http: OutboundHttp,
        *,
        request_seconds: float,
        allow_private: bool,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._request_seconds = request_seconds
        self._allow_private = allow_private
        self._clock = clock

    def named_in(self, event: OutgoingEvent) -> PosObject | None:
        """Read one update of one merchant, in the envelope that Clover sends it in."""
        try:
            named = _named(parse(event.data.encode()))
            return named if named is not None and _path(named) is not None else None
        except (InvalidJsonError, UnicodeEncodeError):
            return None

    def fetch(
        self, access: PosAccess, token: str, wanted: PosObject, *, within_seconds: float
    ) -> Fetched | RetryLater | GaveUp:
        path = _path(wanted)
        if path is None:
            return GaveUp("no-such-kind")
        if access.merchant_id not in {None, wanted.merchant_id}:
            return GaveUp("other-merchant")
        if destination_flaw(access.api_url, allow_private=self._allow_private) is not None:
            return GaveUp("bad-address")
        if not (token.isascii() and token.isprintable()):
            return GaveUp("bad-token")
        parts = urlsplit(access.api_url)
        try:
            answer = self._http.get(
                f"{parts.scheme}://{parts.netloc}",
                parts.path.rstrip("/") + path,
                {"Authorization": f"Bearer {token}", "Accept": "application/json"},
                at_most_bytes=MAX_OBJECT_BYTES,
                within_seconds=min(self._request_seconds, within_seconds),
            )
        except OutboundError as error:
            return RetryLater(error.reason)
        return _fetched(answer) if answer.status == _OK else _refusal(answer, now=self._clock())


def _named(envelope: JsonValue) -> PosObject | None:
    """Read ``{"appId", "merchants": {ID: [{"objectId", "type", "ts"}]}}``."""
    merchants = envelope.get("merchants") if isinstance(envelope, dict) else None
    if not isinstance(merchants, dict) or len(merchants) != 1:
        return None
    [(merchant_id, updates)] = merchants.items()
    if not isinstance(updates, list) or len(updates) != 1:
        return None
    [update] = updates
    object_id = update.get("objectId") if isinstance(update, dict) else None
    # What was deleted is not there to be fetched.
    if not isinstance(object_id, str) or not isinstance(update, dict):
        return None
    return None if update.get("type") == "DELETE" else PosObject(merchant_id, object_id)


def _path(wanted: PosObject) -> str | None:
    """Give the path with its query; None for what has none."""
    kind, _, plain_id = wanted.object_id.partition(":")
    # "." and ".." are steps in a path, even percent-encoded (WHATWG URL, 4.4).
    if not {plain_id, wanted.merchant_id}.isdisjoint({"", ".", ".."}):
        return None
    merchant = f"/v3/merchants/{quote(wanted.merchant_id, safe='')}"
    if kind == "M":
        return merchant
    path = _PATHS.get(kind)
    return path and f"{merchant}/{path.format(id=quote(plain_id, safe=''))}"


def _fetched(answer: OutboundAnswer) -> Fetched | RetryLater | GaveUp:
    if answer.is_cut:
        return GaveUp("too-large", answer.status)
    try:
        value = parse(answer.body)
    except InvalidJsonError:
        return RetryLater("unexpected-answer", answer.status)
    if not isinstance(value, dict):
        return RetryLater("unexpected-answer", answer.status)
    if b"\\u" in answer.body and _holds_unstorable(value):
        return GaveUp("unstorable", answer.status)
    return Fetched(answer.body.decode())


def _refusal(answer: OutboundAnswer, *, now: datetime) -> RetryLater | GaveUp:
    status = answer.status
    if status in _ABSENT:
        return GaveUp(GONE, status)
    if status < 300:  # noqa: PLR2004  Success, and no object.
        return RetryLater("unexpected-answer", status)
    if status in _PASSING or (status not in _CLIENT_ERRORS and status not in _MOVED_FOR_GOOD):
        asked = answer.headers.get("retry-after")
        after = None if asked is None else retry_after_seconds(asked, now=now)
        return RetryLater(f"http-{status}", status, after)
    return GaveUp(f"http-{status}", status)


def _holds_unstorable(value: JsonValue) -> bool:
    """Tell whether Postgres would refuse a row for this: a NUL, or half of a surrogate pair."""
    left: list[JsonValue] = [value]
    while left:
        match left.pop():
            case str() as text if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
                return True
            case list() as items:
                left += items
            case dict() as members:
                left += members
                left += members.values()
            case _:
                continue
    return False
