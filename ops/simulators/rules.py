"""Where the simulators find how a vendor retries."""

from __future__ import annotations

from ops.simulators.vendor_rules import VENDOR_RULES, RetryRules

__all__ = ["RetryRules", "rules_of"]


def rules_of(provider: str) -> RetryRules:
    """Give how this vendor delivers: its deadline, its retries, when it gives up."""
    return VENDOR_RULES[provider]
