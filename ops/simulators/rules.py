"""Where the simulators find how a vendor retries."""

from __future__ import annotations

from tillgate.domain.vendor_rules import RetryRules
from tillgate.providers import PROVIDERS

__all__ = ["RetryRules", "rules_of"]


def rules_of(provider: str) -> RetryRules:
    """Give how this vendor delivers: its deadline, its retries, when it gives up."""
    return PROVIDERS[provider].retries
