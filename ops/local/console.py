"""What a person sees while the local stack comes up: one line a step, with its time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.local.processes import LocalStackError

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)
TAIL_LINES = 15


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Show a step while it lasts, and how long it took; the yielded function adds a detail."""
    began = time.monotonic()
    with console.status(title) as status:

        def detail(text: str) -> None:
            status.update(f"{title} [dim]{text}[/dim]")

        try:
            yield detail
        except BaseException:
            console.print(f"[red]✗[/red] {title}")
            raise
    console.print(f"[green]✓[/green] {title} [dim]{time.monotonic() - began:.1f} s[/dim]")


def explain(error: LocalStackError) -> None:
    """Say what failed, the end of its log, and the next command to type."""
    errors.print(str(error), style="red", markup=False, soft_wrap=True)
    if error.log is not None and error.log.exists():
        lines = error.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        errors.print("\n".join(lines), markup=False, style="dim", soft_wrap=True)
        errors.print(f"The whole log: {error.log}", markup=False, soft_wrap=True)
    if error.next_command:
        errors.print(f"Next: {error.next_command}", markup=False, soft_wrap=True)
