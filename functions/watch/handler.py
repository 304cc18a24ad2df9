"""Measures what nobody counts, and finds sources that fell quiet. EventBridge calls it."""

from __future__ import annotations

from tillgate.bootstrap.watch import watch
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context). It makes watch() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(watch)
