"""The trace of what is being worked on, for those who call others on its behalf."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tillgate.domain.trace import Trace

_SPAN_BYTES = 8


class TraceInHand:
    """Begun with every message or request; for one thread at a time."""

    def __init__(self) -> None:
        self._trace: Trace | None = None

    def begin(self, trace: Trace) -> None:
        """Say that what is called from now on is called for this."""
        self._trace = trace

    def headers(self) -> dict[str, str]:
        """Give the headers of one call, which is a span of its own; none before ``begin``."""
        trace = self._trace
        if trace is None:
            return {}
        headers = {"traceparent": trace.traceparent(os.urandom(_SPAN_BYTES).hex())}
        if trace.state:
            headers["tracestate"] = trace.state
        return headers
