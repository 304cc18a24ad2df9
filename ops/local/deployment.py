"""The real ``cdk bootstrap`` and ``cdk deploy``, aimed at the emulator."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

from ops.local.aws import client, client_environment
from ops.local.ministack import ACCOUNT, REGION
from ops.local.processes import LocalStackError
from stacks.assets import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.local.state import StateDir

STAGE = "local"
CDK = ROOT / "node_modules" / ".bin" / "cdk"


def bootstrap(state: StateDir, *, endpoint_url: str, detail: Callable[[str], None]) -> None:
    """Bootstrap the emulated account, unless it was before."""
    stacks = client("cloudformation", endpoint_url).describe_stacks()["Stacks"]
    if any(stack["StackName"] == "CDKToolkit" for stack in stacks):
        return
    _cdk(
        ["bootstrap", f"aws://{ACCOUNT}/{REGION}"],
        state=state, endpoint_url=endpoint_url, identity="", detail=detail,
    )  # fmt: skip


def deploy(
    state: StateDir, *, endpoint_url: str, identity: str, detail: Callable[[str], None]
) -> dict[str, str]:
    """Deploy every stack and give their outputs, by name.

    ``identity`` names the database and the emulator as they are now: when
    either was replaced, migrate runs again.
    """
    _cdk(
        ["deploy", "--all", "--require-approval", "never", "--outputs-file", str(state.outputs)],
        state=state, endpoint_url=endpoint_url, identity=identity, detail=detail,
    )  # fmt: skip
    stacks: dict[str, dict[str, str]] = json.loads(state.outputs.read_text())
    return {name: value for outputs in stacks.values() for name, value in outputs.items()}


def _cdk(
    arguments: list[str],
    *,
    state: StateDir,
    endpoint_url: str,
    identity: str,
    detail: Callable[[str], None],
) -> None:
    log = state.logs / f"cdk-{arguments[0]}.log"
    command = [
        str(CDK), *arguments, "--no-notices", "--no-version-reporting", "--progress", "events",
        "--ci", "--output", str(state.assembly),
        "-c", f"stage={STAGE}", "-c", f"database_identity={identity}",
    ]  # fmt: skip
    with log.open("w") as file, subprocess.Popen(
        command, cwd=ROOT, env=client_environment(endpoint_url), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            file.write(line)
            if shown := line.strip():
                detail(shown[: _width()])
    if process.returncode != 0:
        raise LocalStackError(
            f"cdk {arguments[0]} failed.", log=log, next_command="make down && make demo"
        )


def _width() -> int:
    """Leave room for the step's own title on one line of the terminal."""
    try:
        return max(20, os.get_terminal_size().columns - 40)
    except OSError:
        return 60
