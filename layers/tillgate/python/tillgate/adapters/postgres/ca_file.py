"""A CA of the operator's, where libpq can read it."""

from __future__ import annotations

import os
import tempfile
from functools import lru_cache
from pathlib import Path


def ca_file(ca: str) -> str:
    """Keep a CA in a file of this process's own, since libpq takes one from nowhere else.

    Idempotent. A sandbox that went on from a snapshot may find that the file has stayed behind.
    """
    path = _written(ca)
    if not Path(path).exists():
        _written.cache_clear()
        path = _written(ca)
    return path


@lru_cache(maxsize=4)
def _written(ca: str) -> str:
    # A name that nobody can guess, so that nobody else's file stands there before.
    descriptor, path = tempfile.mkstemp(prefix="tillgate-ca-", suffix=".pem")
    with os.fdopen(descriptor, "w") as file:
        file.write(ca)
    return path
