"""Prometheus and promtool for the tests, in the checkout: ``python -m ops.prometheus``.

Neither root nor Docker is needed: what is on the PATH is used, and else Debian's or Ubuntu's own
package is downloaded by apt, which verifies it, and unpacked beside the other tools.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".local/prometheus"
PROMETHEUS = FOLDER / "usr/bin/prometheus"
PROMTOOL = FOLDER / "usr/bin/promtool"
_NAMES = (PROMETHEUS.name, PROMTOOL.name)
_PACKAGE = "prometheus"
_SECONDS = 300
_MISSING = """\
The tests hold /metrics and the alert rules against a real Prometheus, and there is none here:
neither `prometheus` and `promtool` on the PATH, nor apt, which would download them."""
_ADVICE = "Install it (macOS: brew install prometheus; else prometheus.io/download) and repeat."


class AptFailedError(Exception):
    """apt-get or dpkg ended with an error; the message is what it said."""


def install(folder: Path = FOLDER) -> None:
    """Put both into ``folder``/usr/bin, anew; raises SystemExit, which says what to do."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="prometheus-") as scratch:
        made = Path(scratch) / "made"
        there = [path for name in _NAMES if (path := shutil.which(name))]
        if len(there) == len(_NAMES):
            (made / "usr/bin").mkdir(parents=True)
            for path in there:
                (made / "usr/bin" / Path(path).name).symlink_to(path)
        elif shutil.which("apt-get") and shutil.which("dpkg"):
            try:
                _run("dpkg", "-x", str(_download(Path(scratch))), str(made), cwd=Path(scratch))
            except AptFailedError as error:
                raise SystemExit(f"apt gave no Prometheus:\n{error}\n{_ADVICE}") from error
        else:
            raise SystemExit(f"{_MISSING}\n{_ADVICE}")
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _download(scratch: Path) -> Path:
    """Give the package's file. Raises AptFailedError."""
    try:
        _run("apt-get", "-qq", *_as_whoever_we_are(), "download", _PACKAGE, cwd=scratch)
    except AptFailedError:
        # A new machine has no package lists, and an old one's name a version that is gone. Lists
        # of our own need no root, and change nothing outside the checkout.
        own = (
            *_as_whoever_we_are(),
            *("-o", f"Dir::State::lists={scratch / 'lists'}"),
            *("-o", f"Dir::Cache={scratch / 'cache'}"),
            *("-o", "Acquire::Languages=none"),
        )
        for name in ("lists/partial", "cache/archives/partial"):
            (scratch / name).mkdir(parents=True)
        _run("apt-get", "-qq", *own, "update", cwd=scratch)
        _run("apt-get", "-qq", *own, "download", _PACKAGE, cwd=scratch)
    return next(scratch.glob("*.deb"))


def _as_whoever_we_are() -> tuple[str, str]:
    """Let root's apt download as root: its own user may not write into a checkout."""
    return "-o", "APT::Sandbox::User=root"


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise AptFailedError(done.stderr.strip() or f"{' '.join(command)}: {done.returncode}")


if __name__ == "__main__":
    install()
