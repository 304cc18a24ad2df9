"""What the demo prints of its traffic."""

from __future__ import annotations

import io

from rich.console import Console

from ops.local.demo import table_of
from ops.local.traffic import Exchange


def test_answer_in_brackets_is_printed_as_it_came() -> None:
    exchange = Exchange(title="Adyen webhook", call="POST /", status=200, answer="[accepted]")
    page = Console(file=io.StringIO(), width=100)

    with page.capture() as printed:
        page.print(table_of([exchange]))

    assert "[accepted]" in printed.get()
