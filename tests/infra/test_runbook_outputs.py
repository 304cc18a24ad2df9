"""The stack outputs that runbooks ask for are put out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.architecture.subprocesses import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.infra.synthesis import Synthesised


def test_every_output_that_a_runbook_asks_for_is_put_out(
    synthesised: Callable[[str], Synthesised],
) -> None:
    made = synthesised("prod")
    asked = {
        pair
        for page in (ROOT / "runbooks").rglob("*.md")
        for pair in re.findall(r"\boutput ([A-Z]\w+) ([A-Z]\w+)", page.read_text())
    }
    missing = {
        (stack, name)
        for stack, name in asked
        # Put out only where the stage has a domain of its own.
        if name != "DomainTarget" and name not in made.templates[stack]["Outputs"]
    }

    assert len(asked) > 4
    assert missing == set()
