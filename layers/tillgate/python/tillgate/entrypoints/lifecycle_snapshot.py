"""SnapStart: what is done before a sandbox is kept as a snapshot, and in each made from it.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

from __future__ import annotations

import importlib
import random
from typing import TYPE_CHECKING

from tillgate.entrypoints.lifecycle_log import log_step

if TYPE_CHECKING:
    from collections.abc import Callable


def register_hooks(
    *, before_snapshot: Callable[[], None], after_restore: Callable[[], None]
) -> None:
    """Have Lambda call them. Its Python runtimes bring the module; we do not ship it."""
    try:
        hooks = importlib.import_module("snapshot_restore_py")
    except ImportError:
        log_step("snapshot", outcome="failed", error="there is no snapshot_restore_py")
        return
    hooks.register_before_snapshot(before_snapshot)
    # First of all: every sandbox of one snapshot would draw the same numbers.
    hooks.register_after_restore(random.seed)
    hooks.register_after_restore(after_restore)
