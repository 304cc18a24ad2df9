"""Answers every route that no other function has: reads, documents, /admin/api, 404 and 405."""

from __future__ import annotations

from tillgate.bootstrap.api import api
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context). It makes api() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(api)
