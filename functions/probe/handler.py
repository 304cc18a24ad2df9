"""Tests a tenant's destination, which only what has a way out of the network can."""

from __future__ import annotations

from tillgate.bootstrap.probe import probe
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context), for one route of the admin API.
handler = Lifecycle(probe)
