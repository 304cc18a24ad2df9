"""Rotates the platform's own secrets, and seals anew what older keys sealed.

Secrets Manager calls it step by step, EventBridge each day.
"""

from __future__ import annotations

from tillgate.bootstrap.rotate import rotate
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context). It makes rotate() at the first request,
# or before a snapshot is taken, and closes its connections when the sandbox stops.
handler = Lifecycle(rotate)
