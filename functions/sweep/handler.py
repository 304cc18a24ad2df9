"""Keeps partitions made ahead and lets go of what has expired. EventBridge calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tillgate.bootstrap.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping


def handler(_event: object, _context: object) -> Mapping[str, Any]:
    return sweep()()
