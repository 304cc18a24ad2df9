"""Takes events in: /v1/events, /v1/events/batch and /v1/hooks."""

from __future__ import annotations

from tillgate.bootstrap.ingest import ingest
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context). It makes ingest() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(ingest)
