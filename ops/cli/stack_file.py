"""``.local/stack.json``: what ``make demo`` hands out, looked for from a folder upwards."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

STACK_FILE = (".local", "stack.json")
MAKE_IT_AGAIN = "make demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """The part of the file that the CLI needs. ``private`` is false when others may read it."""

    path: Path
    api_url: str
    admin_token: str = field(repr=False)
    private: bool


def find_local_stack(folder: Path) -> LocalStack | None:
    """Read the nearest stack file, from the folder upwards; None when there is none.

    Raises UsageError when the nearest one cannot be used: a farther one would be
    another stack than the one meant.
    """
    for parent in (folder, *folder.parents):
        path = parent.joinpath(*STACK_FILE)
        if path.is_file():
            return _read(path)
    return None


def _read(path: Path) -> LocalStack:
    try:
        status = path.stat()
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{path} cannot be read: {reason}.", next_step=MAKE_IT_AGAIN) from error
    if os.geteuid() != 0 and status.st_uid not in (os.geteuid(), 0):
        raise UsageError(
            f"{path} belongs to another user, and would decide where your secrets go.",
            next_step="cd to your own checkout, or set TILLGATE_URL and TILLGATE_OPERATOR_TOKEN",
        )
    try:
        document = json.loads(text)
        api_url, admin_token = document["api_url"], document["admin_token"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unusable(path) from error
    if not (isinstance(api_url, str) and isinstance(admin_token, str)):
        raise _unusable(path)
    return LocalStack(
        path=path,
        api_url=api_url,
        admin_token=admin_token,
        private=not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO),
    )


def _unusable(path: Path) -> UsageError:
    return UsageError(
        f"{path} does not name a stack (it lacks api_url or admin_token).",
        next_step=MAKE_IT_AGAIN,
    )
