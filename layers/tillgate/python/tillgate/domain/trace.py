"""W3C Trace Context: read strictly, and written for whoever is called next.

https://www.w3.org/TR/trace-context/ and, for AWS' own header,
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# No id is all zeros, and no version is ff. A later version may say more after another hyphen.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?\Z"
)
_FIRST_VERSION = "00"
# What a flag beyond "sampled" and "random" will mean nobody knows: it is not passed on.
_KNOWN_FLAGS = 0b11
_SAMPLED, _NOT_SAMPLED = "01", "00"

# The least that everybody has to pass on, and the most that we do.
MAX_STATE_LENGTH = 512
_MAX_STATE_MEMBERS = 32
_STATE_MEMBER = re.compile(r"([a-z0-9][a-z0-9_*/@-]{0,255})=[ !-+\--<>-~]{0,255}[!-+\--<>-~]\Z")

_XRAY_ROOT = re.compile(r"(?:^|;)\s*Root=1-(?!0{8}-0{24})([0-9a-f]{8})-([0-9a-f]{24})\s*(?:;|\Z)")
_XRAY_SAMPLED = re.compile(r"(?:^|;)\s*Sampled=1\s*(?:;|\Z)")


class Trace(NamedTuple):
    """What everything that one cause brings about has in common.

    ``trace_id`` is 32 hex digits, ``flags`` two; ``state`` is what others added, or empty.
    """

    trace_id: str
    flags: str = _NOT_SAMPLED
    state: str = ""

    def traceparent(self, span_id: str) -> str:
        """Write the header for one call; ``span_id`` (16 hex digits) is that call's own."""
        return f"{_FIRST_VERSION}-{self.trace_id}-{span_id}-{self.flags}"


def parsed(traceparent: str, tracestate: str = "") -> Trace | None:
    """Read the headers of who called; None where they are not as they have to be.

    A ``tracestate`` that is too long or not well-formed is dropped by itself.
    """
    match = _TRACEPARENT.match(traceparent)
    if match is None:
        return None
    version, trace_id, flags, more = match.groups()
    if more is not None and version == _FIRST_VERSION:
        return None
    return Trace(trace_id, f"{int(flags, 16) & _KNOWN_FLAGS:02x}", _state(tracestate))


def trace_of(
    traceparent: str | None,
    tracestate: str | None,
    *,
    xray: str | None,
    new_id: Callable[[], str],
) -> Trace:
    """Go on with the caller's trace, else with X-Ray's, else begin one.

    ``xray`` is AWS' X-Amzn-Trace-Id: its root has the same 32 digits, so that what X-Ray shows
    and what the log says have one id. ``new_id`` gives 32 hex digits.
    """
    if traceparent is not None:
        given = parsed(traceparent, tracestate or "")
        if given is not None:
            return given
    root = _XRAY_ROOT.search(xray) if xray else None
    if xray is None or root is None:
        return Trace(new_id())
    # API Gateway's says no more than the root, as a rule.
    is_sampled = len(root[0]) < len(xray) and _XRAY_SAMPLED.search(xray)
    return Trace(root[1] + root[2], _SAMPLED if is_sampled else _NOT_SAMPLED)


def _state(text: str) -> str:
    """Give it back as it came, or nothing where any part of it is not well-formed."""
    if not text or len(text) > MAX_STATE_LENGTH:
        return ""
    keys = []
    for member in text.split(","):
        stripped = member.strip(" \t")
        if not stripped:
            continue
        match = _STATE_MEMBER.match(stripped)
        if match is None:
            return ""
        keys.append(match[1])
    is_sound = len(keys) <= _MAX_STATE_MEMBERS and len(set(keys)) == len(keys)
    return text if keys and is_sound else ""
