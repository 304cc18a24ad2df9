"""What `make workflows` lets pass and what not: each fault is put into our own workflow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.subprocesses import ROOT

BIN = Path(sys.executable).parent
FOLDER = ROOT / ".github" / "workflows"
PAGES = sorted(FOLDER.glob("*.yml"))
CI = (FOLDER / "ci.yml").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def command(tool: str) -> list[str]:
    """Give the options that `make workflows` gives a tool, so that both look equally hard."""
    (line,) = re.findall(rf"^\t\$\(BIN\)/{tool} (.*) \.github$", MAKEFILE, re.MULTILINE)
    return [str(BIN / tool), *line.split()]


def findings(page: str, tmp_path: Path) -> str:
    """Say what zizmor finds in a workflow, or nothing when it lets it pass."""
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(page)
    done = subprocess.run(  # noqa: S603  the tool of our own environment
        [*command("zizmor"), str(tmp_path)], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout


def test_our_workflow_passes(tmp_path: Path) -> None:
    assert findings(CI, tmp_path) == ""


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        ("unpinned-uses", r"checkout@[0-9a-f]{40} # v6\.0\.2", "checkout@v6"),
        ("excessive-permissions", r"^permissions: \{\}", "permissions: write-all"),
        ("artipacked", r"persist-credentials: false", "persist-credentials: true"),
        ("template-injection", r"run: make audit", "run: make ${{ github.head_ref }}"),
        ("concurrency-limits", r"(?s)^concurrency:.*?(?=^jobs:)", ""),
        ("dangerous-triggers", r"  pull_request:", "  pull_request_target:"),
    ],
)
def test_a_fault_is_found(rule: str, right: str, wrong: str, tmp_path: Path) -> None:
    page, changed = re.subn(right, wrong, CI, count=1, flags=re.MULTILINE)

    assert changed == 1
    assert f"[{rule}]" in findings(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_workflow_runs_make_and_nothing_else_on_a_runner_that_has_a_name(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"^\.PHONY: (\S+)$", MAKEFILE, re.MULTILINE)
    runs = re.findall(r"\brun: (.*)", text)
    runners = re.findall(r"runs-on: (.*)", text)

    assert runs
    assert {run.removeprefix("make ") for run in runs} <= set(targets)
    assert all(re.fullmatch(r"ubuntu-\d\d\.\d\d", runner) for runner in runners)


def test_ci_may_only_read_and_keeps_nothing_for_the_next_run() -> None:
    # zizmor takes what a job states for meant, and minds a cache only where something is released.
    granted = re.findall(r"^ +([\w-]+: (?:read|write))\b", CI, re.MULTILINE)

    assert set(granted) == {"contents: read"}
    assert len(granted) == len(re.findall(r"^ +permissions:$", CI, re.MULTILINE)) == 3
    assert set(re.findall(r"^ +([\w-]*cache[\w-]*: .*)", CI, re.MULTILINE)) == {
        "package-manager-cache: false"
    }


def test_ci_runs_what_a_change_must_pass() -> None:
    assert re.findall(r"\brun: make (.*)", CI) == ["test", "audit", "synth"]


def test_what_renews_actions_and_npm_waits_a_week() -> None:
    text = (ROOT / ".github" / "dependabot.yml").read_text()

    assert re.findall(r"package-ecosystem: (.*)", text) == ["github-actions", "npm"]
    assert re.findall(r"default-days: (\d+)", text) == ["7", "7"]
