"""What ``make demo`` shows once the stack is up: onboarding, sample traffic, a summary."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
from rich import box
from rich.markup import escape
from rich.table import Table

from ops.local.arrivals import Arrivals
from ops.local.console import console, step
from ops.local.handout import HandOut, Remembered
from ops.local.onboarding import Onboarding
from ops.local.processes import LocalStackError
from ops.local.traffic import Exchange, SampleTraffic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ops.local.stack import RunningStack

READY_SECONDS = 30
# A cold function unpacks its layers and imports them before it answers.
ANSWER_SECONDS = 30


def run_demo(stack: RunningStack, *, path: Path) -> int:
    """Onboard, send, read back, print. Gives the exit code: 0 when all was as promised."""
    with httpx.Client(base_url=stack.api_url, timeout=ANSWER_SECONDS, trust_env=False) as http:
        with step("Waiting until it is ready"):
            wait_until_ready(http)
        with step("Onboarding two tenants"):
            hand_out = Onboarding(http, stack=stack, remembered=Remembered.read(path)).run()
            hand_out.write(path)
        stack.start_sweep()
        with step("Sending sample events and reading them back"):
            traffic = SampleTraffic(http, hand_out=hand_out)
            exchanges = traffic.run()
        with step("Waiting until all of it has arrived at Supabase"):
            arrivals = Arrivals(
                http,
                tenants=hand_out.tenants,
                supabase=stack.supabase,
                run_id=traffic.run_id,
                keys=traffic.keys,
            )
            exchanges += arrivals.run()
    console.print(table_of(exchanges))
    _say_where(hand_out, path)
    wrong = [exchange for exchange in exchanges if exchange.faults]
    for exchange in wrong:
        console.print(f"[red]{exchange.title}[/red]: ", end="")
        console.print("; ".join(exchange.faults), markup=False)
    return 1 if wrong else 0


def wait_until_ready(http: httpx.Client) -> None:
    """Poll ``/startupz`` until it is 200. Raises LocalStackError with its last answer."""
    deadline = time.monotonic() + READY_SECONDS
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            answer = http.get("/startupz")
        except httpx.HTTPError as error:
            last = str(error)
        else:
            if answer.is_success:
                return
            last = f"{answer.status_code} {answer.text[:500]}"
        time.sleep(0.2)
    raise LocalStackError(f"/startupz was not 200 in {READY_SECONDS} s; last: {last}")


def table_of(exchanges: Iterable[Exchange]) -> Table:
    """Lay out what was sent and what came back, each answer as it stands."""
    table = Table(title="What was sent, what came back", title_justify="left", box=box.SIMPLE)
    table.add_column("")
    table.add_column("What")
    table.add_column("Call", no_wrap=True)
    table.add_column("Status", justify="right")
    table.add_column("Answer", overflow="fold")
    for exchange in exchanges:
        mark = "[red]✗[/red]" if exchange.faults else "[green]✓[/green]"
        # Adyen's answer is in brackets, which are a style to rich.
        answer = escape(exchange.answer)
        table.add_row(mark, exchange.title, exchange.call, str(exchange.status), answer)
    return table


def _say_where(hand_out: HandOut, path: Path) -> None:
    lines = {
        "API": hand_out.api_url,
        "API documents": f"{hand_out.browser_url}/docs",
        "Tokens, secrets, database": f"{path} (mode 0600)",
        "Logs": str(path.parent / "log"),
        "Look around": ".venv/bin/tillgate doctor",
        "Stop it": "make down (PURGE=1 forgets the data)",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in lines.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    console.print(table)
