"""Takes events in: /v1/events, /v1/events/batch and /v1/hooks."""

from __future__ import annotations

import gc

# What a start makes is kept for good: looking through it for garbage is a twentieth of the start.
gc.disable()

from tillgate.bootstrap.ingest import ingest  # noqa: E402  After the line above, which is for it.
from tillgate.entrypoints.lifecycle import Lifecycle  # noqa: E402  As above.

# What Lambda calls, as handler(event, context). It makes ingest() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(ingest)

# Nor is it looked through later.
gc.freeze()
gc.enable()
