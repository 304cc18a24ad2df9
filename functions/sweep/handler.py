"""Queues what is due for delivery and keeps the database in order. EventBridge calls it."""

from __future__ import annotations

from tillgate.bootstrap.sweep import sweep
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context). It makes sweep() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(sweep)
