"""A fresh interpreter, as a cold start has one: nothing of the test run is loaded in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "tillgate" / "python"
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def run_python(code: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run code with no environment but ``env``; give what it prints. Fails when it fails."""
    done = subprocess.run(  # noqa: S603  Our own code, in a list.
        [sys.executable, "-c", code, *arguments],
        env=dict(env or {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout
