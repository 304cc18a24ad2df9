"""The real ``cdk bootstrap`` and ``cdk deploy``, aimed at the emulator."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

from ops.local.aws import client_environment, cloudformation_client
from ops.local.ministack import ACCOUNT, REGION
from ops.local.processes import LocalStackError
from stacks.assets import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.local.state import StateDir

STAGE = "local"
# Where the stage looks for the URL of its database's owner.
DATABASE_SECRET = "tillgate/local/database"  # noqa: S105 - a secret's name
CDK = ROOT / "node_modules" / ".bin" / "cdk"


def bootstrap(state: StateDir, *, endpoint_url: str, detail: Callable[[str], None]) -> None:
    """Bootstrap the emulated account, unless it was before."""
    stacks = cloudformation_client(endpoint_url).describe_stacks()["Stacks"]
    done = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    if any(s["StackName"] == "CDKToolkit" and s["StackStatus"] in done for s in stacks):
        return
    # Run where no cdk.json lies: the account needs none of our stacks, and their
    # synthesis would take longer than the bootstrap itself.
    _cdk(
        ["bootstrap", f"aws://{ACCOUNT}/{REGION}"],
        log=state.logs / "cdk-bootstrap.log",
        folder=state.root,
        endpoint_url=endpoint_url,
        detail=detail,
    )


def deploy(
    state: StateDir, *, endpoint_url: str, identity: str, detail: Callable[[str], None]
) -> dict[str, str]:
    """Deploy every stack and give their outputs, by name.

    ``identity`` names the database and the emulator as they are now: when
    either was replaced, migrate runs again.
    """
    _cdk(
        [
            "deploy", "--all", "--require-approval", "never", "--progress", "events",
            "--outputs-file", str(state.outputs), "--output", str(state.assembly),
            "-c", f"stage={STAGE}", "-c", f"database_identity={identity}",
            "-c", f"database_secret={DATABASE_SECRET}",
        ],
        log=state.logs / "cdk-deploy.log",
        folder=ROOT,
        endpoint_url=endpoint_url,
        detail=detail,
    )  # fmt: skip
    stacks: dict[str, dict[str, str]] = json.loads(state.outputs.read_text())
    return {name: value for outputs in stacks.values() for name, value in outputs.items()}


def _cdk(
    arguments: list[str],
    *,
    log: Path,
    folder: Path,
    endpoint_url: str,
    detail: Callable[[str], None],
) -> None:
    command = [str(CDK), *arguments, "--ci", "--no-notices", "--no-version-reporting"]
    with log.open("w") as file, subprocess.Popen(
        command, cwd=folder, env=client_environment(endpoint_url), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            file.write(line)
            if shown := line.strip():
                detail(shown[: _width()])
    if process.returncode != 0:
        raise LocalStackError(
            f"cdk {arguments[0]} failed.",
            log=log,
            next_command="make demo again, or make down PURGE=1 to begin anew without the data",
        )


def _width() -> int:
    """Leave room for the step's own title on one line of the terminal."""
    try:
        return max(20, os.get_terminal_size().columns - 40)
    except OSError:
        return 60
