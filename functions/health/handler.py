"""Tells whether the service runs and is ready: /livez and /startupz."""

from __future__ import annotations

from tillgate.bootstrap.health import health
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context). It makes health() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(health)
