"""What a sandbox says about itself, between requests."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

from tillgate.domain.timestamps import rfc3339


def log_step(task: str, **fields: object) -> None:
    """Write one JSON line. It may be called by a signal's handler."""
    line = {
        "at": rfc3339(datetime.now(UTC)),
        "task": task,
        "version": os.environ.get("VERSION", ""),
        "stage": os.environ.get("STAGE", ""),
        **fields,
    }
    # Python refuses to write to a stream in whose own writing the signal came.
    with suppress(RuntimeError, OSError):
        # In one piece: another thread may be writing, too.
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")


def flush_output() -> None:
    """Write out what Python still buffers: os._exit would lose it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(RuntimeError, OSError):
            stream.flush()
