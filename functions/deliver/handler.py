"""Takes events to their tenants' destinations. SQS calls it, from two queues."""

from __future__ import annotations

from tillgate.bootstrap.deliver import deliver
from tillgate.entrypoints.lifecycle import Lifecycle

# What Lambda calls, as handler(event, context), with up to ten messages at once.
handler = Lifecycle(deliver)
