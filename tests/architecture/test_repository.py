"""What must never be committed: where packages came from, whose machine it was, and secrets."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What, the pattern that finds it, and something that it must find.
FORBIDDEN = [
    (
        "a package's download address",
        r'("resolved": *"http|--(extra-)?index-url|--find-links +\S)',
        '"resolved": "https://example.com/a.tgz"',
    ),
    (
        "a registry's address",
        r"https?://(registry\.npmjs|registry\.yarnpkg|files\.pythonhosted)",
        "https://registry.npmjs.org/left-pad",
    ),
    (
        "a path of somebody's machine",
        r"(?<![\w.~$}/-])/(root|home|Users|work)/[\w.-]+/",
        "see /home/ann/tillgate/README.md",
    ),
    ("an AWS access key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b", "AKIAABCDEFGHIJKLMNOP"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"),
    ("an API token", r"\btg_live_(?![\w-]*EXAMPLE)[\w-]{43}\b", "tg_live_" + "a1_" * 14 + "b"),
]


@cache
def committed() -> dict[str, str]:
    """Give the text of every file that git knows, but for this one."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  git is found on the PATH, as people expect.
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return {
        str(path.relative_to(ROOT)): path.read_text(errors="replace")
        for path in paths
        if path.is_file() and path != Path(__file__)
    }


@pytest.mark.parametrize(
    ("what", "pattern", "sample"), FORBIDDEN, ids=[row[0] for row in FORBIDDEN]
)
def test_nothing_committed_holds(what: str, pattern: str, sample: str) -> None:
    assert re.search(pattern, sample), f"the pattern does not find {what}"

    found = [
        f"{name}: {match[0]}"
        for name, text in committed().items()
        for match in re.finditer(pattern, text)
    ]

    assert len(committed()) > 100
    assert found == []
