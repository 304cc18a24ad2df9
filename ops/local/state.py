"""Where a local stack keeps what it must remember. One folder, one stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.assets import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_STATE = ROOT / ".local"
# Made by `make`, shared by every local stack of this checkout.
MINISTACK_PYTHON = ROOT / ".local" / "ministack-venv" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class StateDir:
    """The folder's layout. ``data`` is what ``down --purge`` forgets."""

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def ministack(self) -> Path:
        return self.root / "ministack"

    @property
    def supabase(self) -> Path:
        return self.root / "supabase"

    @property
    def secrets(self) -> Path:
        """The secrets that seal data, kept beside the data that they seal."""
        return self.root / "secrets.json"

    @property
    def stack(self) -> Path:
        """The hand-out for tools and tests."""
        return self.root / "stack.json"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs.json"

    @property
    def assembly(self) -> Path:
        return self.root / "cdk.out"

    @property
    def data(self) -> list[Path]:
        beside = [self.root / name for name in ("postgres.json", "postgres.log", "owner.json")]
        return [
            self.postgres,
            *beside,
            self.ministack,
            self.supabase,
            self.secrets,
            self.stack,
            self.outputs,
            self.assembly,
            self.logs,
        ]

    def make(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        self.ministack.mkdir(mode=0o700, exist_ok=True)
        self.ministack.chmod(0o700)
