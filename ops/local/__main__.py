"""``python -m ops.local up|down``: what ``make demo`` and ``make down`` run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ops.local.console import console, explain
from ops.local.demo import run_demo
from ops.local.processes import LocalStackError
from ops.local.rotation import OUTPUTS, rotate
from ops.local.stack import LocalStack
from ops.local.state import DEFAULT_STATE, StateDir


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.local", description="The local stack.")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="its folder")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start or repair it, and send it sample events")
    down = commands.add_parser("down", help="stop it")
    down.add_argument("--purge", action="store_true", help="forget its data as well")
    rotation = commands.add_parser("rotate", help="rotate one of its secrets, step by step")
    rotation.add_argument("secret", choices=sorted(OUTPUTS))
    options = parser.parse_args()
    state = StateDir(options.state.resolve())
    stack = LocalStack(state)
    try:
        if options.command == "down":
            stack.down(purge=options.purge)
            return 0
        if options.command == "rotate":
            for step, said in rotate(state, options.secret, ministack=stack.ministack):
                console.print(f"{step}: {said}", markup=False)
            return 0
        return run_demo(stack.up(), path=state.stack)
    except LocalStackError as error:
        explain(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
