"""Stores what waited on the accept queue while the database was unreachable. SQS calls it."""

from __future__ import annotations

from tillgate.bootstrap.accept import accept
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context), with up to ten messages at once.
handler = Lifecycle(accept)
