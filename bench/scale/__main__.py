"""``python -m bench.scale [--evidence] [--write-docs] [--check]``: tables of what scale takes.

Without ``--evidence`` from the figures that the model states; with it, the benches' newest
take their place. ``--write-docs`` puts the stated ones' tables into docs/scale.md;
``--check`` runs real sandboxes, and writes how far the model was off as evidence.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bench.scale.inputs import Inputs, from_evidence
from bench.scale.report import DOCS, tables, with_tables
from bench.scale.steps import steps
from ops.evidence import evidence_table, write_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--evidence", action="store_true", help="start from what was measured last")
    parser.add_argument("--write-docs", action="store_true", help="renew docs/scale.md")
    parser.add_argument("--check", action="store_true", help="hold it against this machine")
    options = parser.parse_args(arguments)
    if options.check:
        return _check()
    inputs = from_evidence(Inputs()) if options.evidence else Inputs()
    made = tables(inputs, steps(inputs))
    if options.write_docs:
        stated = Inputs()
        made = made if inputs == stated else tables(stated, steps(stated))
        DOCS.write_text(with_tables(DOCS.read_text(), made))
        return 0
    print("\n\n".join(f"{name}\n\n{table}" for name, table in made.items()))
    return 0


def _check() -> int:
    from bench.scale.check import check  # noqa: PLC0415  Only this needs a Postgres.

    row = check()
    write_evidence("bench", [row], keep_others=True)
    print(evidence_table([row]))
    return 0 if row.holds else 1


if __name__ == "__main__":
    sys.exit(main())
